/** `npm run sim`: a town on the real core, with everything that goes wrong, from one seed. */
import { readFileSync } from "node:fs";

import { generate, type Plan } from "../test/sim/generate.ts";
import { listRegressions } from "../test/sim/regressions.ts";
import { type Outcome, run } from "../test/sim/run.ts";
import { keep, type Tally, tallyOf } from "../test/sim/seeds.ts";
import { parseScenario, type Scenario } from "../test/sim/scenario.ts";
import { readInteger, readOptions, refuseUsage } from "./options.ts";
import { progress } from "./progress.ts";

const USAGE =
  "npm run sim -- [--seed N] [--runs N] [--people N] [--steps N] [--tempo calm|rush] [--no-faults] [--roughness N] [--json]\n" +
  "       npm run sim -- --replay FILE";
const PEOPLE_MAX = 5_000;
const STEPS_MAX = 10_000;
const RUNS_MAX = 100_000;
const ROUGHNESS_MAX = 6;

const { values } = readOptions(USAGE, {
  seed: { type: "string" },
  runs: { type: "string" },
  people: { type: "string" },
  steps: { type: "string" },
  tempo: { type: "string" },
  roughness: { type: "string" },
  "no-faults": { type: "boolean", default: false },
  replay: { type: "string" },
  json: { type: "boolean", default: false },
});
const firstSeed = readInteger(USAGE, { option: "--seed", text: values.seed, fallback: 1, min: 0, max: 2 ** 31 - 1 });
const runs = readInteger(USAGE, { option: "--runs", text: values.runs, fallback: 1, max: RUNS_MAX });
const people = readInteger(USAGE, { option: "--people", text: values.people, fallback: 200, min: 2, max: PEOPLE_MAX });
const steps = readInteger(USAGE, { option: "--steps", text: values.steps, fallback: 60, max: STEPS_MAX });
const roughness = readInteger(USAGE, {
  option: "--roughness",
  text: values.roughness,
  fallback: 1,
  max: ROUGHNESS_MAX,
});
const tempi = readTempi(values.tempo);
const keptRules = new Set<string>();

if (values.replay === undefined) simulate();
else replay(values.replay);

function readTempi(text: string | undefined): readonly Plan["tempo"][] {
  if (text === undefined) return ["calm", "rush"];
  if (text === "calm" || text === "rush") return [text];
  return refuseUsage(USAGE, `--tempo must be calm or rush, not: ${text}`);
}

function simulate(): void {
  const regressions = listRegressions();
  const bar = progress("runs", regressions.length + runs);
  const failures: { seed: number | null; message: string; file: string | null }[] = [];
  for (const { name, read } of regressions) {
    const message = failureOf(read);
    if (message !== null) failures.push({ seed: null, message, file: name });
    bar.tick();
  }
  const outcomes = [];
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const tempo = tempi[seed % tempi.length] ?? "calm";
    const plan = { seed, people, steps, tempo, faults: !values["no-faults"], roughness };
    const outcome = run(generate(plan));
    outcomes.push(outcome);
    if (outcome.failure !== null)
      failures.push({ seed, message: outcome.failure.message, file: keepOnce(plan, outcome) });
    bar.tick();
  }
  bar.done();
  const report = { seed: firstSeed, people, steps, roughness, ...tallyOf(outcomes), failures };
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
  if (failures.length > 0) process.exitCode = 1;
}

/** Shrinks and stores the first failure of each rule; more of the same tell nothing new. */
function keepOnce(plan: Plan, { failure }: Outcome): string | null {
  if (failure === null || keptRules.has(failure.rule)) return null;
  keptRules.add(failure.rule);
  return keep(plan, failure.rule);
}

function failureOf(read: () => Scenario): string | null {
  try {
    return run(read()).failure?.message ?? null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function formatReport(
  report: Tally & { seed: number; failures: { seed: number | null; message: string; file: string | null }[] },
): string {
  const { seed, counts, failures } = report;
  const lines = [
    `seed ${seed}, ${report.runs} run(s): ${report.compared} views compared with the oracle, of ` +
      `${percent(report.comparedPairs)} of all pairs`,
    `settled pairs that are far: ${percent(report.farShare)}; contacts that are unknown: ${percent(report.unknownShare)}`,
    ...Object.entries(counts).map(([name, count]) => `${String(count).padStart(9)}  ${name}`),
    ...failures.map(
      ({ seed: of, message, file }) => `FAILED ${of === null ? "" : `seed ${of}: `}${message} (${file ?? "not kept"})`,
    ),
    failures.length === 0 ? "every rule held" : `${failures.length} failure(s)`,
  ];
  return `${lines.join("\n")}\n`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** One scenario, with a line for everything that happens: how a stored failure is read. */
function replay(path: string): void {
  let scenario: Scenario;
  try {
    scenario = parseScenario(readFileSync(path, "utf8"));
  } catch (error) {
    refuseUsage(USAGE, `--replay ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { failure } = run(scenario, undefined, (line) => process.stdout.write(`${line()}\n`));
  process.stdout.write(`${failure === null ? "every rule held" : `FAILED ${failure.message}`}\n`);
  if (failure !== null) process.exitCode = 1;
}
