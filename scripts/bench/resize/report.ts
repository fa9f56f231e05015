/** What a change of size did to deliveries, as one document and as a table. */
import type { TargetName } from "../entry.ts";
import { formatMachine, type Machine } from "../machine.ts";
import { LATE_MS } from "../open-loop.ts";
import { roundsText, type Turns } from "../rounds.ts";
import { type Column, summarise, type Summary, summaryTable } from "../tables.ts";
import type { ResizeFigures } from "./bench.ts";

export interface ResizeSetup {
  readonly users: number;
  /** Of each, active and near. */
  readonly friends: number;
  /** Friends of each who never connect. */
  readonly asleep: number;
  readonly seconds: number;
  readonly offeredPerS: number;
}

export interface ResizeReport extends ResizeSetup {
  readonly workload: "resize";
  readonly isComplete: boolean;
  readonly targets: Readonly<Record<string, Summary>>;
  readonly rounds: readonly Readonly<Record<string, ResizeFigures>>[];
  readonly roundsAsked: number;
  readonly machine: Machine;
}

const LATE = `over ${LATE_MS / 1000} s`;
const COLUMNS: readonly Column<ResizeFigures>[] = [
  { key: "deliveries", heading: "deliveries", read: ({ loop }) => loop.deliveries, digits: 0 },
  { key: "lost", heading: "of them lost", read: ({ loop }) => loop.lost, digits: 0 },
  { key: "late", heading: `late, ${LATE}`, read: ({ loop }) => loop.late, digits: 0 },
  { key: "replaced", heading: "replaced by a newer one", read: ({ loop }) => loop.replaced, digits: 0 },
  { key: "p50Ms", heading: "p50, ms", read: ({ loop }) => loop.latency.p50Ms, digits: 1 },
  { key: "p99Ms", heading: "p99, ms", read: ({ loop }) => loop.latency.p99Ms, digits: 0 },
  { key: "longestGapMs", heading: "longest gap of a pair, ms", read: ({ loop }) => loop.latency.maxMs, digits: 0 },
  { key: "changeMs", heading: "the change itself, ms", read: ({ changeMs }) => changeMs, digits: 0 },
  { key: "lateForMs", heading: "until the last late one, ms", read: ({ lateForMs }) => lateForMs, digits: 0 },
  { key: "cut", heading: "sockets that ended", read: ({ cut }) => cut, digits: 0 },
  { key: "reconnectedMs", heading: "until all were back, ms", read: ({ reconnectedMs }) => reconnectedMs, digits: 0 },
];

export function makeResizeReport(
  setup: ResizeSetup,
  names: readonly TargetName[],
  { rounds, asked, isComplete }: Turns<ResizeFigures>,
  machine: Machine,
): ResizeReport {
  return {
    workload: "resize",
    ...setup,
    isComplete,
    targets: summarise(rounds, names, COLUMNS),
    rounds: rounds.map((each) => Object.fromEntries(each)),
    roundsAsked: asked,
    machine,
  };
}

export function formatResizeReport(report: ResizeReport): string {
  const { users, friends, asleep, seconds, offeredPerS, machine } = report;
  return [
    `${users} people with ${friends} near friends and ${asleep} who never connect, ${offeredPerS} deliveries/s offered for`,
    `${seconds} s; classic: a Redis server joins the ring; ours: all objects are reset; ${roundsText(report)}`,
    "",
    summaryTable(report.targets, COLUMNS),
    "",
    `- ${formatMachine(machine)}`,
  ].join("\n");
}
