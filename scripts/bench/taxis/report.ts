/** What the taxis found, as one document and as a table. */
import { serverCpuS } from "../cpu.ts";
import { round } from "../figures.ts";
import { formatMachine, type Machine } from "../machine.ts";
import { type Ratio, ratioOf, type Round, roundsText, type Turns, verdict } from "../rounds.ts";
import { type Column, countsText, ratioText, summarise, type Summary, summaryTable } from "../tables.ts";
import type { TaxisFigures } from "./bench.ts";
import { BATCH } from "./pump.ts";

/** Updates a second in economy, as a share of the classic server's. */
export const CLASSIC_RATIO_TARGET = 0.45;
const ECONOMY = "ours, economy";
const US_PER_S = 1e6;

export interface TaxisSetup {
  readonly tracks: string;
  readonly taxis: number;
  readonly friends: number;
  readonly updates: number;
  /** Of the updates, at once, by target. */
  readonly underWay: Readonly<Record<string, number>>;
}

export interface TaxisReport extends TaxisSetup {
  readonly workload: "taxis";
  readonly isComplete: boolean;
  readonly targets: Readonly<Record<string, Summary>>;
  readonly ratios: readonly Ratio[];
  readonly classicRatioTarget: number;
  readonly notes: readonly string[];
  /** Screens that did not show what they must; empty when all is well. */
  readonly failures: readonly string[];
  readonly rounds: readonly Readonly<Record<string, TaxisFigures>>[];
  readonly roundsAsked: number;
  readonly machine: Machine;
}

const COLUMNS: readonly Column<TaxisFigures>[] = [
  { key: "updatesPerS", heading: "updates/s", read: updatesPerS, digits: 0 },
  {
    key: "deliveriesPerUpdate",
    heading: "deliveries an update",
    read: ({ pump }) => pump.deliveriesPerUpdate,
    digits: 2,
  },
  { key: "deliveriesPerS", heading: "deliveries/s", read: ({ pump }) => pump.deliveries / pump.seconds, digits: 0 },
  { key: "cpuPerUpdateUs", heading: "server CPU, µs an update", read: cpuPerUpdateUs, digits: 0 },
  { key: "serverCores", heading: "server CPU, cores", read: serverCores, digits: 2 },
  { key: "loadCores", heading: "load CPU, cores", read: ({ pump, cpu }) => cpu.loadS / pump.seconds, digits: 2 },
  { key: "tailMs", heading: "work after the last probe, ms", read: ({ pump }) => pump.tailMs, digits: 0 },
  { key: "near", heading: "friends near at the end", read: (each) => each.verdict.near, digits: 0 },
  { key: "wrong", heading: "wrong on a screen", read: (each) => each.verdict.wrong, digits: 0 },
  { key: "worstM", heading: "most that a place is off, m", read: (each) => each.verdict.worstM, digits: 1 },
];

export function makeTaxisReport(
  setup: TaxisSetup,
  labels: readonly string[],
  { rounds, asked, isComplete }: Turns<TaxisFigures>,
  machine: Machine,
): TaxisReport {
  const ratios = labels
    .filter((of) => of !== "classic")
    .map((of) => ratioOf(rounds, { what: "updates/s", of, to: "classic", read: updatesPerS }));
  return {
    workload: "taxis",
    ...setup,
    isComplete,
    targets: summarise(rounds, labels, COLUMNS),
    ratios: ratios.filter((ratio) => ratio !== null),
    classicRatioTarget: CLASSIC_RATIO_TARGET,
    notes: labels.filter((label) => rounds.some((each) => each.get(label)?.pump.paceBound)).map(paceNote),
    failures: failuresOf(rounds),
    rounds: rounds.map((each) => Object.fromEntries(each)),
    roundsAsked: asked,
    machine,
  };
}

function paceNote(label: string): string {
  return `${label}: some taxis had to wait for their limit of 10 frames/s: the server could do more`;
}

export function failuresOf(rounds: readonly Round<TaxisFigures>[]): string[] {
  return rounds.flatMap((each, index) =>
    [...each].flatMap(
      ([
        label,
        {
          verdict: { wrong, near, examples },
        },
      ]) => {
        if (wrong > 0)
          return [`round ${index + 1}, ${label}: ${wrong} wrong on a screen, such as ${examples.join("; ")}`];
        return near > 0 ? [] : [`round ${index + 1}, ${label}: nobody is near, so nothing was compared`];
      },
    ),
  );
}

export function formatTaxisReport(report: TaxisReport): string {
  const { tracks, taxis, friends, updates, underWay, ratios, classicRatioTarget, machine } = report;
  return [
    `${taxis} taxis of ${tracks} with ${friends} friends each on average, ${updates} updates a round, of which an eighth is not measured, in batches of ${BATCH},`,
    `so many under way: ${countsText(underWay)}; ${roundsText(report)}`,
    "",
    summaryTable(report.targets, COLUMNS),
    "",
    ...ratios.map((ratio) => `- ${ratioText(ratio)}${ratio.of === ECONOMY ? verdict(ratio, classicRatioTarget) : ""}`),
    ...report.notes.map((note) => `- ${note}`),
    ...report.failures.map((failure) => `- FAILED: ${failure}`),
    `- ${formatMachine(machine)}`,
  ].join("\n");
}

function updatesPerS({ pump }: TaxisFigures): number {
  return pump.updatesPerS;
}

function cpuPerUpdateUs({ pump, cpu }: TaxisFigures): number | null {
  const usedS = serverCpuS(cpu);
  return usedS === null ? null : round((usedS * US_PER_S) / pump.updates, 1);
}

function serverCores({ pump, cpu }: TaxisFigures): number | null {
  const usedS = serverCpuS(cpu);
  return usedS === null ? null : usedS / pump.seconds;
}
