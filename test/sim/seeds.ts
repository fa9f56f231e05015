import { addCounts, type Counts, noCounts } from "./counts.ts";
import { type Build, REAL } from "./core.ts";
import { generate, type Plan } from "./generate.ts";
import { type Outcome, run } from "./run.ts";
import { storeRegression } from "./regressions.ts";
import { shrink } from "./shrink.ts";

/** What many runs saw together. */
export interface Tally {
  readonly runs: number;
  readonly counts: Counts;
  /** Share of far contacts among those that are settled. */
  readonly farShare: number;
  /** Share of unknown contacts among those of active people: where most are unknown nothing is tested. */
  readonly unknownShare: number;
  /** Views that were compared with the oracle. */
  readonly compared: number;
  /** Share of all pairs of friends whose views were ever compared. */
  readonly comparedPairs: number;
}

export function tallyOf(outcomes: readonly Outcome[]): Tally {
  const counts = noCounts();
  const sum = { far: 0, near: 0, unknown: 0, compared: 0, pairs: 0 };
  for (const outcome of outcomes) {
    addCounts(counts, outcome.counts);
    sum.far += outcome.kinds.far;
    sum.near += outcome.kinds.near;
    sum.unknown += outcome.kinds.unknown;
    sum.compared += outcome.compared;
    sum.pairs += outcome.comparedPairs;
  }
  const settled = Math.max(1, sum.far + sum.near);
  return {
    runs: outcomes.length,
    counts,
    farShare: sum.far / settled,
    unknownShare: sum.unknown / (settled + sum.unknown),
    compared: sum.compared,
    comparedPairs: sum.pairs / Math.max(1, outcomes.length),
  };
}

/** Shrinks a plan that fails and stores it under test/regressions/. @returns the path */
export function keep(plan: Plan, rule: string): string {
  const scenario = generate(plan);
  return storeRegression(shrink(scenario) ?? scenario, rule);
}

/** The first of these plans that a build fails at, or null. */
export function firstFailure(plans: Iterable<Plan>, build: Build = REAL): { plan: Plan; rule: string } | null {
  for (const plan of plans) {
    const { failure } = run(generate(plan), build);
    if (failure !== null) return { plan, rule: failure.rule };
  }
  return null;
}
