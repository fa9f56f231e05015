/** What the storm found, as one document and as a table. */
import { type CpuFigures, serverCpuS } from "../cpu.ts";
import type { TargetName } from "../entry.ts";
import type { LatencyFigures } from "../latencies.ts";
import { formatMachine, type Machine } from "../machine.ts";
import { type Ratio, ratioOf, type Round, roundsText, type Turns } from "../rounds.ts";
import { type Column, ratioText, summarise, type Summary, summaryTable } from "../tables.ts";
import type { StormFigures } from "./bench.ts";

export interface StormSetup {
  readonly users: number;
  /** Of each, active and near. */
  readonly friends: number;
  /** Friends of each who never connect. */
  readonly asleep: number;
}

export interface StormReport extends StormSetup {
  readonly workload: "storm";
  readonly isComplete: boolean;
  readonly targets: Readonly<Record<string, Summary>>;
  readonly ratios: readonly Ratio[];
  /** People who did not come back; empty when all is well. */
  readonly failures: readonly string[];
  readonly rounds: readonly Readonly<Record<string, StormFigures>>[];
  readonly roundsAsked: number;
  readonly machine: Machine;
}

const TIMES: readonly ["open" | "snapshot" | "whole", string][] = [
  ["open", "to the open socket"],
  ["snapshot", "to `nearby`"],
  ["whole", "to all near friends"],
];
const COLUMNS: readonly Column<StormFigures>[] = [
  ...TIMES.flatMap(([which, heading]) => [
    column(which, heading, "p50", ({ p50Ms }) => p50Ms),
    column(which, heading, "p95", ({ p95Ms }) => p95Ms),
    column(which, heading, "p99", ({ p99Ms }) => p99Ms),
    column(which, heading, "last", ({ maxMs }) => maxMs),
  ]),
  { key: "errors", heading: "handshakes that failed first", read: ({ errors }) => errors, digits: 0 },
  { key: "missing", heading: "people who did not come back", read: ({ missing }) => missing, digits: 0 },
  { key: "serverCpuS", heading: "server CPU, s", read: ({ cpu }) => serverCpuS(cpu), digits: 2 },
  { key: "loadCores", heading: "load CPU, cores", read: ({ cpu }) => loadCores(cpu), digits: 2 },
];

function column(
  which: "open" | "snapshot" | "whole",
  heading: string,
  share: string,
  read: (figures: LatencyFigures) => number | null,
): Column<StormFigures> {
  const of = (figures: StormFigures) => (figures[which] === null ? null : read(figures[which]));
  return { key: `${which}-${share}Ms`, heading: `${heading}, ${share}, ms`, read: of, digits: 0 };
}

export function makeStormReport(
  setup: StormSetup,
  names: readonly TargetName[],
  { rounds, asked, isComplete }: Turns<StormFigures>,
  machine: Machine,
): StormReport {
  const back = { what: "time until all are back", of: "ours", to: "classic" };
  const ratio = ratioOf(rounds, { ...back, read: ({ allBackMs }) => allBackMs });
  return {
    workload: "storm",
    ...setup,
    isComplete,
    targets: summarise(rounds, names, COLUMNS),
    ratios: ratio === null ? [] : [ratio],
    failures: failuresOf(rounds),
    rounds: rounds.map((each) => Object.fromEntries(each)),
    roundsAsked: asked,
    machine,
  };
}

function failuresOf(rounds: readonly Round<StormFigures>[]): string[] {
  return rounds.flatMap((each, index) =>
    [...each].flatMap(([label, { missing }]) =>
      missing === 0 ? [] : [`round ${index + 1}, ${label}: ${missing} people did not see all their friends again`],
    ),
  );
}

export function formatStormReport(report: StormReport): string {
  const { users, friends, asleep, ratios, failures, machine } = report;
  return [
    `${users} people with ${friends} near friends and ${asleep} who never connect; all sockets are cut at once, and`,
    `all come back as fast as the machine opens them; ${roundsText(report)}`,
    "",
    summaryTable(report.targets, COLUMNS),
    "",
    ...ratios.map((ratio) => `- ${ratioText(ratio)}`),
    ...failures.map((failure) => `- FAILED: ${failure}`),
    `- ${formatMachine(machine)}`,
  ].join("\n");
}

function loadCores({ loadS, seconds }: CpuFigures): number {
  return loadS / seconds;
}
