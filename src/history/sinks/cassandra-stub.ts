import { logError } from "../../observe/log.ts";
import type { HistoryPoint } from "../point.ts";
import { queueIndex } from "../queues.ts";
import type { CassandraQuery } from "./cassandra.ts";
import type { Sink, SinkEntry } from "./sink.ts";

/**
 * Objects that hold connections. Workers come and go by the hundred, and one that connected by itself would pay for a
 * handshake with every batch; this many objects are all the clients that a cluster ever sees. Four, so that one whose
 * machine is slow or being moved holds back only its share of the users.
 */
export const CASSANDRA_OBJECTS = 4;

/** Longer than connecting and writing may take there; a call without an answer would hold its batch for 15 minutes. */
const CALL_WAIT_MS = 30_000;

/** The RPC methods of a `CassandraObject`. */
interface CassandraCalls {
  write(entries: SinkEntry[]): Promise<string[]>;
  read(query: CassandraQuery): Promise<HistoryPoint[]>;
}

/** `env.CASSANDRA`. */
export interface CassandraNamespace {
  getByName(name: string): CassandraCalls;
}

/** The Worker's side of the `cassandra` sink. */
export class CassandraStubSink implements Sink {
  readonly name = "cassandra";
  readonly #objects: CassandraNamespace;

  constructor(objects: CassandraNamespace) {
    this.#objects = objects;
  }

  async write(entries: readonly SinkEntry[]): Promise<readonly string[]> {
    const groups = Map.groupBy(entries, ({ task }) => objectName(task.user));
    const failed = await Promise.all([...groups].map(([name, group]) => this.#writeGroup(name, group)));
    return failed.flat();
  }

  /** @returns ids that failed; all of them when the call did */
  async #writeGroup(name: string, group: SinkEntry[]): Promise<readonly string[]> {
    try {
      return await withDeadline(this.#objects.getByName(name).write(group));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logError("cassandra_call_failed", { object: name, entries: group.length, reason });
      return group.map(({ id }) => id);
    }
  }
}

/** Points with `from <= ts < to`, oldest first, at most `limit` of them. Throws when they cannot be had. */
export function readOlder(objects: CassandraNamespace, query: CassandraQuery): Promise<HistoryPoint[]> {
  return withDeadline(objects.getByName(objectName(query.user)).read(query));
}

/**
 * A user's points always go through the same object. The hash is that of the queues on purpose: a batch from one of
 * several queues then concerns fewer objects, and over all queues the users are still spread evenly.
 */
function objectName(user: string): string {
  return String(queueIndex(user, CASSANDRA_OBJECTS));
}

async function withDeadline<T>(call: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${CALL_WAIT_MS / 1000} s`)), CALL_WAIT_MS);
  try {
    return await Promise.race([call, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
