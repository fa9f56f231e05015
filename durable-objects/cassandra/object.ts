import { DurableObject } from "cloudflare:workers";

import type { HistoryPoint } from "../../src/history/point.ts";
import { connectCassandra } from "../../src/history/sinks/cassandra-client.ts";
import { type CassandraQuery, CassandraSink } from "../../src/history/sinks/cassandra.ts";
import type { SinkEntry } from "../../src/history/sinks/sink.ts";
import type { About } from "../../src/observe/steps.ts";
import { ABOUT, type Traceable, traced } from "../../src/observe/trace.ts";
import { readSettings } from "../../src/settings.ts";

/**
 * Holds the connection to the Cassandra cluster: in a Worker a socket ends with the request that opened it.
 *
 * An open socket keeps an object from hibernating, and that costs money. There are few of these objects
 * (src/history/sinks/cassandra-stub.ts), and an idle connection is closed. Nothing is stored here: an object that is
 * reset loses the calls in progress, whose entries the queue brings again.
 */
@traced
export class CassandraObject extends DurableObject<Env> implements Traceable {
  readonly #sink: CassandraSink;
  readonly #about: About;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sink = new CassandraSink(async () => {
      const { cassandra } = readSettings(env).history;
      if (cassandra === undefined) throw new Error("HISTORY_SINKS does not name cassandra");
      return connectCassandra(cassandra);
    });
    this.#about = { object: ctx.id.name ?? "cassandra", slowMs: readSettings(env).slowMs };
  }

  get [ABOUT](): About {
    return this.#about;
  }

  // RPC, called by the Worker only.

  /** @returns ids of the entries that have to come again. Throws when no connection can be made. */
  async write(entries: SinkEntry[]): Promise<string[]> {
    return [...(await this.#sink.write(entries))];
  }

  /** Points with `from <= ts < to`, oldest first, at most `limit` of them. Throws when the cluster does not answer. */
  read(query: CassandraQuery): Promise<HistoryPoint[]> {
    return this.#sink.read(query);
  }
}
