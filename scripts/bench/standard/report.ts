/** What the standard workload found, as one document and as a table. */
import { type CpuFigures, serverCpuS } from "../cpu.ts";
import type { TargetName } from "../entry.ts";
import { median } from "../figures.ts";
import type { LoadFigures } from "../load.ts";
import { formatMachine, type Machine } from "../machine.ts";
import type { OpenLoopFigures } from "../open-loop.ts";
import { type Ratio, ratioOf, type Round, roundsText, type Turns, verdict } from "../rounds.ts";
import { type Column, countsText, ratioText, summarise, type Summary, summaryTable } from "../tables.ts";

/** Deliveries per second of the real server, as a share of the floor's: what the rules may cost. */
export const FLOOR_RATIO_TARGET = 0.85;
/** Of a core. Above it the load, which is one thread, may have been what limited the figures. */
export const LOAD_BOUND_SHARE = 0.9;
const US_PER_S = 1e6;

export interface StandardFigures {
  readonly capacity: LoadFigures & { readonly cpu: CpuFigures };
  readonly open: OpenLoopFigures & { readonly cpu: CpuFigures };
  /** By process. */
  readonly residentMiB: Readonly<Record<string, number>>;
}

export interface StandardSetup {
  readonly users: number;
  /** Of each, active and near. */
  readonly friends: number;
  /** Friends of each who never connect. */
  readonly asleep: number;
  readonly seconds: number;
  /** Positions under way at once in the closed loop, by target. */
  readonly underWay: Readonly<Record<string, number>>;
  /** Deliveries that the open loop asks for. */
  readonly offeredPerS: number;
}

export interface StandardReport extends StandardSetup {
  readonly workload: "standard";
  readonly isComplete: boolean;
  readonly targets: Readonly<Record<string, Summary>>;
  readonly ratios: readonly Ratio[];
  readonly floorRatioTarget: number;
  /** What limits the meaning of the figures. */
  readonly notes: readonly string[];
  readonly rounds: readonly Readonly<Record<string, StandardFigures>>[];
  readonly roundsAsked: number;
  readonly machine: Machine;
}

const COLUMNS: readonly Column<StandardFigures>[] = [
  { key: "updatesPerS", heading: "closed loop: updates/s", read: ({ capacity }) => capacity.updatesPerS, digits: 0 },
  {
    key: "deliveriesPerS",
    heading: "closed loop: deliveries/s",
    read: ({ capacity }) => capacity.deliveriesPerS,
    digits: 0,
  },
  { key: "cpuPerDeliveryUs", heading: "closed loop: server CPU, µs a delivery", read: cpuPerDeliveryUs, digits: 1 },
  {
    key: "serverCores",
    heading: "closed loop: server CPU, cores",
    read: ({ capacity }) => coresOf(capacity.cpu),
    digits: 2,
  },
  {
    key: "loadCores",
    heading: "closed loop: load CPU, cores",
    read: ({ capacity }) => loadCores(capacity.cpu),
    digits: 2,
  },
  { key: "lost", heading: "closed loop: lost", read: ({ capacity }) => capacity.lost, digits: 0 },
  { key: "openDeliveriesPerS", heading: "open loop: deliveries/s", read: ({ open }) => open.deliveriesPerS, digits: 0 },
  { key: "p50Ms", heading: "open loop: p50, ms", read: ({ open }) => open.latency.p50Ms, digits: 2 },
  { key: "p95Ms", heading: "open loop: p95, ms", read: ({ open }) => open.latency.p95Ms, digits: 2 },
  { key: "p99Ms", heading: "open loop: p99, ms", read: ({ open }) => open.latency.p99Ms, digits: 2 },
  { key: "p999Ms", heading: "open loop: p99.9, ms", read: ({ open }) => open.latency.p999Ms, digits: 2 },
  { key: "maxMs", heading: "open loop: longest, ms", read: ({ open }) => open.latency.maxMs, digits: 2 },
  { key: "openLost", heading: "open loop: lost", read: ({ open }) => open.lost, digits: 0 },
  { key: "openReplaced", heading: "open loop: replaced by a newer one", read: ({ open }) => open.replaced, digits: 0 },
  { key: "openServerCores", heading: "open loop: server CPU, cores", read: ({ open }) => coresOf(open.cpu), digits: 2 },
  {
    key: "sendLateP99Ms",
    heading: "open loop: load late, p99, ms",
    read: ({ open }) => open.sendLate.p99Ms,
    digits: 2,
  },
  {
    key: "sendLateMaxMs",
    heading: "open loop: load late, most, ms",
    read: ({ open }) => open.sendLate.maxMs,
    digits: 2,
  },
  { key: "residentMiB", heading: "resident memory, MiB", read: ({ residentMiB }) => sumOf(residentMiB), digits: 0 },
];

