import { type Chance, Members, type Question, type Report } from "./members.ts";
import type { Seen } from "./sample.ts";
import { heard, type Level, levelAt, needOf, type Need, RequestRate, type Shard, SYNC_EVERY_MS } from "./shards.ts";

/** `moved`: nobody is kept here; ask the shard of that level. */
export type Reply = { readonly moved: number } | { readonly people: Seen[] };

/**
 * What one object of a cell knows and answers. The object of level 0 knows the level of the cell (`held`); a shard of it
 * believes in its own level until that object says another one.
 */
export class Cell {
  readonly #shard: Shard;
  readonly #members: Members;
  readonly #rate = new RequestRate();
  /** Null in a shard. */
  #held: Level | null;
  /** In a shard: what the object of level 0 said last. */
  #told: number;
  #askedAt = 0;

  /** @param held what was written down, in the object of level 0 */
  constructor(shard: Shard, radiusM: number, held: Level) {
    this.#shard = shard;
    this.#members = new Members(radiusM);
    this.#held = shard.level === 0 ? held : null;
    this.#told = shard.level;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Null in a shard. A new object each time that it has to be written down. */
  get held(): Level | null {
    return this.#held;
  }

  report(report: Report, now: number, chance: Chance): Reply {
    this.#rate.count(now);
    this.#speak(now);
    const level = this.#levelAt(now);
    if (level !== this.#shard.level) {
      // Reported before the cell was split, and now is where the others are.
      this.#members.remove(report.user);
      return { moved: level };
    }
    this.#members.put(report, now, chance);
    return this.#answer(report, now);
  }

  ask(question: Question, now: number): Reply {
    this.#rate.count(now);
    this.#speak(now);
    const level = this.#levelAt(now);
    return level === this.#shard.level ? this.#answer(question, now) : { moved: level };
  }

  leave(user: string): void {
    this.#members.remove(user);
  }

  sweep(now: number): number | null {
    return this.#members.sweep(now);
  }

  /** A shard says what it needs, and hears the level. In the object of level 0 only. */
  hear(said: { level: number; need: Need }, now: number): number {
    if (this.#held === null) throw new Error("only the object of level 0 knows the level");
    this.#held = heard(this.#held, said, now);
    return levelAt(this.#held, now);
  }

  /** In a shard: what to ask the object of level 0, or null while it need not be asked. */
  question(now: number): { level: number; need: Need } | null {
    if (this.#held !== null || now - this.#askedAt < SYNC_EVERY_MS) return null;
    this.#askedAt = now;
    return { level: this.#shard.level, need: this.#need() };
  }

  /** The answer to it. */
  told(level: number): void {
    this.#told = level;
  }

  #need(): Need {
    return needOf({ members: this.#members.size, requestsPerS: this.#rate.perS });
  }

  /** The object of level 0 speaks to itself. */
  #speak(now: number): void {
    if (this.#held !== null) this.#held = heard(this.#held, { level: 0, need: this.#need() }, now);
    // Too full to wait for its turn; but not with every report.
    else if (this.#need() === "more" && now - this.#askedAt >= FULL_SYNC_EVERY_MS) this.#askedAt = 0;
  }

  #levelAt(now: number): number {
    return this.#held === null ? this.#told : levelAt(this.#held, now);
  }

  #answer(question: Question, now: number): Reply {
    return { people: this.#members.sample(question, 2 ** -this.#shard.level, now) };
  }
}

/** How often a shard that is too full says so. */
const FULL_SYNC_EVERY_MS = 5_000;
