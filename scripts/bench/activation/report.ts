/** What an activation took, as one document and as a table. */
import { cpus, release } from "node:os";
import { median, round } from "../figures.ts";

export interface ActivationFigures {
  /** To objects of friends. */
  readonly calls: number;
  readonly redisCommands: number;
  /** From the position to the first `nearby`. */
  readonly firstNearbyMs: number;
  /** Friends in it. */
  readonly near: number;
}

export interface ActivationSetup {
  readonly friends: number;
  readonly active: number;
  /** Version; null when a map took its place. */
  readonly redis: string | null;
}

export interface ActivationRound {
  readonly withIndex: ActivationFigures;
  readonly without: ActivationFigures;
}

export interface ActivationReport extends ActivationSetup {
  readonly median: ActivationRound;
  readonly rounds: readonly ActivationRound[];
  /** What did not come out as it must; empty when all is well. */
  readonly failures: readonly string[];
  readonly machine: { readonly cpus: number; readonly cpu: string; readonly kernel: string; readonly node: string };
}

/** Beside the active friends: who is just becoming inactive may still be listed. */
const CALLS_SPARE = 2;
const REDIS_COMMANDS = 2;

export function makeActivationReport(setup: ActivationSetup, rounds: readonly ActivationRound[]): ActivationReport {
  const machine = {
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown",
    kernel: release(),
    node: process.versions.node,
  };
  const middle = {
    withIndex: medianOf(rounds.map(({ withIndex }) => withIndex)),
    without: medianOf(rounds.map(({ without }) => without)),
  };
  return { ...setup, median: middle, rounds, failures: failuresOf(setup, rounds), machine };
}

function failuresOf({ friends, active }: ActivationSetup, rounds: readonly ActivationRound[]): string[] {
  const failures: string[] = [];
  for (const [i, { withIndex, without }] of rounds.entries()) {
    const expect = (isMet: boolean, what: string) => void (isMet || failures.push(`round ${i + 1}: ${what}`));
    for (const { near } of [withIndex, without])
      expect(near === active, `${near} of ${active} active friends are shown`);
    expect(withIndex.calls <= active + CALLS_SPARE, `${withIndex.calls} calls with the index`);
    expect(withIndex.redisCommands === REDIS_COMMANDS, `${withIndex.redisCommands} Redis commands`);
    expect(without.calls === friends, `${without.calls} calls without the index`);
    expect(without.redisCommands === 0, "Redis was asked without an index");
  }
  return failures;
}

function medianOf(figures: readonly ActivationFigures[]): ActivationFigures {
  const of = (key: keyof ActivationFigures) => median(figures.map((one) => one[key]));
  return {
    calls: of("calls"),
    redisCommands: of("redisCommands"),
    firstNearbyMs: round(of("firstNearbyMs"), 1),
    near: of("near"),
  };
}

export function formatActivationReport(report: ActivationReport): string {
  const { friends, active, redis, rounds, failures, machine } = report;
  const { withIndex, without } = report.median;
  const row = (label: string, of: (figures: ActivationFigures) => number) =>
    `${label.padEnd(24)}${String(of(withIndex)).padStart(10)}${String(of(without)).padStart(10)}`;
  return [
    `a first position of somebody with ${friends} friends, ${active} of them active and near; median of ${rounds.length} rounds`,
    `index: ${redis === null ? "a map, because redis-server is not installed" : `Redis ${redis}`} behind a REST bridge on the same machine`,
    "",
    `${"".padEnd(24)}${"with index".padStart(10)}${"without".padStart(10)}`,
    row("calls to objects", ({ calls }) => calls),
    row("Redis commands", ({ redisCommands }) => redisCommands),
    row("first nearby, ms", ({ firstNearbyMs }) => firstNearbyMs),
    row("friends shown", ({ near }) => near),
    "",
    `${machine.cpus} x ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}`,
    ...failures.map((failure) => `FAILED ${failure}`),
  ].join("\n");
}
