import { logError } from "../../observe/log.ts";
import type { HistoryPoint } from "../point.ts";
import { type CassandraClient, isRefusal } from "./cassandra-client.ts";
import { monthSlices, storableRange } from "./cassandra-months.ts";
import { eraseStatements, PointRangeError, readStatement, storeBatches, toPoint } from "./cassandra-statements.ts";
import type { Sink, SinkEntry } from "./sink.ts";

export interface CassandraQuery {
  readonly user: string;
  /** ms, inclusive. */
  readonly from: number;
  /** ms, exclusive. */
  readonly to: number;
  /** Points, at least 1. */
  readonly limit: number;
}

/** Requests on their way at once: enough to keep the cluster busy, and a burst of erasures does not fill its queues. */
export const IN_FLIGHT_MAX = 64;

/** Months that are asked at once after empty ones; each may answer with `limit` points. */
export const READ_MONTHS_MAX = 16;

/** A queue with anything in it delivers every 30 s. After several times that an open connection only costs money. */
export const IDLE_CLOSE_MS = 120_000;

/** A batch or a deletion, and the entry that it is part of. */
interface Request {
  readonly id: string;
  readonly send: (client: CassandraClient) => Promise<unknown>;
}

/** Connects when it is first used, again after the connection was lost, and lets go of it when nobody uses it. */
export class CassandraSink implements Sink {
  readonly name = "cassandra";
  readonly #connect: () => Promise<CassandraClient>;
  readonly #now: () => number;
  /** Shared by all that come while it is being made. */
  #connection: Promise<CassandraClient> | undefined;
  #users = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(connect: () => Promise<CassandraClient>, now: () => number = Date.now) {
    this.#connect = connect;
    this.#now = now;
  }

  /**
   * An entry is stored when all of its statements were answered.
   *
   * @throws CassandraConnectError
   */
  write(entries: readonly SinkEntry[]): Promise<readonly string[]> {
    return this.#use(async (client, lose) => {
      const failed = new Map<string, unknown>();
      const requests = entries.flatMap((entry) => this.#requests(entry, failed));
      let lost: { readonly error: unknown } | undefined;
      await forEachBounded(requests, IN_FLIGHT_MAX, async ({ id, send }) => {
        // Each of the rest would wait for a cluster that does not answer.
        if (lost !== undefined) failed.set(id, lost.error);
        // The queue brings the whole entry again.
        if (failed.has(id)) return;
        try {
          await send(client);
        } catch (error) {
          failed.set(id, error);
          if (isRefusal(error)) return;
          lost ??= { error };
          lose();
        }
      });
      const [reason] = failed.values();
      if (failed.size > 0) logError("cassandra_write_failed", { entries: failed.size, reason: reasonOf(reason) });
      return [...failed.keys()];
    });
  }

  /**
   * Points with `from <= ts < to`, oldest first, at most `limit` of them.
   *
   * @throws CassandraConnectError, and the driver's error when the cluster does not answer
   */
  read({ user, from, to, limit }: CassandraQuery): Promise<HistoryPoint[]> {
    return this.#use(async (client, lose) => {
      const slices = monthSlices({ from, to }, storableRange(this.#now()));
      const points: HistoryPoint[] = [];
      // One after the other through full months, in growing steps over empty ones: a user of last week whose history
      // is asked for from 2000 on would otherwise cost 300 round trips.
      let step = 1;
      for (let at = 0; at < slices.length && points.length < limit;) {
        const asked = slices.slice(at, at + step);
        const statements = asked.map((slice) => readStatement(user, slice, limit - points.length));
        const answers = await Promise.all(statements.map((statement) => client.run(statement))).catch((error) => {
          if (!isRefusal(error)) lose();
          throw error;
        });
        const found = answers.flat();
        for (const row of found.slice(0, limit - points.length)) points.push(toPoint(row));
        at += asked.length;
        step = found.length > 0 ? 1 : Math.min(2 * step, READ_MONTHS_MAX);
      }
      return points;
    });
  }

  /** Ends the connection; the next use makes a new one. */
  async close(): Promise<void> {
    this.#stopIdleTimer();
    const connection = this.#connection;
    this.#connection = undefined;
    await connection
      ?.then((client) => client.close())
      .catch(() => {
        // It was lost before, or never there.
      });
  }

  async #use<T>(job: (client: CassandraClient, lose: () => void) => Promise<T>): Promise<T> {
    this.#stopIdleTimer();
    this.#users += 1;
    const connection = (this.#connection ??= this.#connect());
    // The driver waits longer and longer before it tries a node again, up to ten minutes. A new connection tries at once.
    const lose = () => {
      if (this.#connection === connection) void this.close();
    };
    try {
      const client = await connection.catch((error: unknown) => {
        if (this.#connection === connection) this.#connection = undefined;
        throw error;
      });
      return await job(client, lose);
    } finally {
      this.#users -= 1;
      if (this.#users === 0 && this.#connection !== undefined) {
        this.#idleTimer = setTimeout(() => void this.close(), IDLE_CLOSE_MS);
      }
    }
  }

  #stopIdleTimer(): void {
    if (this.#idleTimer !== undefined) clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  #requests({ id, task }: SinkEntry, failed: Map<string, unknown>): Request[] {
    if (task.kind === "erase") {
      return eraseStatements(task).map((statement) => ({ id, send: (client) => client.run(statement) }));
    }
    try {
      return storeBatches(task).map((batch) => ({ id, send: (client) => client.runBatch(batch) }));
    } catch (error) {
      if (!(error instanceof PointRangeError)) throw error;
      failed.set(id, error);
      return [];
    }
  }
}

async function forEachBounded<T>(
  items: readonly T[],
  inFlightMax: number,
  job: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) await job(item);
  };
  await Promise.all(Array.from({ length: Math.min(inFlightMax, items.length) }, lane));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
