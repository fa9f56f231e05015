/** Percentiles of more samples than fit into memory: counts in bins of equal width. */

export interface SpreadFigures {
  /** The 99th percentile (nearest rank), rounded up to a tenth of the unit; null without samples. */
  readonly p99: number | null;
  /** Exact. */
  readonly max: number | null;
}

/** A tenth of a metre or of a second: below what any bound here is stated in. */
const BINS_PER_UNIT = 10;

export class Spread {
  readonly #bins: Uint32Array;
  #count = 0;
  #max = 0;

  /** Samples above `upTo` share one bin: `max` stays exact, a percentile among them is given as `max`. */
  constructor(upTo: number) {
    this.#bins = new Uint32Array(Math.ceil(upTo * BINS_PER_UNIT) + 2);
  }

  /** @param value not negative */
  add(value: number): void {
    const bin = Math.min(Math.ceil(value * BINS_PER_UNIT), this.#bins.length - 1);
    this.#bins[bin] = (this.#bins[bin] ?? 0) + 1;
    this.#count += 1;
    if (value > this.#max) this.#max = value;
  }

  figures(): SpreadFigures {
    return this.#count === 0 ? { p99: null, max: null } : { p99: this.#percentile(0.99), max: this.#max };
  }

  #percentile(share: number): number {
    let left = Math.ceil(share * this.#count);
    for (const [bin, count] of this.#bins.entries()) {
      left -= count;
      if (left <= 0) return bin === this.#bins.length - 1 ? this.#max : Math.min(bin / BINS_PER_UNIT, this.#max);
    }
    return this.#max;
  }
}
