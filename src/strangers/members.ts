import { isWithin } from "../geo/distance.ts";
import type { Place } from "../geo/place.ts";
import { hashText, insert, rankOf, type Seen } from "./sample.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Nobody is looked for more often than this among those whose time is over; whoever asks does not get to see them anyway. */
const SWEEP_EVERY_MS = 10_000;

/** Where somebody asks from; the place is a blurred one (src/geo/coarse.ts), like all in a cell. */
export interface Question extends Place {
  readonly user: string;
  /** People that the answer may hold. */
  readonly limit: number;
}

/** Where somebody is, until when that counts, and who else is there? */
export interface Report extends Question {
  /** When they were there, ms. */
  readonly ts: number;
  /** Server time, ms, from which they are no longer active. */
  readonly until: number;
}

export interface Chance {
  /** A text that nobody can guess, and that names nobody. */
  id(): string;
  /** 32 bits. */
  bits(): number;
}

interface Member extends Place {
  readonly ts: number;
  readonly until: number;
  /** Of the pseudonym. */
  readonly day: number;
  readonly id: string;
  readonly salt: number;
}

/**
 * The people of one cell, or of one shard of it. Kept in memory only: a report replaces the one before, and all are gone
 * when their time is over, whether anybody asks or not.
 *
 * A pseudonym is made by chance, when somebody comes and with every new day (UTC): there is no key by which it could be
 * traced, not even here.
 */
export class Members {
  readonly #all = new Map<string, Member>();
  readonly #radiusM: number;
  #sweptAt = 0;

  constructor(radiusM: number) {
    this.#radiusM = radiusM;
  }

  /** Those whose time is over may be among them for `SWEEP_EVERY_MS`. */
  get size(): number {
    return this.#all.size;
  }

  put({ user, lat, lng, ts, until }: Report, now: number, chance: Chance): void {
    if (now - this.#sweptAt >= SWEEP_EVERY_MS) this.sweep(now);
    const day = Math.floor(now / DAY_MS);
    const known = this.#all.get(user);
    const named = known?.day === day && known.until > now ? known : { id: chance.id(), salt: chance.bits() };
    this.#all.set(user, { lat, lng, ts, until, day, id: named.id, salt: named.salt });
  }

  remove(user: string): void {
    this.#all.delete(user);
  }

  /** Drops whose time is over. @returns when the next one's is, ms, or null when nobody is left */
  sweep(now: number): number | null {
    this.#sweptAt = now;
    let next: number | null = null;
    for (const [user, { until }] of this.#all) {
      if (until <= now) this.#all.delete(user);
      else next = Math.min(next ?? until, until);
    }
    return next;
  }

  /**
   * A uniform sample of the people within the radius.
   *
   * @param share of the people of the cell that are here: ranks of a part of them are spread over as much less, so that they
   *   can be put together with those of other cells
   */
  sample(question: Question, share: number, now: number): Seen[] {
    const viewerHash = hashText(question.user);
    const lowest: { rank: number; user: string; member: Member }[] = [];
    for (const [user, member] of this.#all) {
      const rank = rankOf(viewerHash, member.salt);
      // Most are out by their rank, which costs less to compute than a distance.
      const isOut = lowest.length === question.limit && rank >= (lowest.at(-1)?.rank ?? 1);
      if (isOut || member.until <= now || user === question.user) continue;
      if (isWithin(question, member, this.#radiusM)) insert(lowest, { rank, user, member }, question.limit);
    }
    return lowest.map(({ rank, user, member: { id, lat, lng, ts } }) => ({
      user,
      id,
      lat,
      lng,
      ts,
      rank: rank * share,
    }));
  }
}
