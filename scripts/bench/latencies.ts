/** Times of many deliveries in a histogram of constant size and 3 significant digits: arrays of all of them grow with the load. */
import { Int32Histogram } from "hdr-histogram-js";
import { round } from "./figures.ts";

const US_PER_MS = 1000;
const SIGNIFICANT_DIGITS = 3;
/** Nothing is waited for as long; a longer time is kept as this one. */
const LONGEST_MS = 120_000;

export interface LatencyFigures {
  readonly count: number;
  /** Null without any. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
}

/** So many times of about as many ms. */
export type Bucket = readonly [ms: number, count: number];

export class Latencies {
  readonly #histogram = new Int32Histogram(1, LONGEST_MS * US_PER_MS, SIGNIFICANT_DIGITS);

  /** @param ms at least 0; clocks that are read twice may differ by less than nothing, which counts as 0 */
  record(ms: number): void {
    this.#histogram.recordValue(Math.round(Math.min(Math.max(ms, 0), LONGEST_MS) * US_PER_MS));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** @param percent of all that are at most as long, such as 99 */
  percentileMs(percent: number): number | null {
    return this.count === 0 ? null : round(this.#histogram.getValueAtPercentile(percent) / US_PER_MS, 2);
  }

  /** The shortest first. */
  buckets(): Bucket[] {
    const buckets: Bucket[] = [];
    const recorded = this.#histogram.recordedValuesIterator;
    recorded.reset();
    while (recorded.hasNext()) {
      // One value object serves the whole iteration.
      const { valueIteratedTo, countAtValueIteratedTo } = recorded.next();
      buckets.push([valueIteratedTo / US_PER_MS, countAtValueIteratedTo]);
    }
    return buckets;
  }

  figures(): LatencyFigures {
    return {
      count: this.count,
      p50Ms: this.percentileMs(50),
      p95Ms: this.percentileMs(95),
      p99Ms: this.percentileMs(99),
      p999Ms: this.percentileMs(99.9),
      maxMs: this.percentileMs(100),
    };
  }
}
