/** Usage times prices, by component. */
import { round } from "../bench/figures.ts";
import { WORKER_CPU_MS_PER_BATCH, WORKER_CPU_MS_PER_CONNECT } from "./measured.ts";
import { OBJECT_GB, priceOf, QUEUE_OPERATIONS_PER_MESSAGE } from "./prices.ts";
import type { Usage } from "./usage.ts";

/** What each component is, in the words and the order of the table. */
export const COMPONENTS = [
  ["calls", "calls to active friends because of a position"],
  ["wakingCalls", "calls because somebody became active or inactive"],
  ["strangers", "calls to cells of strangers, and cells in memory"],
  ["messages", "positions that arrive"],
  ["duration", "objects that run, or wait for answers"],
  ["alarms", "alarms, set and run"],
  ["rows", "rows, written and read"],
  ["stored", "what objects keep: friend lists, chunks of 90 days"],
  ["queue", "queue messages, and the Worker that takes them"],
  ["r2", "Parquet objects, written and kept for a month"],
  ["redis", "commands to the index of active friends"],
  ["connects", "upgrades: the Worker, its CPU, and the object"],
  ["logs", "lines in Workers Logs"],
] as const;

export type Component = (typeof COMPONENTS)[number][0];

/** USD of a month. */
export type Bill = Readonly<Record<Component, number>>;

/** So exact that a bill of one user still adds up. */
const USD_DIGITS = 6;

export function billOf(usage: Usage): Bill {
  return {
    calls: sumOf(priceOf("objectRequest", usage.calls)),
    wakingCalls: sumOf(priceOf("objectRequest", usage.wakingCalls)),
    strangers: sumOf(priceOf("objectRequest", usage.strangerCalls), priceOf("duration", usage.cellS * OBJECT_GB)),
    messages: sumOf(priceOf("messageIn", usage.messagesIn)),
    duration: sumOf(priceOf("duration", usage.objectS * OBJECT_GB)),
    alarms: sumOf(priceOf("rowWritten", usage.alarmsSet), priceOf("objectRequest", usage.alarmRuns)),
    rows: sumOf(priceOf("rowWritten", usage.rowsWritten), priceOf("rowRead", usage.rowsRead)),
    stored: sumOf(priceOf("objectStorage", usage.keptGB)),
    queue: sumOf(
      priceOf("queueOperation", usage.queueMessages * QUEUE_OPERATIONS_PER_MESSAGE),
      priceOf("workerRequest", usage.batches),
      priceOf("workerCpu", usage.batches * WORKER_CPU_MS_PER_BATCH),
    ),
    r2: sumOf(priceOf("objectStored", usage.batches), priceOf("storage", usage.storedGB)),
    redis: sumOf(priceOf("redisCommand", usage.redisCommands)),
    connects: sumOf(
      priceOf("workerRequest", usage.connects),
      priceOf("workerCpu", usage.connects * WORKER_CPU_MS_PER_CONNECT),
      priceOf("objectRequest", usage.connects),
    ),
    logs: sumOf(priceOf("logLine", usage.logLines)),
  };
}

export function totalOf(bill: Bill): number {
  return sumOf(...Object.values(bill));
}

function sumOf(...parts: number[]): number {
  const sum = parts.reduce((total, part) => total + part, 0);
  return round(sum, USD_DIGITS);
}
