/**
 * When the positions of an open loop are due: as people who know nothing of each other, and nothing of the server, send
 * them. A server that stalls finds them waiting, as it would in life, and each counts from when it was due.
 */
export class PoissonSchedule {
  readonly #meanGapMs: number;
  readonly #random: () => number;
  #nextMs: number;

  /** @param random uniform in [0, 1) */
  constructor({ perS, startMs, random }: { perS: number; startMs: number; random: () => number }) {
    this.#meanGapMs = 1000 / perS;
    this.#random = random;
    this.#nextMs = startMs;
    this.#advance();
  }

  /** The next moment that `dueBy` has not given yet. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Every moment up to `nowMs` that was not given before, in order. */
  *dueBy(nowMs: number): Generator<number> {
    while (this.#nextMs <= nowMs) {
      yield this.#nextMs;
      this.#advance();
    }
  }

  /** Gaps between the events of a Poisson process are exponential: the inverse of their distribution. */
  #advance(): void {
    this.#nextMs -= this.#meanGapMs * Math.log(1 - this.#random());
  }
}
