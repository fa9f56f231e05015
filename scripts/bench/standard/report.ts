/** What a bench found, as one document and as a table. */
import { cpus, release } from "node:os";
import { median, round } from "../figures.ts";
import type { LoadFigures } from "../load.ts";

/** Deliveries per second of the real server, as a share of the floor's: what the rules may cost. */
const RATIO_TARGET = 0.6;

export interface RoundFigures extends LoadFigures {
  /** Of the server's process and of the load's, during the measured time; null without /proc. */
  serverCpuS: number | null;
  loadCpuS: number;
  /** The server's CPU time for one delivery, µs: what is left to compare when other programs take turns on the CPU. */
  cpuPerDeliveryUs: number | null;
}

export interface Round {
  floor: RoundFigures;
  real: RoundFigures;
  /** Deliveries per second, real / floor. */
  ratio: number;
}

export interface BenchSetup {
  users: number;
  friends: number;
  seconds: number;
  /** Positions under way at once. */
  window: number;
}

/** Peaks of resident memory since each process started, MiB; null without /proc. */
export interface BenchMemory {
  floorMiB: number | null;
  realMiB: number | null;
  loadMiB: number;
}

export interface BenchReport extends BenchSetup {
  median: Round;
  ratioTarget: number;
  peakMemory: BenchMemory;
  rounds: Round[];
  machine: { cpus: number; cpu: string; kernel: string; node: string };
}

export function makeReport(setup: BenchSetup, rounds: Round[], peakMemory: BenchMemory): BenchReport {
  const machine = {
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown",
    kernel: release(),
    node: process.versions.node,
  };
  const middle: Round = {
    floor: medianFigures(rounds.map(({ floor }) => floor)),
    real: medianFigures(rounds.map(({ real }) => real)),
    // Of the rounds' ratios: the two halves of a round ran next to each other, on a machine in the same mood.
    ratio: round(median(rounds.map(({ ratio }) => ratio)), 3),
  };
  return { ...setup, median: middle, ratioTarget: RATIO_TARGET, peakMemory, rounds, machine };
}

function medianFigures(all: RoundFigures[]): RoundFigures {
  const of = (read: (figures: RoundFigures) => number) => round(median(all.map(read)), 2);
  const ofKnown = (read: (figures: RoundFigures) => number | null) => {
    const known = all.map(read).filter((value) => value !== null);
    return known.length > 0 ? round(median(known), 2) : null;
  };
  return {
    updatesPerS: of((each) => each.updatesPerS),
    deliveriesPerS: of((each) => each.deliveriesPerS),
    p50Ms: of((each) => each.p50Ms),
    p95Ms: of((each) => each.p95Ms),
    p99Ms: of((each) => each.p99Ms),
    lost: of((each) => each.lost),
    paceBound: all.some((each) => each.paceBound),
    serverCpuS: ofKnown((each) => each.serverCpuS),
    loadCpuS: of((each) => each.loadCpuS),
    cpuPerDeliveryUs: ofKnown((each) => each.cpuPerDeliveryUs),
  };
}

const COLUMNS: [heading: string, read: (figures: RoundFigures) => number | null, digits: number][] = [
  ["updates/s", (each) => each.updatesPerS, 0],
  ["deliveries/s", (each) => each.deliveriesPerS, 0],
  ["p50 ms", (each) => each.p50Ms, 1],
  ["p95 ms", (each) => each.p95Ms, 1],
  ["p99 ms", (each) => each.p99Ms, 1],
  ["lost", (each) => each.lost, 0],
  ["server CPU s", (each) => each.serverCpuS, 2],
  ["load CPU s", (each) => each.loadCpuS, 2],
  ["µs/delivery", (each) => each.cpuPerDeliveryUs, 0],
];
const CELL_CHARS = 14;

export function formatReport(report: BenchReport): string {
  const { users, friends, seconds, window, peakMemory, machine } = report;
  const lines = [
    `${users} users with ${friends} friends each, ${seconds} s a round, ${window} positions under way at once`,
    `${machine.cpus} CPUs (${machine.cpu}), Node ${machine.node}`,
    "",
    row(
      "",
      COLUMNS.map(([heading]) => heading),
    ),
  ];
  for (const [index, each] of report.rounds.entries()) {
    lines.push(...formatRound(`round ${index + 1}`, each));
  }
  lines.push(...formatRound("median", report.median), "");
  const memory = [
    `real ${megabytes(peakMemory.realMiB)}`,
    `floor ${megabytes(peakMemory.floorMiB)}`,
    `load ${megabytes(peakMemory.loadMiB)}`,
  ];
  lines.push(`peak memory: ${memory.join(", ")}`);
  lines.push(`deliveries real / floor: ${report.median.ratio} (target: at least ${report.ratioTarget})`);
  if (report.median.floor.paceBound || report.median.real.paceBound) {
    lines.push("the pace of the users was the limit (10 frames/s each), not the servers: take more users or friends");
  }
  return lines.join("\n");
}

function formatRound(label: string, each: Round): string[] {
  return [figuresRow(`${label} floor`, each.floor), `${figuresRow(`${label} real`, each.real)}  x ${each.ratio}`];
}

function figuresRow(label: string, figures: RoundFigures): string {
  return row(
    label,
    COLUMNS.map(([, read, digits]) => read(figures)?.toFixed(digits) ?? "-"),
  );
}

function row(label: string, cells: string[]): string {
  return label.padEnd(CELL_CHARS + 2) + cells.map((cell) => cell.padStart(CELL_CHARS)).join("");
}

function megabytes(value: number | null): string {
  return value === null ? "unknown" : `${value.toFixed(0)} MiB`;
}
