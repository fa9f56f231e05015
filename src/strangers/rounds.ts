import { cellsAround } from "../geo/cells.ts";
import type { Place } from "../geo/place.ts";
import type { Reply } from "./cell.ts";
import type { Question, Report } from "./members.ts";
import type { Seen } from "./sample.ts";
import { shardName, shardOf } from "./shards.ts";

/** Calls that one position may cost: four cells at most, and the one that has to be left, or was asked at the wrong shard. */
export const CALLS_PER_ROUND_MAX = 5;

/** Of a level in the word that survives hibernation: up to `LEVEL_MAX`, for four cells. */
const LEVEL_BITS = 4;

/** The objects of cells, by name. Null: no answer, or none in time. */
export interface Cells {
  report(name: string, report: Report): Promise<Reply | null>;
  ask(name: string, question: Question): Promise<Reply | null>;
  leave(name: string): void;
}

/** Where the user is, blurred, and until when that counts. */
export interface Spot extends Place {
  readonly ts: number;
  readonly until: number;
}

export interface RoundsParts {
  readonly user: string;
  readonly radiusM: number;
  /** People asked for in each cell. */
  readonly limit: number;
  readonly cells: Cells;
  /** The user still wants it. */
  readonly isOpen: () => boolean;
}

interface Round {
  callsLeft: number;
  readonly answers: Seen[][];
}

/** One user among the cells: who has to be told, asked and left as the user moves, in at most five calls a position. */
export class Rounds {
  readonly #parts: RoundsParts;
  /** Objects of cells that may have the user: one, and during a change or after a failure another. */
  readonly #held = new Set<string>();
  /** Until when they would keep the user by themselves, ms. */
  #heldUntil = 0;
  /** By cell, those around the user only; absent is 0. */
  #levels = new Map<string, number>();

  constructor(parts: RoundsParts) {
    this.#parts = parts;
  }

  /** Some object may have the user. */
  get isHeld(): boolean {
    return this.#held.size > 0;
  }

  /** What has to be remembered beside the place, 16 bits: without it a crowd would begin at the wrong shards each time. */
  get levels(): number {
    return [...this.#levels.values()].reduce((packed, level, at) => packed | (level << (LEVEL_BITS * at)), 0);
  }

  /** After a loss of memory: where the cells have the user is where the user was last. */
  recall(spot: Spot, levels: number): void {
    const [own = "", ...others] = cellsAround(spot, this.#parts.radiusM);
    for (const [at, cell] of [own, ...others].entries()) {
      this.#levels.set(cell, (levels >>> (LEVEL_BITS * at)) & (2 ** LEVEL_BITS - 1));
    }
    this.#held.add(this.#objectOf(own));
    this.#heldUntil = spot.until;
  }

  /** Tells where the user is and asks who else is there. @returns the samples of the cells that answered */
  async go({ lat, lng, ts, until }: Spot): Promise<Seen[][]> {
    const { user, radiusM, limit, isOpen } = this.#parts;
    const [own = "", ...others] = cellsAround({ lat, lng }, radiusM);
    this.#levels = new Map([own, ...others].map((cell) => [cell, this.#levels.get(cell) ?? 0]));
    this.#heldUntil = Math.max(this.#heldUntil, until);
    const question: Question = { user, lat, lng, limit };
    const report: Report = { ...question, ts, until };
    const round: Round = { callsLeft: CALLS_PER_ROUND_MAX, answers: [] };
    const isWrong = await Promise.all([
      this.#tell(own, report, round),
      ...others.map((cell) => this.#ask(cell, question, round)),
    ]);
    if (!isOpen()) return [];
    const here = this.#objectOf(own);
    for (const name of this.#held) {
      if (name === here || round.callsLeft === 0) continue;
      round.callsLeft -= 1;
      this.#leave(name);
    }
    // The right shards of those that were asked at the wrong one, the user's own first; who is left is asked next time.
    const again = [own, ...others].filter((_cell, at) => isWrong[at]).slice(0, round.callsLeft);
    await Promise.all(
      again.map((cell) => (cell === own ? this.#tell(own, report, round) : this.#ask(cell, question, round))),
    );
    return round.answers;
  }

  /** Nobody is to see the user from now on. Calls to one object arrive in order: a report under way does not come after this. */
  withdraw(now: number): void {
    for (const name of this.#held) {
      // A cell forgets by itself whose time is over.
      if (now < this.#heldUntil) this.#leave(name);
      else this.#held.delete(name);
    }
  }

  /** @returns whether it was the wrong shard */
  async #tell(cell: string, report: Report, round: Round): Promise<boolean> {
    const name = this.#objectOf(cell);
    this.#held.add(name);
    round.callsLeft -= 1;
    const isWrong = this.#took(cell, await this.#parts.cells.report(name, report), round);
    // Also after somebody has turned it off meanwhile: the call may have been made once more, after the one that leaves.
    if (isWrong) this.#held.delete(name);
    else this.#held.add(name);
    return isWrong;
  }

  async #ask(cell: string, question: Question, round: Round): Promise<boolean> {
    round.callsLeft -= 1;
    return this.#took(cell, await this.#parts.cells.ask(this.#objectOf(cell), question), round);
  }

  #took(cell: string, reply: Reply | null, round: Round): boolean {
    // A cell that fails or is slow is left out of this list.
    if (reply === null) return false;
    if ("people" in reply) round.answers.push(reply.people);
    else if (this.#levels.has(cell)) this.#levels.set(cell, reply.moved);
    return "moved" in reply;
  }

  #leave(name: string): void {
    this.#held.delete(name);
    this.#parts.cells.leave(name);
  }

  #objectOf(cell: string): string {
    return shardName(shardOf(cell, this.#levels.get(cell) ?? 0, this.#parts.user));
  }
}
