/** What an operator reads of the server's answers. */
import { describe, expect, test } from "vitest";

import { durationText, figureText, figuresOf, quantileMs, since } from "../../src/operate/figures.ts";
import type { Stats } from "../../src/protocol/admin.ts";
import { busyAt, countersOf, histogramOf, START_MS, statsOf } from "./admin-stats.ts";

function valueOf(samples: readonly Stats[], id: string): number | undefined {
  return figuresOf(samples).find((figure) => figure.id === id)?.value;
}

function at(seconds: number, positions: number, change: Partial<Stats> = {}): Stats {
  return statsOf({ at: START_MS + seconds * 1000, counters: countersOf({ positions }), ...change });
}

describe("rates", () => {
  test("are those of the last ten minutes, and unknown at the first sample", () => {
    const samples = Array.from({ length: 40 }, (_, i) => at(i * 20, i < 10 ? 0 : (i - 9) * 200));
    expect(valueOf(samples.slice(0, 1), "positions")).toBeUndefined();
    // Ten minutes before the last sample (780 s) is the one of 180 s, with 0.
    expect(valueOf(samples, "positions")).toBe(10);
    expect(valueOf(samples.slice(0, 12), "positions")).toBeCloseTo(400 / 220, 9);
  });

  test("are unknown after a shard began to count anew, and never below zero", () => {
    const restarted = { since: START_MS + 9_000 };
    expect(valueOf([at(0, 500), at(10, 3, restarted)], "positions")).toBeUndefined();
    expect(valueOf([at(0, 500), at(10, 3, restarted), at(12, 7, restarted)], "positions")).toBe(2);
    expect(valueOf([at(0, 500), at(10, 400)], "positions")).toBe(0);
    expect(valueOf([at(0, 0), at(0, 5)], "positions")).toBeUndefined();
  });

  test("meetings per position need positions", () => {
    const then = statsOf({ counters: countersOf({ positions: 10, meetings: 5 }) });
    const now = (positions: number) =>
      statsOf({ at: START_MS + 10_000, counters: countersOf({ positions, meetings: 35 }) });
    expect(valueOf([then, now(20)], "meetings")).toBe(3);
    expect(valueOf([then, now(10)], "meetings")).toBeUndefined();
  });

  test("errors of all codes are one rate", () => {
    const samples = [at(0, 0, { errors: { bad_json: 3 } }), at(10, 0, { errors: { bad_json: 5, too_fast: 8 } })];
    expect(valueOf(samples, "errors")).toBe(1);
  });

  test("every figure has a value at each sample, gauges from the first on", () => {
    const samples = [0, 2, 4].map(busyAt);
    for (const { id, series, value } of figuresOf(samples)) {
      expect(series, id).toHaveLength(3);
      expect(series.at(-1), id).toBe(value);
      expect(value, id).toBeDefined();
    }
    expect(figuresOf([])[0]).toMatchObject({ id: "connections", value: undefined, series: [] });
    expect(figuresOf(samples)[0]?.series[0]).toBe(1_200);
  });
});

describe("quantiles of a histogram", () => {
  const histogram = histogramOf([10, 20, 100], [50, 40, 8, 2]);

  test.each([
    [0.25, 5],
    [0.5, 10],
    [0.9, 20],
    [0.98, 100],
  ])("%f is %f ms", (share, ms) => {
    expect(quantileMs(histogram, share)).toBeCloseTo(ms, 9);
  });

  test("beyond the largest bound it is over the scale, and of nothing unknown", () => {
    expect(quantileMs(histogram, 0.99)).toBe(Infinity);
    expect(figureText(Infinity, "ms")).toBe("over the scale");
    expect(quantileMs(histogramOf([10], []), 0.5)).toBeUndefined();
  });

  test("an empty bucket is passed over", () => {
    expect(quantileMs(histogramOf([10, 20, 30], [0, 0, 4]), 0.5)).toBe(25);
  });

  test("between two looks only what is new counts", () => {
    const later = histogramOf([10, 20, 100], [50, 40, 18, 2]);
    expect(since(later, histogram)).toMatchObject({ count: 10 });
    expect(quantileMs(since(later, histogram), 0.5)).toBe(60);
  });
});

test("numbers are read at a glance", () => {
  const texts = [0, 7, 0.1234, 12.345, 1234.5, 1_234_567].map((value) => figureText(value, "count"));
  expect(texts).toEqual(["0", "7", "0.12", "12.3", "1,235", "1,234,567"]);
  expect([figureText(2.5, "perS"), figureText(8, "ms"), figureText(undefined, "perS")]).toEqual([
    "2.50/s",
    "8 ms",
    "–",
  ]);
  const durations = [0, 119_000, 120_000, 7_199_000, 7_200_000, 172_800_000].map(durationText);
  expect(durations).toEqual(["0 s", "119 s", "2 min", "120 min", "2 h", "2 days"]);
});
