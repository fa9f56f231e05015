/** What a bench of strangers found, and whether it is good enough. */
import { cpus, release } from "node:os";
import { round } from "../figures.ts";
import type { CrowdFigures } from "./crowd.ts";
import type { RealFigures } from "./real.ts";

export const LIMITS = {
  /** Of a position, everything included. */
  callsPerReport: 5,
  /** Of one object; it serves 500 to 1,000. */
  requestsPerS: 500,
} as const;

export interface StrangersReport {
  /** On virtual time. */
  readonly city: CrowdFigures;
  readonly stadium: CrowdFigures;
  /** Everybody comes within one interval, as after an update of the server; not judged. */
  readonly rush: CrowdFigures;
  readonly real: RealFigures;
  readonly limits: typeof LIMITS;
  readonly failures: readonly string[];
  readonly machine: { readonly cpus: number; readonly cpu: string; readonly kernel: string; readonly node: string };
}

export type Figures = Pick<StrangersReport, "city" | "stadium" | "rush" | "real">;

export function makeStrangersReport(figures: Figures): StrangersReport {
  return {
    city: rounded(figures.city),
    stadium: rounded(figures.stadium),
    rush: rounded(figures.rush),
    real: {
      ...figures.real,
      callsMean: round(figures.real.callsMean, 3),
      reportsPerS: round(figures.real.reportsPerS, 1),
      p50Ms: round(figures.real.p50Ms, 2),
      p99Ms: round(figures.real.p99Ms, 2),
    },
    limits: LIMITS,
    failures: failuresOf(figures),
    machine: {
      cpus: cpus().length,
      cpu: cpus()[0]?.model ?? "unknown",
      kernel: release(),
      node: process.versions.node,
    },
  };
}

function rounded(figures: CrowdFigures): CrowdFigures {
  return { ...figures, callsMean: round(figures.callsMean, 3), shownMean: round(figures.shownMean, 1) };
}

/** A figure that could not be had is a failure, too: no comparison with NaN is true. */
export function failuresOf({ city, stadium, real }: Figures): string[] {
  const { callsPerReport, requestsPerS } = LIMITS;
  const checks: [isGood: boolean, problem: string][] = [
    [city.callsMost <= callsPerReport, `${city.callsMost} calls for one report in the city`],
    [stadium.callsMost <= callsPerReport, `${stadium.callsMost} calls for one report in the stadium`],
    [real.callsMean <= callsPerReport, `${real.callsMean} calls per report of real objects`],
    [stadium.peakPerS <= requestsPerS, `${stadium.peakPerS} requests in a second for ${stadium.busiest}`],
    [city.peakPerS <= requestsPerS, `${city.peakPerS} requests in a second for ${city.busiest}`],
    [city.shownMean > 0 && stadium.shownMean > 0, "nobody was shown to anybody"],
    [real.rowsWritten <= real.people, `${real.rowsWritten} rows and alarms of ${real.people} people`],
  ];
  return checks.filter(([isGood]) => !isGood).map(([, problem]) => problem);
}

const NAME_CHARS = 34;

export function formatStrangersReport(report: StrangersReport): string {
  const { city, stadium, rush, real, machine, failures } = report;
  const lines: [name: string, value: string][] = [
    [`city: ${count(city.people)} in one cell`, `${count(city.reports)} reports, virtual time`],
    ["  calls per report", `${city.callsMean} on average, at most ${city.callsMost} (limit ${LIMITS.callsPerReport})`],
    ["  busiest object", `${city.peakPerS} requests/s, ${count(city.membersMost)} people (${city.objects} objects)`],
    [`stadium: ${count(stadium.people)} at once`, `${count(stadium.reports)} reports, virtual time`],
    ["  calls per report", `${stadium.callsMean} on average, at most ${stadium.callsMost}`],
    [
      "  busiest object",
      `${stadium.peakPerS} requests/s (limit ${LIMITS.requestsPerS}): ${stadium.busiest}; ${stadium.objects} objects`,
    ],
    ["  most people in one object", count(stadium.membersMost)],
    ["  all within one interval", `${rush.peakPerS} requests/s: ${rush.busiest} (not judged)`],
    [`real objects: ${count(real.people)} people`, `${count(real.reports)} reports over sockets`],
    ["  calls per report", `${real.callsMean} on average`],
    ["  reports/s", String(real.reportsPerS)],
    ["  position to list", `${real.p50Ms} ms (p50), ${real.p99Ms} ms (p99)`],
    ["  rows and alarms", String(real.rowsWritten)],
  ];
  return [
    `${machine.cpus} CPUs (${machine.cpu}), Node ${machine.node}`,
    "",
    ...lines.map(([name, value]) => name.padEnd(NAME_CHARS) + value),
    "",
    failures.length === 0 ? "within all limits" : `FAILED: ${failures.join("; ")}`,
  ].join("\n");
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
