import { Violation } from "./checks.ts";
import { type Build, REAL } from "./core.ts";
import type { Counts } from "./counts.ts";
import type { IndexCounts } from "./presence.ts";
import type { Fate, Scenario } from "./scenario.ts";
import { type Log, World } from "./world.ts";

/** After the last action everything that is still under way arrives: the slowest message, a timeout, a second round. */
const SETTLE_MS = 20_000;

export interface Outcome {
  readonly failure: { readonly rule: string; readonly atMs: number; readonly message: string } | null;
  readonly counts: Counts;
  readonly index: IndexCounts;
  readonly kinds: { readonly far: number; readonly near: number; readonly unknown: number };
  /** Views that were compared with the oracle. */
  readonly compared: number;
  /** Positions that a near friend was not told, in `economy`. */
  readonly spared: number;
  /** Answers that their callers held already: an object sends none of these. */
  readonly sameAnswers: number;
  /** Share of all pairs whose views were ever compared with the oracle. */
  readonly comparedPairs: number;
  /** What became of every message: with these the same run needs no weather. */
  readonly fates: ReadonlyMap<string, Fate>;
}

/** Runs a scenario to its end or to the first rule that does not hold. `ended` sees the world when all rules held. */
export function run(
  scenario: Scenario,
  build: Build = REAL,
  log?: Log,
  ended: (world: World) => void = () => {},
): Outcome {
  const world = new World(scenario, build, log);
  const { queue, checks } = world;
  let endAt = world.startMs;
  for (const action of scenario.actions) {
    endAt = Math.max(endAt, world.startMs + action.at);
    queue.plan(world.startMs + action.at, () => {
      const { who, at: _at, ...rest } = action;
      world.log?.(() => `${who}: ${JSON.stringify(rest)}`);
      world.object(who).act(action);
      checks.acted(who);
    });
  }
  let failure: Outcome["failure"] = null;
  let comparedPairs = 0;
  try {
    // Alarms go on for ever: an event of our own is the last one.
    queue.plan(endAt + SETTLE_MS + 1, () => {});
    while (queue.now <= endAt + SETTLE_MS && queue.step());
    comparedPairs = checks.everything();
    ended(world);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    failure = { rule: error.rule, atMs: error.atMs, message: error.message };
  }
  const { counts, network } = world;
  return {
    failure,
    counts,
    index: world.presence.counts,
    kinds: checks.kinds,
    compared: checks.compared,
    spared: checks.spared,
    sameAnswers: checks.sameAnswers,
    comparedPairs,
    fates: network.fates,
  };
}
