import { ANSWER_MAX_MS } from "../../src/presence/presence.ts";
import { Chance } from "./random.ts";
import type { PersonId } from "./scenario.ts";
import type { World } from "./world.ts";

const SALT = 0x7072;
/** One way to the index or back. */
const WAY_MS = { min: 5, max: 100 } as const;
/** Of those who are asked for, the share that a lie is about. */
const LIED_SHARE = 0.5;
/** Shares of all questions; one fault at a time. */
const SHARES = { refused: 0.1, hanging: 0.1, dropped: 0.12, missing: 0.12, stale: 0.12 } as const;

type Fault = keyof typeof SHARES;

export interface SimEntries {
  readonly wasListed: boolean;
  readonly revs: ReadonlyMap<PersonId, number>;
}

interface Question {
  readonly who: PersonId;
  readonly rev: number;
  readonly ttlMs: number;
  readonly friends: readonly PersonId[];
}

/** What really happened at the index. */
export function noIndexCounts() {
  return { asked: 0, refused: 0, hanging: 0, dropped: 0, missing: 0, stale: 0, flushed: 0, listed: 0, presumed: 0 };
}

export type IndexCounts = ReturnType<typeof noIndexCounts>;

/** The index of active friends. While it storms it fails and lies. */
export class SimPresence {
  readonly counts = noIndexCounts();
  readonly #world: World;
  readonly #entries = new Map<PersonId, { rev: number; until: number }>();
  /** The last entry of everybody, for lies. */
  readonly #past = new Map<PersonId, number>();
  readonly #asked = new Map<PersonId, number>();

  constructor(world: World) {
    this.#world = world;
    const { queue, startMs, scenario } = world;
    for (const at of scenario.index?.flushAt ?? []) {
      queue.plan(startMs + at, () => {
        if (this.#entries.size > 0) this.counts.flushed++;
        this.#entries.clear();
      });
    }
  }

  /** Sets and asks; `ended` gets null when there is no answer in time. */
  announce(question: Question, ended: (entries: SimEntries | null) => void): void {
    const { queue, scenario, build } = this.#world;
    const n = this.#asked.get(question.who) ?? 0;
    this.#asked.set(question.who, n + 1);
    const chance = new Chance(SALT, scenario.index?.seed ?? 0, question.who, n);
    const fault = this.#draw(chance);
    this.counts.asked++;
    if (fault !== null) this.counts[fault]++;
    if (fault === "refused") {
      queue.plan(queue.now + WAY_MS.min, () => ended(null));
      return;
    }
    const [outMs, backMs] = [way(chance), way(chance)];
    queue.plan(queue.now + outMs, () => {
      const setsFirst = build.index !== "get first";
      const before = setsFirst ? this.#set(question, fault) : false;
      const revs = this.#find(question, fault, chance);
      if (!setsFirst) queue.plan(queue.now + backMs, () => void this.#set(question, fault));
      if (fault !== "hanging") queue.plan(queue.now + backMs, () => ended({ wasListed: before, revs }));
    });
    if (fault === "hanging") queue.plan(queue.now + ANSWER_MAX_MS, () => ended(null));
  }

  #draw(chance: Chance): Fault | null {
    const { queue, scenario, startMs } = this.#world;
    if (scenario.index?.lies !== true || queue.now >= startMs + scenario.calmAt) return null;
    let luck = chance.next();
    for (const fault of ["refused", "hanging", "dropped", "missing", "stale"] as const) {
      luck -= SHARES[fault];
      if (luck < 0) return fault;
    }
    return null;
  }

  #set({ who, rev, ttlMs }: Question, fault: Fault | null): boolean {
    const { now } = this.#world.queue;
    const before = this.#entries.get(who);
    if (fault !== "dropped") {
      this.#entries.set(who, { rev, until: now + ttlMs });
      this.#past.set(who, rev);
    }
    return before !== undefined && before.until > now;
  }

  #find({ friends }: Question, fault: Fault | null, chance: Chance): Map<PersonId, number> {
    const { now } = this.#world.queue;
    const revs = new Map<PersonId, number>();
    for (const friend of friends) {
      const entry = this.#entries.get(friend);
      const past = this.#past.get(friend);
      if (entry !== undefined && entry.until > now) {
        if (fault !== "missing" || !chance.is(LIED_SHARE)) revs.set(friend, entry.rev);
      } else if (fault === "stale" && past !== undefined && chance.is(LIED_SHARE)) revs.set(friend, past);
    }
    this.counts.listed += revs.size;
    return revs;
  }
}

function way(chance: Chance): number {
  return Math.round(chance.between(WAY_MS.min, WAY_MS.max));
}
