import * as v from "valibot";

import { logError } from "../observe/log.ts";
import { inTime, type MonitorShard, shardFor } from "../observe/monitor.ts";
import { DEAD_LETTERS_CODE, type SinkReport } from "../observe/report.ts";
import { FIX_ENTRIES } from "../protocol/fix.ts";
import { readSettings, type HistorySettings } from "../settings.ts";
import { DEAD_QUEUE_SUFFIX, keepDeadLetters } from "./dead-letters.ts";
import { MessageError, readMessage, type HistoryTask } from "./message.ts";
import { errorText, retryDelayS } from "./retry.ts";
import { CassandraStubSink } from "./sinks/cassandra-stub.ts";
import { R2Sink } from "./sinks/r2.ts";
import type { Sink, SinkEntry } from "./sinks/sink.ts";

/** A sink that has not answered by then counts as failed: one that hangs must not hold back what the other has stored. */
const SINK_WAIT_MS = 60_000;

/** The last ms of the year 9999: folders are named by dates, and a year of five digits would be another format. */
const TIME_MAX_MS = 253_402_300_799_999;

const PointSchema = v.object(FIX_ENTRIES);

/**
 * The queue's handler: brings each message to every sink. A message is acknowledged once all sinks have it, and comes
 * again by itself if not, whatever became of the others in its batch.
 */
export async function consume(batch: MessageBatch, env: Env, ctx?: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  const monitor = (tell: (shard: MonitorShard) => Promise<void>): void => {
    const shard = watcherOf(env, batch.messages[0]?.id ?? "");
    // Nobody waits for it: history does not depend on being watched.
    if (shard !== null) ctx?.waitUntil(inTime(tell(shard)));
  };
  if (batch.queue.endsWith(DEAD_QUEUE_SUFFIX)) {
    const count = await keepDeadLetters(batch, env.HISTORY);
    monitor((shard) => shard.noteIncident({ at: Date.now(), source: "history", code: DEAD_LETTERS_CODE, count }));
    return;
  }
  let settings: HistorySettings;
  try {
    settings = readSettings(env).history;
  } catch (error) {
    // A deployment with a bad setting: the next one may be minutes away, so the messages wait as for a broken sink.
    logError("history_settings", { queue: batch.queue, count: batch.messages.length, error: errorText(error) });
    for (const message of batch.messages) retry(message);
    return;
  }
  // Turned off while messages were under way: the operator wants no more of it, and no sink is named to hold them.
  if (settings.sinks.length === 0) logError("history_off", { queue: batch.queue, count: batch.messages.length });
  await deliver(batch, routesOf(env, settings), { note: (report) => monitor((shard) => shard.noteSink(report)) });
}

/** A sink and what it is given. */
export interface Route {
  readonly sink: Sink;
  /** Absent: everything. */
  readonly only?: HistoryTask["kind"];
}

/**
 * The sinks that the settings name. The bucket gets tombstones in any case: it may hold points of the time when `r2` was
 * among the sinks, and an erasure that it never hears of would leave them there.
 */
export function routesOf(env: Pick<Env, "HISTORY" | "CASSANDRA">, { sinks }: HistorySettings): Route[] {
  const r2 = new R2Sink(env.HISTORY);
  return [
    sinks.includes("r2") ? { sink: r2 } : { sink: r2, only: "erase" },
    ...(sinks.includes("cassandra") ? [{ sink: new CassandraStubSink(env.CASSANDRA) }] : []),
  ];
}

/** Any shard will do: all are added up. With bad settings nobody looks on, and the messages wait. */
function watcherOf(env: Env, key: string): MonitorShard | null {
  try {
    return shardFor(env, key, readSettings(env).monitorShards);
  } catch {
    return null;
  }
}

export interface Delivery {
  /** How long each sink may take. */
  readonly waitMs?: number;
  /** What became of the batch in one sink. */
  readonly note?: (report: SinkReport) => void;
}

/** Brings the messages to the sinks. */
export async function deliver(
  batch: MessageBatch,
  routes: readonly Route[],
  { waitMs = SINK_WAIT_MS, note = () => {} }: Delivery = {},
): Promise<void> {
  const { entries, unreadable } = readEntries(batch);
  const failures = await Promise.all(
    routes.map(async ({ sink, only }) => {
      const taken = only === undefined ? entries : entries.filter(({ task }) => task.kind === only);
      const failed = await write(sink, taken, { queue: batch.queue, waitMs });
      if (taken.length > 0) note(reportOf(sink, taken, new Set(failed)));
      return failed;
    }),
  );
  const again = new Set([...unreadable, ...failures.flat()]);
  for (const message of batch.messages) {
    if (again.has(message.id)) retry(message);
    else message.ack();
  }
}

function reportOf({ name: sink }: Sink, taken: readonly SinkEntry[], failed: ReadonlySet<string>): SinkReport {
  const at = Date.now();
  let oldestAt: number | null = null;
  for (const { id, task } of taken) {
    if (task.kind === "store" && !failed.has(id)) oldestAt = Math.min(oldestAt ?? task.storedAt, task.storedAt);
  }
  const lagMs = oldestAt === null ? null : Math.max(0, at - oldestAt);
  return { sink, at, stored: taken.length - failed.size, failed: failed.size, lagMs };
}

function retry(message: Message): void {
  message.retry({ delaySeconds: retryDelayS(message.attempts) });
}

/**
 * Each message on its own: one that nobody can read must not hold back its batch. It comes again, because a deployment
 * that is being rolled back may still learn to read it, and ends as a dead letter.
 */
function readEntries({ queue, messages }: MessageBatch): { entries: SinkEntry[]; unreadable: string[] } {
  const entries: SinkEntry[] = [];
  const unreadable: string[] = [];
  let reason: unknown;
  for (const { id, body } of messages) {
    try {
      entries.push({ id, task: readTask(body) });
    } catch (error) {
      unreadable.push(id);
      reason ??= error;
    }
  }
  if (unreadable.length > 0) {
    logError("history_unreadable", { queue, count: unreadable.length, of: messages.length, error: errorText(reason) });
  }
  return { entries, unreadable };
}

/**
 * A task that sinks can store. Damaged bytes may still decode: a latitude of 1,000 degrees or a date that is none would
 * then fail in the sink, and its whole batch with it, each time it comes.
 */
function readTask(body: unknown): HistoryTask {
  const task = readMessage(body);
  const sound =
    task.kind === "erase"
      ? isTime(task.at)
      : isTime(task.storedAt) && task.points.every((point) => isTime(point.ts) && v.is(PointSchema, point));
  if (!sound) throw new MessageError("a history message with values that cannot be");
  return task;
}

function isTime(ms: number): boolean {
  return ms >= 0 && ms <= TIME_MAX_MS;
}

/** @returns ids of the entries that the sink has not stored */
async function write(
  sink: Sink,
  entries: readonly SinkEntry[],
  { queue, waitMs }: { queue: string; waitMs: number },
): Promise<readonly string[]> {
  if (entries.length === 0) return [];
  let failed: readonly string[];
  let error: string | undefined;
  try {
    failed = await within(waitMs, sink.write(entries));
  } catch (thrown) {
    failed = entries.map(({ id }) => id);
    error = errorText(thrown);
  }
  if (failed.length > 0) {
    const told = error === undefined ? {} : { error };
    logError("history_sink_failed", { sink: sink.name, queue, count: failed.length, of: entries.length, ...told });
  }
  return failed;
}

/** A write that ends later does no harm: storing twice looks like storing once. */
async function within<Value>(waitMs: number, promise: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${waitMs} ms`)), waitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
