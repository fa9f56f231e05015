/** What a bench of the history found, as one document and as a table, and whether it is good enough. */
import { cpus, release } from "node:os";
import { CHUNK_POINTS_MAX } from "../../../src/history/cut.ts";
import { round } from "../figures.ts";
import type { Encoding } from "./encode.ts";
import type { MeterSums } from "./meters.ts";
import type { Comparison } from "./stored.ts";

/** What a position may cost on its way; beyond it the bench fails. */
export const LIMITS = {
  /** Of an object, alarms included, for 20 points. */
  rowsPer20: 3,
  queueMessagesPer20: 1,
  bytesPerPoint: 25,
  /** 2,000 points as chunks and as Parquet: a consumer that takes longer falls behind its queue. */
  encodeMs: 10,
} as const;

export interface HistoryFigures {
  readonly setup: { readonly users: number; readonly seconds: number };
  /** Positions sent, by user. */
  readonly sent: ReadonlyMap<string, { readonly size: number }>;
  readonly acknowledged: number;
  /** Positions that were acknowledged when the meters were read. */
  readonly counted: number;
  readonly meters: MeterSums;
  readonly lateMs: number;
  readonly serverMiB: number | undefined;
  readonly found: Comparison;
  readonly parquet: { readonly objects: number; readonly bytes: number; readonly rows: number };
  readonly encoding: Encoding;
}

export interface HistoryReport {
  readonly users: number;
  readonly seconds: number;
  readonly points: {
    readonly sent: number;
    readonly acknowledged: number;
    /** Distinct (user, time) in the Parquet files. */
    readonly stored: number;
    readonly lost: number;
    readonly invented: number;
    /** Rows of the files that repeat another one. */
    readonly repeated: number;
  };
  /** For 20 points; with the rows and alarms of connecting and becoming active. */
  readonly per20Points: { readonly rowsWritten: number; readonly rowsRead: number; readonly queueMessages: number };
  readonly parquet: { readonly objects: number; readonly bytes: number; readonly bytesPerPoint: number };
  readonly encoding: Encoding;
  /** How far a position was behind the moment when it was due, at most, ms: a busy machine, if it is large. */
  readonly lateMs: number;
  readonly peakServerMiB: number | null;
  readonly limits: typeof LIMITS;
  /** What is not as it must be, in words; empty when all is well. */
  readonly failures: readonly string[];
  readonly machine: { readonly cpus: number; readonly cpu: string; readonly kernel: string; readonly node: string };
}

export function makeHistoryReport(figures: HistoryFigures): HistoryReport {
  const { setup, sent, acknowledged, counted, meters, lateMs, serverMiB, found, parquet, encoding } = figures;
  const sentCount = [...sent.values()].reduce((sum, { size }) => sum + size, 0);
  const per20 = (units: number) => round((units * CHUNK_POINTS_MAX) / counted, 3);
  const report = {
    ...setup,
    points: { sent: sentCount, acknowledged, ...found, repeated: parquet.rows - found.stored },
    per20Points: {
      rowsWritten: per20(meters.rowsWritten),
      rowsRead: per20(meters.rowsRead),
      queueMessages: per20(meters.queueMessages),
    },
    parquet: {
      objects: parquet.objects,
      bytes: parquet.bytes,
      bytesPerPoint: round(parquet.bytes / found.stored, 2),
    },
    encoding: { ...encoding, chunksMs: round(encoding.chunksMs, 2), parquetMs: round(encoding.parquetMs, 2) },
    lateMs: round(lateMs, 0),
    peakServerMiB: serverMiB === undefined ? null : round(serverMiB, 1),
    limits: LIMITS,
    machine: {
      cpus: cpus().length,
      cpu: cpus()[0]?.model ?? "unknown",
      kernel: release(),
      node: process.versions.node,
    },
  };
  return { ...report, failures: failuresOf(report) };
}

type Judged = Pick<HistoryReport, "points" | "per20Points" | "parquet" | "encoding">;

/** A figure that could not be had is a failure, too: no comparison with NaN is true. */
export function failuresOf({ points, per20Points, parquet, encoding }: Judged): string[] {
  const { sent, acknowledged, stored, lost, invented } = points;
  const encodeMs = encoding.chunksMs + encoding.parquetMs;
  const checks: [isGood: boolean, problem: string][] = [
    [sent > 0 && acknowledged === sent, `${acknowledged} of ${sent} points acknowledged`],
    [stored === sent && lost === 0, `${lost} points lost`],
    [invented === 0, `${invented} points stored that nobody sent`],
    [per20Points.rowsWritten <= LIMITS.rowsPer20, `${per20Points.rowsWritten} rows written per 20 points`],
    [
      per20Points.queueMessages <= LIMITS.queueMessagesPer20,
      `${per20Points.queueMessages} queue messages per 20 points`,
    ],
    [parquet.bytesPerPoint <= LIMITS.bytesPerPoint, `${parquet.bytesPerPoint} bytes per point`],
    [encodeMs < LIMITS.encodeMs, `${round(encodeMs, 2)} ms to encode ${encoding.points} points`],
  ];
  return checks.filter(([isGood]) => !isGood).map(([, problem]) => problem);
}

const NAME_CHARS = 32;

export function formatHistoryReport(report: HistoryReport): string {
  const { users, seconds, points, per20Points, parquet, encoding, machine, failures } = report;
  const lines: [name: string, value: string][] = [
    ["points sent", count(points.sent)],
    ["points acknowledged", count(points.acknowledged)],
    ["points stored", `${count(points.stored)} (${points.lost} lost, ${points.invented} invented)`],
    ["rows written per 20 points", `${per20Points.rowsWritten} (at most ${LIMITS.rowsPer20})`],
    ["rows read per 20 points", String(per20Points.rowsRead)],
    ["queue messages per 20 points", `${per20Points.queueMessages} (at most ${LIMITS.queueMessagesPer20})`],
    [
      "Parquet bytes per point",
      `${parquet.bytesPerPoint} (at most ${LIMITS.bytesPerPoint}), in ${count(parquet.objects)} objects`,
    ],
    [
      `encoding ${count(encoding.points)} points`,
      `chunks ${encoding.chunksMs} ms, Parquet ${encoding.parquetMs} ms (together under ${LIMITS.encodeMs})`,
    ],
    ["position behind its time", `${report.lateMs} ms at most`],
    ["peak memory of the server", report.peakServerMiB === null ? "unknown" : `${report.peakServerMiB} MiB`],
  ];
  return [
    `${count(users)} people, a position per second for ${seconds} s`,
    `${machine.cpus} CPUs (${machine.cpu}), Node ${machine.node}`,
    "",
    ...lines.map(([name, value]) => name.padEnd(NAME_CHARS) + value),
    "",
    failures.length === 0 ? "what went in came out, within all limits" : `FAILED: ${failures.join("; ")}`,
  ].join("\n");
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
