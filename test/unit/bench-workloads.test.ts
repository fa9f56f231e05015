/** The parts that the workloads of the bench measure with. */
import { describe, expect, test } from "vitest";

import { percentile } from "../../scripts/bench/figures.ts";
import { linesOf } from "../../scripts/bench/friendships.ts";
import { Latencies } from "../../scripts/bench/latencies.ts";
import { makePeople } from "../../scripts/bench/people.ts";
import { PoissonSchedule } from "../../scripts/bench/poisson.ts";
import { ratioOf, rotated, spreadOf, takeTurns, verdict } from "../../scripts/bench/rounds.ts";
import { markdownTable, spreadText, summarise, summaryTable } from "../../scripts/bench/tables.ts";
import { seededRandom } from "../../scripts/town/random.ts";

describe("latencies", () => {
  test("percentiles are those of the sorted samples, to 3 digits", () => {
    const random = seededRandom(7);
    const latencies = new Latencies();
    // From 0.1 ms to 10 s, as many in each decade.
    const samples = Float64Array.from({ length: 20_000 }, () => 10 ** (5 * random() - 1));
    for (const sample of samples) latencies.record(sample);
    const sorted = samples.toSorted();
    const figures = latencies.figures();
    expect(figures.count).toBe(20_000);
    const pairs = [
      [figures.p50Ms, 0.5],
      [figures.p95Ms, 0.95],
      [figures.p99Ms, 0.99],
      [figures.p999Ms, 0.999],
      [figures.maxMs, 1],
    ] as const;
    for (const [measured, share] of pairs) {
      const exact = percentile(sorted, share);
      expect(Math.abs((measured ?? Number.NaN) - exact) / exact, `${share}`).toBeLessThan(0.002);
    }
  });

  test("the samples are kept as counts of equal times", () => {
    const latencies = new Latencies();
    for (const ms of [0, 1.5, 1.5, 0.25]) latencies.record(ms);
    expect(latencies.buckets()).toEqual([
      [0, 1],
      [0.25, 1],
      [1.5, 2],
    ]);
    expect(new Latencies().buckets()).toEqual([]);
  });

  test("without any there are no percentiles, and a clock that went back counts as 0", () => {
    const latencies = new Latencies();
    expect(latencies.figures()).toEqual({ count: 0, p50Ms: null, p95Ms: null, p99Ms: null, p999Ms: null, maxMs: null });
    latencies.record(-0.4);
    expect(latencies.figures()).toMatchObject({ count: 1, maxMs: 0 });
  });

  test("what takes longer than two minutes is kept as two minutes", () => {
    const latencies = new Latencies();
    latencies.record(1e9);
    expect(latencies.percentileMs(100)).toBeGreaterThan(119_000);
    expect(latencies.percentileMs(100)).toBeLessThan(121_000);
  });
});

describe("the schedule of an open loop", () => {
  const schedule = () => new PoissonSchedule({ perS: 200, startMs: 1_000, random: seededRandom(3) });

  test("has the rate, and the spread of people who know nothing of each other", () => {
    const perSecond = Array.from({ length: 400 }, () => 0);
    for (const dueMs of schedule().dueBy(401_000 - 1e-9)) {
      const second = Math.floor((dueMs - 1_000) / 1_000);
      perSecond[second] = (perSecond[second] ?? 0) + 1;
    }
    const mean = perSecond.reduce((sum, count) => sum + count, 0) / perSecond.length;
    const variance = perSecond.reduce((sum, count) => sum + (count - mean) ** 2, 0) / perSecond.length;
    // Of 80,000 events the mean is known to 0.35 %; the variance of a Poisson count is its mean.
    expect(Math.abs(mean - 200)).toBeLessThan(3);
    expect(variance / mean).toBeGreaterThan(0.75);
    expect(variance / mean).toBeLessThan(1.3);
  });

  test("is the same whether it is asked often, rarely, or after a stall", () => {
    const asked = (moments: number[]) => {
      const one = schedule();
      return moments.flatMap((nowMs) => [...one.dueBy(nowMs)]);
    };
    const often = asked(Array.from({ length: 4_000 }, (_, index) => 1_000 + index));
    const stalled = asked([1_010, 4_999]);
    expect(often.length).toBeGreaterThan(700);
    expect(stalled).toEqual(often);
    expect(often.toSorted((a, b) => a - b)).toEqual(often);
  });

  test("says when the next one is due, and gives none before", () => {
    const one = schedule();
    const { nextMs } = one;
    expect([...one.dueBy(nextMs - 0.001)]).toEqual([]);
    expect([...one.dueBy(nextMs)]).toEqual([nextMs]);
    expect(one.nextMs).toBeGreaterThan(nextMs);
  });
});

