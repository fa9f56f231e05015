/** The command line of `npm run bench`: which bench is meant, and with what. */
import { readInteger, readOptions, refuseUsage } from "../options.ts";
import { type Asked, type Bench, NUMBER_NAMES, type NumberName, TARGET_NAMES, type TargetName } from "./entry.ts";

/** What `npm run bench` alone means. */
export const DEFAULT_WORKLOAD = "standard";

export interface CommandLine {
  readonly bench: Bench;
  readonly asked: Asked;
  readonly json: boolean;
}

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** Reads `args`; whatever is wrong with them ends the process with a message that names the option. */
export function readCommandLine(benches: readonly Bench[], args: string[]): CommandLine {
  const usage = usageOf(benches);
  const { values }: { values: Values } = readOptions(usage, optionsOf(benches), { args });
  const bench = choose(benches, values, usage);
  refuseForeign(bench, values, usage);
  const asked: Asked = {
    number: (name) => readNumber(bench, values, usage, name),
    targets: readTargets(bench, values, usage),
    tracks: textOf(values, "tracks"),
  };
  // Everything is read once before anything is started.
  for (const name of NUMBER_NAMES) if (bench.numbers[name] !== undefined) asked.number(name);
  const problem = bench.problemOf?.(asked);
  if (problem !== undefined) refuseUsage(usage, problem);
  return { bench, asked, json: values["json"] === true };
}

export function usageOf(benches: readonly Bench[]): string {
  return benches.map((bench) => `npm run bench -- ${invocation(bench)}`).join(", or ");
}

function invocation(bench: Bench): string {
  const selected = bench.kind === "option" ? `--${bench.name}` : `--workload ${bench.name}`;
  return [
    bench.name === DEFAULT_WORKLOAD ? `[${selected}]` : selected,
    ...NUMBER_NAMES.filter((name) => bench.numbers[name] !== undefined).map((name) => `[--${name} N]`),
    ...(bench.targets === undefined ? [] : [`[--targets ${bench.targets.join(",")}]`]),
    ...(bench.takesTracks ? ["[--tracks FILE]"] : []),
    "[--json]",
  ].join(" ");
}

function optionsOf(benches: readonly Bench[]) {
  const flags = benches.filter(({ kind }) => kind === "option").map(({ name }) => name);
  return {
    ...Object.fromEntries(["workload", "targets", "tracks", ...NUMBER_NAMES].map((name) => [name, TEXT] as const)),
    ...Object.fromEntries(["json", ...flags].map((name) => [name, FLAG] as const)),
  };
}
const TEXT = { type: "string" } as const;
const FLAG = { type: "boolean" } as const;

function choose(benches: readonly Bench[], values: Values, usage: string): Bench {
  const workload = textOf(values, "workload");
  const named = benches.filter(({ kind, name }) => (kind === "option" ? values[name] === true : name === workload));
  if (workload !== undefined && !named.some(({ kind }) => kind === "workload")) {
    const known = benches.filter(({ kind }) => kind === "workload").map(({ name }) => name);
    refuseUsage(usage, `--workload must be one of ${known.join(", ")}, not: ${workload}`);
  }
  const [first = benches.find(({ name }) => name === DEFAULT_WORKLOAD), second] = named;
  if (first === undefined) throw new Error(`no workload is called ${DEFAULT_WORKLOAD}`);
  if (second !== undefined) refuseUsage(usage, `${asOption(first)} and ${asOption(second)} are two benches`);
  return first;
}

function refuseForeign(bench: Bench, values: Values, usage: string): void {
  const taken = new Set<string>(NUMBER_NAMES.filter((name) => bench.numbers[name] !== undefined));
  if (bench.targets !== undefined) taken.add("targets");
  if (bench.takesTracks) taken.add("tracks");
  const foreign = [...NUMBER_NAMES, "targets", "tracks"].find((name) => values[name] !== undefined && !taken.has(name));
  if (foreign !== undefined) refuseUsage(usage, `--${foreign} is not for ${asOption(bench)}`);
}

export function asOption({ kind, name }: Bench): string {
  return kind === "option" ? `--${name}` : `--workload ${name}`;
}

function readNumber(bench: Bench, values: Values, usage: string, name: NumberName): number {
  const bounds = bench.numbers[name];
  if (bounds === undefined) throw new Error(`${bench.name} takes no --${name}`);
  const { fallback, min = 1 } = bounds;
  const max =
    typeof bounds.max === "number" ? bounds.max : bounds.max((other) => readNumber(bench, values, usage, other));
  const text = textOf(values, name);
  return readInteger(usage, { option: `--${name}`, text, fallback: Math.min(fallback, max), min, max });
}

function readTargets(bench: Bench, values: Values, usage: string): readonly TargetName[] {
  const { targets = [] } = bench;
  const text = textOf(values, "targets");
  if (text === undefined) return targets;
  const named = text.split(",");
  const unknown = named.find((name) => !targets.some((target) => target === name));
  if (unknown !== undefined) {
    refuseUsage(usage, `--targets of ${asOption(bench)} are ${targets.join(", ")}, divided by commas, not: ${text}`);
  }
  return TARGET_NAMES.filter((name) => named.includes(name));
}

function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}
