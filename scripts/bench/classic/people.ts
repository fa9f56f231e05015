/** Everybody whom this server process has to know: who is connected to it, and their friends. One entry for each of them. */
import type { Position } from "./notice.ts";
import type { Session } from "./session.ts";
import { isSharing, type PersonRow } from "./store.ts";

/** What friends get to see beside the place. A new object with each change, so that `===` tells whether it was told. */
export interface Card {
  readonly name?: string;
  readonly avatar?: string;
}

/** One user as servers know them by the channel. */
export interface Known {
  readonly id: string;
  /** Null while inactive. */
  position: Position | null;
  card: Card;
  profile: Pick<PersonRow, "sharing" | "paused_until">;
  /** Those connected here who have this user as a friend. */
  readonly watchers: Set<Link>;
  /** The connections of this user here. */
  session: Session | null;
  /** Sessions that need the channel: this user's own and those of the friends. */
  holds: number;
  /** Settled when the channel is subscribed and the cache was read; null from then on. */
  loading: Promise<void> | null;
}

/** A connected user and a friend. */
export interface Link {
  readonly viewer: Session;
  readonly friend: Known;
  /** The friend shows a cell only. */
  coarse: boolean;
  /** Either of the two hides from the other. */
  hidden: boolean;
  muted: boolean;
  /** On the viewer's screens. */
  shown: boolean;
  /** What the viewer's clients know of the card. */
  told: Card | null;
}

export interface PeopleOptions {
  /** Subscribes and reads the cache; resolves when no later position can be missed. */
  join: (ids: string[]) => Promise<void>;
  leave: (ids: string[]) => void;
}

/** Somebody who is to be known, and what the database has about them. */
export interface Entrant extends Pick<PersonRow, "name" | "avatar" | "sharing" | "paused_until"> {
  readonly id: string;
}

export class People {
  readonly #options: PeopleOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  get(id: string): Known | undefined {
    return this.#known.get(id);
  }

  ids(): IterableIterator<string> {
    return this.#known.keys();
  }

  /** Enters these users, once more each, and resolves when all of their channels are heard. */
  async hold(entrants: readonly Entrant[]): Promise<void> {
    const fresh: Known[] = [];
    const loading = new Set<Promise<void>>();
    for (const entrant of entrants) {
      let known = this.#known.get(entrant.id);
      if (known === undefined) {
        known = this.#enter(entrant);
        fresh.push(known);
      }
      known.holds += 1;
      if (known.loading !== null) loading.add(known.loading);
    }
    if (fresh.length > 0) {
      const joined = this.#options.join(fresh.map((known) => known.id)).finally(() => {
        for (const known of fresh) known.loading = null;
      });
      for (const known of fresh) known.loading = joined;
      loading.add(joined);
    }
    await Promise.all(loading);
  }

  release(ids: Iterable<string>): void {
    const left: string[] = [];
    for (const id of ids) {
      const known = this.#known.get(id);
      if (known === undefined) continue;
      known.holds -= 1;
      if (known.holds > 0) continue;
      this.#known.delete(id);
      left.push(id);
    }
    if (left.length > 0) this.#options.leave(left);
  }

  #enter(entrant: Entrant): Known {
    const { id, sharing, paused_until } = entrant;
    const known: Known = {
      id,
      position: null,
      card: cardOf(entrant),
      profile: { sharing, paused_until },
      watchers: new Set(),
      session: null,
      holds: 0,
      loading: null,
    };
    this.#known.set(id, known);
    return known;
  }
}

export function cardOf({ name, avatar }: Pick<PersonRow, "name" | "avatar">): Card {
  return { ...(name === null ? undefined : { name }), ...(avatar === null ? undefined : { avatar }) };
}

export function isPaused(known: Known, nowMs: number): boolean {
  return !isSharing(known.profile, nowMs);
}
