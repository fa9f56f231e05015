/** Crowds of four sizes, a line through what they take, and what ten thousand would take where more files may be open. */
import { round } from "../figures.ts";
import { formatMachine } from "../machine.ts";
import { markdownTable } from "../tables.ts";
import { benchCrowd } from "./crowd.ts";
import type { Plan } from "./plan.ts";
import type { CrowdReport } from "./report.ts";

/** The number that a machine with more open files is asked for. */
export const PROJECTED_USERS = 10_000;
const SIZES = 4;

export interface Line {
  readonly at0: number;
  readonly perPerson: number;
  /** The share of what differs that the line explains, 1 when all points lie on it. */
  readonly r2: number;
}

export interface SlopeRow {
  readonly what: string;
  readonly digits: number;
  readonly read: (report: CrowdReport) => number | null;
}

const ROWS: readonly SlopeRow[] = [
  { what: "descriptors of the runtime", digits: 0, read: ({ server }) => server.runtimeDescriptors },
  { what: "descriptors of the front", digits: 0, read: ({ server }) => server.frontDescriptors },
  { what: "memory of the runtime, MiB", digits: 0, read: ({ server }) => server.runtimeMiB },
  { what: "memory of the front, MiB", digits: 0, read: ({ server }) => server.frontsMiB },
  { what: "state, MiB", digits: 0, read: ({ server }) => server.stateMiB },
  { what: "cores of the runtime", digits: 2, read: ({ server }) => server.runtimeCores },
  { what: "cores of the front", digits: 2, read: ({ server }) => server.frontsCores },
];

export interface SlopeReport {
  readonly workload: "slope";
  readonly sizes: readonly number[];
  readonly runs: readonly CrowdReport[];
  readonly isComplete: boolean;
  readonly lines: Readonly<Record<string, Line | null>>;
  /** No measurement: where the lines are at `users`. */
  readonly projection: { readonly users: number; readonly figures: Readonly<Record<string, number | null>> };
  readonly failures: readonly string[];
}

export interface SlopeOptions {
  /** Of the largest crowd; the others are quarters of it. */
  readonly users: number;
  /** Of each. */
  readonly seconds: number;
  readonly everyS: number;
  /** The same for all sizes, or the lines would break where a front comes in. */
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** Ended by its signal, it reports the sizes that are done. */
export async function benchSlope(options: SlopeOptions): Promise<SlopeReport> {
  const { users, signal } = options;
  const sizes = Array.from({ length: SIZES }, (_, index) => Math.round((users * (index + 1)) / SIZES));
  const runs: CrowdReport[] = [];
  for (const size of sizes) {
    if (signal.aborted) break;
    runs.push(await benchCrowd({ ...options, users: size }));
  }
  const lines = Object.fromEntries(ROWS.map((row) => [row.what, lineOf(runs, row)]));
  const at = ({ what, digits }: SlopeRow) => {
    const line = lines[what];
    return line === undefined || line === null ? null : round(line.at0 + line.perPerson * PROJECTED_USERS, digits);
  };
  return {
    workload: "slope",
    sizes,
    runs,
    isComplete: !signal.aborted,
    lines,
    projection: { users: PROJECTED_USERS, figures: Object.fromEntries(ROWS.map((row) => [row.what, at(row)])) },
    failures: runs.flatMap(({ users: size, failures }) => failures.map((failure) => `with ${size} people: ${failure}`)),
  };
}

function lineOf(runs: readonly CrowdReport[], { read }: SlopeRow): Line | null {
  const points: (readonly [number, number])[] = [];
  for (const run of runs) {
    const value = read(run);
    if (value !== null) points.push([run.users, value]);
  }
  return fitLine(points);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function shown(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined) return "-";
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** Least squares; null for fewer than two different `x`. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Line | null {
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  if (!(xx > 0)) return null;
  const perPerson = xy / xx;
  return { at0: meanY - perPerson * meanX, perPerson, r2: yy === 0 ? 1 : (perPerson * xy) / yy };
}

export function formatSlopeReport({ runs, lines, projection, isComplete, failures }: SlopeReport): string {
  const [first] = runs;
  const rows = ROWS.map((row) => {
    const line = lines[row.what] ?? null;
    return [
      row.what,
      ...runs.map((run) => shown(row.read(run), row.digits)),
      shown(line?.perPerson, 5),
      shown(line?.r2, 3),
      shown(projection.figures[row.what], row.digits),
    ];
  });
  rows.push(["p99, ms", ...runs.map(({ latency }) => `${latency.p99Ms ?? "-"}`), "", "", ""]);
  const headings = [
    "",
    ...runs.map(({ users }) => `${users} people`),
    "per person",
    "R²",
    `${projection.users} (projected)`,
  ];
  return [
    ...(first === undefined
      ? []
      : [`A position every ${first.everyS} s from each, ${first.seconds} s a size. ${formatMachine(first.machine)}.`]),
    "",
    markdownTable(headings, rows),
    "",
    `The last column is a projection of the lines, and not measured: it says what ${projection.users} people would take on a machine whose limit of open files can be raised.`,
    ...(isComplete ? [] : ["", "Ended early: these are the sizes that were done."]),
    ...(failures.length === 0 ? [] : ["", `FAILED: ${failures.join("; ")}`]),
  ].join("\n");
}
