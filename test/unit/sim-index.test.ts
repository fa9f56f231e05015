/** The simulator with an index of active friends: one that tells the truth, and one that lies, fails and loses everything. */
import { describe, expect, test } from "vitest";

import { type Build, ECONOMY, REAL } from "../sim/core.ts";
import { generate, type Plan } from "../sim/generate.ts";
import { noIndexCounts } from "../sim/presence.ts";
import { type Outcome, run } from "../sim/run.ts";
import { firstFailure, keep, tallyOf } from "../sim/seeds.ts";

const PEOPLE = 30;
const RUN_TIMEOUT_MS = 120_000;

function play(plans: readonly Plan[], build: Build = REAL): Outcome[] {
  return plans.map((plan) => {
    const outcome = run(generate(plan), build);
    const { failure } = outcome;
    expect(failure && `${failure.message}; seed ${plan.seed}, kept in ${keep(plan, failure.rule)}`).toBeNull();
    return outcome;
  });
}

function plansOf(seeds: number, plan: Omit<Plan, "seed" | "people">): Plan[] {
  return Array.from({ length: seeds }, (_, i) => ({ seed: i + 1, people: PEOPLE, roughness: 1 + (i % 2), ...plan }));
}

function sumOf(outcomes: readonly Outcome[]): ReturnType<typeof noIndexCounts> {
  const sum = noIndexCounts();
  for (const { index } of outcomes) {
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += index[name];
  }
  return sum;
}

describe("an index that tells the truth", () => {
  test.each(["calm", "rush"] as const)(
    "%s: at every moment all views are those of the oracle",
    { timeout: RUN_TIMEOUT_MS },
    (tempo) => {
      const plan = { steps: 60, tempo, faults: false } as const;
      const outcomes = play(plansOf(12, { ...plan, index: "honest" }));
      const sum = sumOf(outcomes);
      // Calls were spared, or there was nothing to be wrong about.
      expect(sum.presumed).toBeGreaterThan(1_000);
      expect(sum.asked).toBeGreaterThan(tallyOf(outcomes).counts.wakes);
      expect(tallyOf(outcomes).comparedPairs).toBe(1);
      expect([sum.refused, sum.hanging, sum.dropped, sum.missing, sum.stale, sum.flushed]).toEqual(Array(6).fill(0));
    },
  );
});

describe("an index that lies, among all other faults", () => {
  const KINDS = [
    ["calm", 80, REAL],
    ["rush", 120, REAL],
    ["calm, economy", 80, ECONOMY],
  ] as const;

  test.each(KINDS)(
    "%s: after the next renewal nothing of it is left",
    { timeout: RUN_TIMEOUT_MS },
    (name, steps, build) => {
      const tempo = name === "rush" ? "rush" : "calm";
      const outcomes = play(plansOf(12, { steps, tempo, faults: true, index: "lying" }), build);
      expect(Object.entries(sumOf(outcomes)).filter(([, count]) => count < 20)).toEqual([]);
      expect(tallyOf(outcomes).comparedPairs).toBeGreaterThan(0.9);
    },
  );
});

describe("indexes that must fail", () => {
  test.each([
    ["who wakes looks before being entered", "get first", "rush", "honest", false],
    ["nobody is entered again while active", "never renewed", "calm", "honest", false],
    ["nobody looks again after a lie", "never renewed", "calm", "lying", true],
  ] as const)("%s", { timeout: RUN_TIMEOUT_MS }, (_name, index, tempo, kind, faults) => {
    const plans = plansOf(40, { steps: 60, tempo, faults, index: kind });
    expect(["silent-inside", "wrong-view"]).toContain(firstFailure(plans, { ...REAL, index })?.rule);
  });
});