describe("turns", () => {
  const TARGETS = [{ label: "a" }, { label: "b" }, { label: "c" }];

  test("each target once a round, and another one first in each", async () => {
    const order: string[] = [];
    const signal = new AbortController().signal;
    const measure = async ({ label }: { label: string }, index: number) => {
      order.push(label);
      return Promise.resolve(`${label}${index}`);
    };
    const turns = await takeTurns({ targets: TARGETS, rounds: 4, signal, measure });
    expect(order.join("")).toBe("abcbcacababc");
    expect(turns).toMatchObject({ asked: 4, isComplete: true });
    expect(turns.rounds.map((each) => each.get("b"))).toEqual(["b0", "b1", "b2", "b3"]);
    expect(rotated([], 3)).toEqual([]);
  });

  test("an abort keeps the whole rounds and drops the one that was cut", async () => {
    const ending = new AbortController();
    let calls = 0;
    const measure = async () => {
      calls += 1;
      if (calls === 5) ending.abort(new Error("ended by SIGINT"));
      ending.signal.throwIfAborted();
      return Promise.resolve(calls);
    };
    const turns = await takeTurns({ targets: TARGETS, rounds: 4, signal: ending.signal, measure });
    expect(turns.isComplete).toBe(false);
    expect(turns.rounds).toEqual([
      new Map([
        ["a", 1],
        ["b", 2],
        ["c", 3],
      ]),
    ]);
  });

  test("an abort in the first round, and a failure in any, are what they are", async () => {
    const ending = new AbortController();
    ending.abort(new Error("ended by SIGINT"));
    const measure = async () => Promise.resolve(1);
    await expect(takeTurns({ targets: TARGETS, rounds: 1, signal: ending.signal, measure })).rejects.toThrow("SIGINT");
    let calls = 0;
    const failing = async () => {
      calls += 1;
      if (calls === 5) throw new Error("no probe");
      return Promise.resolve(1);
    };
    const { signal } = new AbortController();
    await expect(takeTurns({ targets: TARGETS, rounds: 2, signal, measure: failing })).rejects.toThrow("no probe");
  });

  test("ratios are of neighbours, and their spread is over the rounds", () => {
    const rounds = [
      [100, 200],
      [90, 100],
      [30, 100],
    ].map(([a = 0, b = 0]) => new Map(Object.entries({ a, b })));
    const ratio = ratioOf(rounds, { what: "x/s", of: "a", to: "b", read: (value: number) => value });
    expect(ratio).toEqual({ what: "x/s", of: "a", to: "b", median: 0.5, min: 0.3, max: 0.9 });
    expect(ratioOf(rounds, { what: "x/s", of: "a", to: "c", read: (value: number) => value })).toBeNull();
    if (ratio === null) throw new Error("no ratio");
    expect(verdict(ratio, 0.5)).toContain("met");
    expect(verdict(ratio, 0.85)).toContain("missed by 0.350");
  });
});

describe("tables", () => {
  test("a spread says nothing when one of its rounds is not known", () => {
    expect(spreadOf([3, 1, 2], 1)).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([3, null, 2], 1)).toBeNull();
    expect(spreadOf([], 1)).toBeNull();
    expect(spreadText(null, 1)).toBe("-");
    expect(spreadText({ median: 12_345.6, min: 1, max: 20_000 }, 0)).toBe("12,346 (1 - 20,000)");
    expect(spreadText({ median: 0, min: 0, max: 0 }, 0)).toBe("0");
  });

  test("figures of targets by column", () => {
    const columns = [{ key: "perS", heading: "updates/s", read: (value: number) => value, digits: 0 }];
    const rounds = [new Map(Object.entries({ a: 1, b: 20 })), new Map(Object.entries({ a: 3, b: 20 }))];
    const summary = summarise(rounds, ["a", "b"], columns);
    expect(summary).toEqual({
      a: { perS: { median: 2, min: 1, max: 3 } },
      b: { perS: { median: 20, min: 20, max: 20 } },
    });
    expect(summaryTable(summary, columns)).toBe(
      ["|           |         a |   b |", "| --------- | --------: | --: |", "| updates/s | 2 (1 - 3) |  20 |"].join(
        "\n",
      ),
    );
    expect(markdownTable(["x"], [])).toBe("| x   |\n| --- |");
  });
});

test("friendships are imported once each, sleepers too", () => {
  const lines = linesOf(makePeople(4, 2, 1)).map((line): unknown => JSON.parse(line));
  expect(lines).toHaveLength(4 + 4);
  expect(lines).toContainEqual({ a: "bench-0", b: "bench-1" });
  expect(lines).toContainEqual({ a: "bench-3", b: "asleep-0" });
  expect(lines).not.toContainEqual({ a: "bench-1", b: "bench-0" });
});
