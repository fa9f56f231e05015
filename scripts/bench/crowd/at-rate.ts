import { setTimeout as sleep } from "node:timers/promises";

export interface RateOptions {
  readonly perS: number;
  /** More are not under way, however late they make the others. */
  readonly atOnce: number;
  readonly signal: AbortSignal;
}

/** Does `work` for each index below `count`, so many a second. Rejects with the first failure. */
export async function atRate(
  count: number,
  { perS, atOnce, signal }: RateOptions,
  work: (index: number) => Promise<void>,
): Promise<void> {
  const startMs = performance.now();
  let next = 0;
  async function worker(): Promise<void> {
    while (next < count) {
      const index = next;
      next += 1;
      const waitMs = startMs + (index * 1000) / perS - performance.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal });
      signal.throwIfAborted();
      await work(index);
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}