export function makeStandardReport(
  setup: StandardSetup,
  names: readonly TargetName[],
  { rounds, asked, isComplete }: Turns<StandardFigures>,
  machine: Machine,
): StandardReport {
  const read = ({ capacity }: StandardFigures) => capacity.deliveriesPerS;
  const ratios = [
    ratioOf(rounds, { what: "deliveries/s", of: "ours", to: "floor", read }),
    ratioOf(rounds, { what: "deliveries/s", of: "ours", to: "classic", read }),
  ];
  return {
    workload: "standard",
    ...setup,
    isComplete,
    targets: summarise(rounds, names, COLUMNS),
    ratios: ratios.filter((ratio) => ratio !== null),
    floorRatioTarget: FLOOR_RATIO_TARGET,
    notes: notesOf(rounds, names),
    rounds: rounds.map((each) => Object.fromEntries(each)),
    roundsAsked: asked,
    machine,
  };
}

function notesOf(rounds: readonly Round<StandardFigures>[], names: readonly TargetName[]): string[] {
  return names.flatMap((name) => {
    const capacities = rounds.flatMap((each) => each.get(name)?.capacity ?? []);
    const isPace = capacities.some(({ paceBound }) => paceBound);
    const isLoad = capacities.some(({ cpu }) => loadCores(cpu) > LOAD_BOUND_SHARE);
    return [
      ...(isPace
        ? [
            `${name}: the pace of the people was the limit (10 frames/s each), not the server: take more users or friends`,
          ]
        : []),
      ...(isLoad
        ? [`${name}: the load used a whole core, so the server may be able to deliver more than it was asked`]
        : []),
    ];
  });
}

export function formatStandardReport(report: StandardReport): string {
  const { users, friends, asleep, seconds, underWay, offeredPerS, ratios, floorRatioTarget, machine } = report;
  return [
    `${users} people with ${friends} near friends and ${asleep} who never connect, ${seconds} s a measurement; closed loop with`,
    `so many positions under way: ${countsText(underWay)}; open loop with ${offeredPerS} deliveries/s offered;`,
    roundsText(report),
    "",
    summaryTable(report.targets, COLUMNS),
    "",
    ...ratios.map((ratio) => `- ${ratioText(ratio)}${ratio.to === "floor" ? verdict(ratio, floorRatioTarget) : ""}`),
    ...Object.keys(report.targets).map((name) => `- ${byProcessText(name, report.rounds)}`),
    ...report.notes.map((note) => `- ${note}`),
    `- ${formatMachine(machine)}`,
  ].join("\n");
}

/** What each process of a server uses in the closed loop: medians of the rounds. */
function byProcessText(name: string, rounds: StandardReport["rounds"]): string {
  const each = rounds.flatMap((figures) => figures[name] ?? []);
  const parts = Object.keys(each[0]?.residentMiB ?? {}).map((part) => {
    const cores = median(each.map(({ capacity: { cpu } }) => (cpu.serverS?.[part] ?? Number.NaN) / cpu.seconds));
    const memoryMiB = median(each.map(({ residentMiB }) => residentMiB[part] ?? Number.NaN));
    return `${part} ${cores.toFixed(2)} cores and ${memoryMiB.toFixed(0)} MiB`;
  });
  return `${name}, by process: ${parts.length === 0 ? "not known without /proc" : parts.join(", ")}`;
}

function cpuPerDeliveryUs({ capacity }: StandardFigures): number | null {
  const usedS = serverCpuS(capacity.cpu);
  return usedS === null ? null : (usedS * US_PER_S) / (capacity.deliveriesPerS * capacity.cpu.seconds);
}

function coresOf(cpu: CpuFigures): number | null {
  const usedS = serverCpuS(cpu);
  return usedS === null ? null : usedS / cpu.seconds;
}

function loadCores(cpu: CpuFigures): number {
  return cpu.loadS / cpu.seconds;
}

function sumOf(byName: Readonly<Record<string, number>>): number | null {
  const sum = Object.values(byName).reduce((total, each) => total + each, 0);
  return Object.keys(byName).length === 0 || Number.isNaN(sum) ? null : sum;
}
