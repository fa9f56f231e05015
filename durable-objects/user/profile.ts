import type { Caller } from "../../src/auth/caller.ts";
import type { Profile, ProfilePatch } from "../../src/protocol/resources.ts";
import type { Card } from "./words.ts";
import type { Sql } from "./sql.ts";

type Stored = {
  name: string | null;
  avatar: string | null;
  token_name: string | null;
  token_avatar: string | null;
  sharing: number;
  paused_until: number | null;
  discoverable: number;
};

const EMPTY: Stored = {
  name: null,
  avatar: null,
  token_name: null,
  token_avatar: null,
  sharing: 1,
  paused_until: null,
  discoverable: 0,
};

/** Who the user is to others: what was chosen here, else what the host app's token says. Read once, kept in memory. */
export class ProfileStore {
  readonly #sql: Sql;
  #stored: Stored | undefined;
  #card: Card | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  get sharing(): boolean {
    return this.#read().sharing === 1;
  }

  /** Strangers may see the user, while a client asks for them, too. */
  get discoverable(): boolean {
    return this.#read().discoverable === 1;
  }

  /** The same object until it changes. */
  get card(): Card {
    const { name, avatar, token_name, token_avatar } = this.#read();
    this.#card ??= cardOf(name ?? token_name, avatar ?? token_avatar);
    return this.#card;
  }

  /** When the pause ends by itself, ms, or null. */
  get pausedUntil(): number | null {
    return this.#read().paused_until;
  }

  view(user: string): Profile {
    const { sharing, paused_until, discoverable } = this.#read();
    const end = sharing === 1 || paused_until === null ? {} : { pausedUntil: paused_until };
    return { user, ...this.card, sharing: sharing === 1, ...end, discoverable: discoverable === 1 };
  }

  /** What the newest token says. Writes only when it differs. */
  introduce({ name, picture }: Caller): void {
    const token_name = name ?? null;
    const token_avatar = picture ?? null;
    const stored = this.#read();
    if (stored.token_name === token_name && stored.token_avatar === token_avatar) return;
    this.#write({ ...stored, token_name, token_avatar });
  }

  patch({ name, avatar, sharing: wish, pausedUntil, discoverable }: ProfilePatch): void {
    const stored = this.#read();
    const isTimed = typeof pausedUntil === "number";
    const sharing = wish === undefined ? (isTimed ? 0 : stored.sharing) : +(wish ?? true);
    const until = pausedUntil === undefined ? stored.paused_until : pausedUntil;
    this.#write({
      ...stored,
      name: name === undefined ? stored.name : name,
      avatar: avatar === undefined ? stored.avatar : avatar,
      sharing,
      // An end belongs to one pause: the next one has none unless it says so.
      paused_until: sharing === 1 || (wish === false && !isTimed && stored.sharing === 1) ? null : until,
      discoverable: discoverable === undefined ? stored.discoverable : +(discoverable ?? false),
    });
  }

  /** The pause has come to its end. @returns whether there was one that is over */
  resumeIfDue(now: number): boolean {
    const stored = this.#read();
    if (stored.sharing === 1 || stored.paused_until === null || stored.paused_until > now) return false;
    this.#write({ ...stored, sharing: 1, paused_until: null });
    return true;
  }

  /** Nothing is left of who the user was. */
  clear(): void {
    this.#sql.all("DELETE FROM profile");
    this.#stored = EMPTY;
    this.#card = undefined;
  }

  #read(): Stored {
    if (this.#stored !== undefined) return this.#stored;
    const columns = "name, avatar, token_name, token_avatar, sharing, paused_until, discoverable";
    const [row] = this.#sql.all<Stored>(`SELECT ${columns} FROM profile`);
    this.#stored = row ?? EMPTY;
    return this.#stored;
  }

  #write(stored: Stored): void {
    const { name, avatar, token_name, token_avatar, sharing, paused_until, discoverable } = stored;
    this.#sql.all(
      "INSERT OR REPLACE INTO profile (one, name, avatar, token_name, token_avatar, sharing, paused_until, discoverable)" +
        " VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
      ...[name, avatar, token_name, token_avatar, sharing, paused_until, discoverable],
    );
    this.#stored = stored;
    this.#card = undefined;
  }
}

export function cardOf(name: string | null, avatar: string | null): Card {
  return { ...(name === null ? {} : { name }), ...(avatar === null ? {} : { avatar }) };
}
