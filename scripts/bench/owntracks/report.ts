/** What a bench of OwnTracks found, as one document and as a table, and whether it is good enough. */
import { cpus, release } from "node:os";
import { percentile, round } from "../figures.ts";

/** Reports a second that one core of the server has to take. */
export const RATE_TARGET = 300;

export interface PhaseFigures {
  readonly latenciesMs: readonly number[];
  /** Friends in all answers together. */
  readonly friends: number;
  /** Answers that are not 200. */
  readonly refused: number;
  readonly seconds: number;
  /** Null without /proc. */
  readonly serverCpuS: number | null;
}

export interface OwnTracksSetup {
  readonly users: number;
  readonly friends: number;
  readonly seconds: number;
  readonly rate: number;
}

export interface PhaseReport {
  readonly reports: number;
  readonly reportsPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly friendsPerAnswer: number;
  readonly refused: number;
  /** The server's cores that were busy, of all threads. */
  readonly serverCores: number | null;
}

export interface OwnTracksReport extends OwnTracksSetup {
  /** At `rate`, from the moment when each report was due. */
  readonly paced: PhaseReport;
  /** In a closed loop. */
  readonly fastest: PhaseReport;
  readonly rateTarget: number;
  readonly peakServerMiB: number | null;
  /** What is not as it must be, in words; empty when all is well. */
  readonly failures: readonly string[];
  readonly machine: { readonly cpus: number; readonly cpu: string; readonly kernel: string; readonly node: string };
}

export function makeOwnTracksReport(
  { users, friends, seconds, rate }: OwnTracksSetup,
  found: { paced: PhaseFigures; fastest: PhaseFigures; serverMiB: number | undefined },
): OwnTracksReport {
  const report = { users, friends, seconds, rate, paced: phaseOf(found.paced), fastest: phaseOf(found.fastest) };
  return {
    ...report,
    rateTarget: RATE_TARGET,
    peakServerMiB: found.serverMiB === undefined ? null : round(found.serverMiB, 1),
    failures: failuresOf(report),
    machine: {
      cpus: cpus().length,
      cpu: cpus()[0]?.model ?? "unknown",
      kernel: release(),
      node: process.versions.node,
    },
  };
}

function phaseOf({ latenciesMs, friends, refused, seconds, serverCpuS }: PhaseFigures): PhaseReport {
  const sorted = Float64Array.from(latenciesMs).toSorted();
  return {
    reports: sorted.length,
    reportsPerS: round(sorted.length / seconds, 1),
    p50Ms: round(percentile(sorted, 0.5), 2),
    p99Ms: round(percentile(sorted, 0.99), 2),
    friendsPerAnswer: round(friends / sorted.length, 2),
    refused,
    serverCores: serverCpuS === null ? null : round(serverCpuS / seconds, 2),
  };
}

type Judged = OwnTracksSetup & Pick<OwnTracksReport, "paced" | "fastest">;

/** A bench that measured something else than what it is for has failed; its speed is for people to judge. */
export function failuresOf({ friends, paced, fastest }: Judged): string[] {
  const checks: [isGood: boolean, problem: string][] = [
    [paced.reports > 0 && fastest.reports > 0, "no report was sent"],
    [paced.refused === 0 && fastest.refused === 0, `${paced.refused + fastest.refused} reports were refused`],
    [paced.friendsPerAnswer === friends, `${paced.friendsPerAnswer} friends in an answer, of ${friends}`],
  ];
  return checks.filter(([isGood]) => !isGood).map(([, problem]) => problem);
}

const NAME_CHARS = 20;
const CELL_CHARS = 14;

export function formatOwnTracksReport(report: OwnTracksReport): string {
  const { users, friends, seconds, rate, paced, fastest, rateTarget, peakServerMiB, failures, machine } = report;
  return [
    `${users} phones with ${friends} friends near each, ${seconds} s at ${rate} reports/s and ${seconds} s as fast as it goes`,
    `${machine.cpus} CPUs (${machine.cpu}), Node ${machine.node}`,
    "",
    row("", ["reports/s", "p50 ms", "p99 ms", "friends", "refused", "server cores"]),
    line(`at ${rate}/s`, paced),
    line("as fast as it goes", fastest),
    "",
    `peak memory of the server: ${peakServerMiB === null ? "unknown" : `${peakServerMiB} MiB`}`,
    `reports/s as fast as it goes: ${fastest.reportsPerS} (target: at least ${rateTarget})`,
    ...(failures.length === 0 ? [] : [`FAILED: ${failures.join("; ")}`]),
  ].join("\n");
}

function line(name: string, phase: PhaseReport): string {
  return row(name, [
    phase.reportsPerS.toFixed(0),
    phase.p50Ms.toFixed(1),
    phase.p99Ms.toFixed(1),
    phase.friendsPerAnswer.toFixed(1),
    String(phase.refused),
    phase.serverCores?.toFixed(2) ?? "-",
  ]);
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(NAME_CHARS) + cells.map((cell) => cell.padStart(CELL_CHARS)).join("");
}
