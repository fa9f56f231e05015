import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CANARIES } from "../sim/canaries.ts";
import { ECONOMY } from "../sim/core.ts";
import { generate, type Plan } from "../sim/generate.ts";
import { listRegressions, storeRegression } from "../sim/regressions.ts";
import { type Outcome, run } from "../sim/run.ts";
import { keep, tallyOf } from "../sim/seeds.ts";
import { shrink } from "../sim/shrink.ts";

/** Seconds, not minutes, for all of them on one core; with ten friends each, people are strangers to most others. */
const PEOPLE = 30;
const STEPS = 60;
const SEEDS_PER_KIND = 50;
const RUN_TIMEOUT_MS = 120_000;

describe("what was found before", () => {
  const regressions = listRegressions();

  test("every stored failure can be read, and does not happen any more", () => {
    const failures = regressions.map(({ name, read }) => ({ name, failure: run(read()).failure }));
    expect(failures.filter(({ failure }) => failure !== null)).toEqual([]);
  });

  test("an unreadable one is a failure", () => {
    const folder = mkdtempSync(join(tmpdir(), "regressions-"));
    try {
      writeFileSync(join(folder, "broken.json"), '{"version":0}');
      const [broken] = listRegressions(folder);
      expect(() => broken?.read()).toThrow();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const KINDS = [
  { tempo: "calm", faults: false },
  { tempo: "rush", faults: false },
  { tempo: "calm", faults: true },
  { tempo: "rush", faults: true },
] as const;

describe("200 fixed seeds", () => {
  const outcomes: Outcome[] = [];
  const stormy: Outcome[] = [];

  for (const kind of KINDS) {
    test(
      `${kind.tempo}, ${kind.faults ? "with" : "without"} faults: every rule holds`,
      { timeout: RUN_TIMEOUT_MS },
      () => {
        for (let seed = 1; seed <= SEEDS_PER_KIND; seed++) {
          const plan: Plan = { seed, people: PEOPLE, steps: STEPS, ...kind, roughness: 1 + (seed % 2) };
          const outcome = run(generate(plan));
          const { failure } = outcome;
          expect(failure && `${failure.message}; seed ${seed}, kept in ${keep(plan, failure.rule)}`).toBeNull();
          (kind.faults ? stormy : outcomes).push(outcome);
        }
      },
    );
  }

  test("most pairs are far and few are unknown, so that silence is what was tested", () => {
    for (const tally of [tallyOf(outcomes), tallyOf(stormy)]) {
      expect(tally.runs).toBe(2 * SEEDS_PER_KIND);
      expect(tally.farShare).toBeGreaterThan(0.8);
      expect(tally.farShare).toBeLessThan(0.9);
      expect(tally.unknownShare).toBeLessThan(0.15);
    }
  });

  test("nearly every view was compared with the oracle", () => {
    expect(tallyOf(outcomes).comparedPairs).toBe(1);
    expect(tallyOf(stormy).comparedPairs).toBeGreaterThan(0.9);
  });

  test("many answers repeated what their callers held, and none of these said anything else", () => {
    for (const all of [outcomes, stormy]) {
      expect(all.reduce((sum, { sameAnswers }) => sum + sameAnswers, 0)).toBeGreaterThan(1_000);
    }
  });

  test("without faults no fault happened", () => {
    const { lostCalls, lostAnswers, repeatedCalls, timeouts, brokenCalls, resets, lateAlarms } =
      tallyOf(outcomes).counts;
    expect([lostCalls, lostAnswers, repeatedCalls, timeouts, brokenCalls, resets, lateAlarms]).toEqual(
      Array(7).fill(0),
    );
  });

  test("every fault of the menu happened, often", () => {
    const { counts } = tallyOf(stormy);
    expect(Object.entries(counts).filter(([, count]) => count < 50)).toEqual([]);
  });
});

describe("economy: the error is bounded, and nobody comes or goes unseen by more than that", () => {
  const outcomes: Outcome[] = [];

  for (const kind of KINDS) {
    test(`${kind.tempo}, ${kind.faults ? "with" : "without"} faults`, { timeout: RUN_TIMEOUT_MS }, () => {
      for (let seed = 1; seed <= SEEDS_PER_KIND / 2; seed++) {
        const outcome = run(generate({ seed, people: PEOPLE, steps: STEPS, ...kind }), ECONOMY);
        expect(outcome.failure && `${outcome.failure.message}; seed ${seed}`).toBeNull();
        outcomes.push(outcome);
      }
    });
  }

  test("positions were spared, and views compared", () => {
    const spared = outcomes.reduce((sum, outcome) => sum + outcome.spared, 0);
    expect(spared).toBeGreaterThan(1_000);
    expect(tallyOf(outcomes).comparedPairs).toBeGreaterThan(0.9);
  });

  test("held against every position, it fails: the check can", () => {
    const plan: Plan = { seed: 1, people: PEOPLE, steps: STEPS, tempo: "calm", faults: false };
    expect(run(generate(plan), { ...ECONOMY, fanout: "exact" }).failure?.rule).toBe("old-view");
  });
});

describe("a crowd", () => {
  test("300 people", { timeout: RUN_TIMEOUT_MS }, () => {
    const outcome = run(generate({ seed: 7, people: 300, steps: 40, tempo: "calm", faults: true }));
    expect(outcome.failure).toBeNull();
    expect(outcome.comparedPairs).toBeGreaterThan(0.9);
  });
});

describe("the harness", () => {
  test("one seed, one run", () => {
    const plan: Plan = { seed: 3, people: 12, steps: 40, tempo: "rush", faults: true };
    expect(generate(plan)).toEqual(generate(plan));
    expect(run(generate(plan))).toEqual(run(generate(plan)));
  });

  test("a failure shrinks to a few people and actions, breaks the same rule, and can be kept and read again", () => {
    const folder = mkdtempSync(join(tmpdir(), "regressions-"));
    try {
      const build = CANARIES["wrong slack"];
      const scenario = generate({ seed: 1, people: PEOPLE, steps: STEPS, tempo: "calm", faults: true });
      const rule = run(scenario, build).failure?.rule ?? "none";
      const shrunk = shrink(scenario, build);
      expect(shrunk?.people).toHaveLength(2);
      expect(shrunk?.actions.length).toBeLessThan(30);
      expect(shrunk?.weather).toBeNull();
      if (shrunk === null) return;
      storeRegression(shrunk, rule, folder);
      const [kept] = listRegressions(folder);
      expect(kept?.read()).toEqual(shrunk);
      expect(run(shrunk, build).failure?.rule).toBe(rule);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("what does not fail does not shrink", () => {
    expect(shrink(generate({ seed: 1, people: 3, steps: 5, tempo: "calm", faults: false }))).toBeNull();
  });
});
