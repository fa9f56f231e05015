/** When the memory of a process is called a leak. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { LEAK_INTERVALS_MIN, type MemorySample, memoryTrend } from "../../scripts/top/leak.ts";

const INTERVALS = 60;

function samples(residentMiB: (i: number) => number, connections: (i: number) => number = () => 100): MemorySample[] {
  return Array.from({ length: INTERVALS }, (_, i) => ({ residentMiB: residentMiB(i), connections: connections(i) }));
}

/** As a collector does: it rises for a while, and falls back. */
const sawtooth = (i: number): number => (i % 7) * 6;

describe("the trend of memory", () => {
  test("one that rises all the time is a leak, also below a collector's sawtooth", () => {
    expect(
      memoryTrend(
        samples((i) => 300 + i),
        INTERVALS,
      ),
    ).toEqual({ kind: "leak", risenMiB: 50 });
    expect(
      memoryTrend(
        samples((i) => 300 + i + sawtooth(i)),
        INTERVALS,
      ).kind,
    ).toBe("leak");
  });

  test("noise is none, however large", () => {
    const noise = fc.array(fc.double({ min: 200, max: 230, noNaN: true }), { minLength: 60, maxLength: 60 });
    // Six lowest values in order, by chance: rare, so the seed is fixed.
    const told = fc.sample(noise, { numRuns: 500, seed: 9 }).filter((values) => {
      return (
        memoryTrend(
          samples((i) => values[i] ?? 0),
          INTERVALS,
        ).kind !== "steady"
      );
    });
    expect(told.length).toBeLessThanOrEqual(2);
    expect(memoryTrend(samples(sawtooth), INTERVALS)).toEqual({ kind: "steady" });
  });

  test("a rise that ends is none: a plateau, a single jump", () => {
    expect(
      memoryTrend(
        samples((i) => 300 + Math.min(i, 30) * 2),
        INTERVALS,
      ),
    ).toEqual({ kind: "steady" });
    expect(
      memoryTrend(
        samples((i) => (i < 30 ? 300 : 400)),
        INTERVALS,
      ),
    ).toEqual({ kind: "steady" });
    expect(
      memoryTrend(
        samples((i) => 400 - i),
        INTERVALS,
      ),
    ).toEqual({ kind: "steady" });
  });

  test("a rise with more connections is load", () => {
    const grown = samples(
      (i) => 300 + i,
      (i) => 100 + i,
    );
    expect(memoryTrend(grown, INTERVALS)).toEqual({ kind: "load", risenMiB: 50 });
    // Fewer people and more memory.
    expect(
      memoryTrend(
        samples(
          (i) => 300 + i,
          (i) => 100 - i,
        ),
        INTERVALS,
      ).kind,
    ).toBe("leak");
  });

  test.each([
    ["below 8 MiB", 7.9, "steady"],
    ["8 MiB", 8, "leak"],
    ["above", 8.1, "leak"],
  ])("a rise of %s between the parts", (_, riseMiB, kind) => {
    expect(
      memoryTrend(
        samples((i) => 300 + Math.floor(i / 10) * (riseMiB / 5)),
        INTERVALS,
      ).kind,
    ).toBe(kind);
  });

  test("judges when there are as many samples as asked for, and only the newest", () => {
    const rising = samples((i) => 300 + i);
    expect(memoryTrend(rising.slice(1), INTERVALS)).toEqual({ kind: "short" });
    expect(memoryTrend([...samples(() => 900), ...rising], INTERVALS).kind).toBe("leak");
    expect(memoryTrend(rising.slice(0, LEAK_INTERVALS_MIN - 1), 2)).toEqual({ kind: "short" });
    expect(memoryTrend(rising.slice(0, LEAK_INTERVALS_MIN), LEAK_INTERVALS_MIN).kind).toBe("leak");
  });
});
