import type * as Driver from "cassandra-driver";

import type { CassandraSettings } from "../../settings.ts";
import type { Statement } from "./cassandra-statements.ts";

/** A connection to the cluster, as far as the sink needs it. A call that fails rejects with the driver's error. */
export interface CassandraClient {
  /** @returns the rows */
  run(statement: Statement): Promise<readonly unknown[]>;
  /** Statements of one partition: all of them or none. */
  runBatch(statements: readonly Statement[]): Promise<void>;
  close(): Promise<void>;
}

/** No connection can be made. The message names the setting to look at. */
export class CassandraConnectError extends Error {
  override readonly name = "CassandraConnectError";
}

/** A node in the same datacenter answers in milliseconds; one that takes seconds is down or cut off. */
const CONNECT_WAIT_MS = 3_000;

/** Longer than Cassandra's own limits for a write (2 s) and a read (5 s), so that its answer says what went wrong. */
const ANSWER_WAIT_MS = 6_000;

/** `host:port` when the cluster does not listen on 9042. */
const PORT_DEFAULT = 9042;

/** @throws CassandraConnectError */
export function connectCassandra(settings: CassandraSettings): Promise<CassandraClient> {
  return connect(settings, { keyspace: settings.keyspace });
}

/**
 * A connection that can create the keyspace.
 *
 * @throws CassandraConnectError
 */
export function connectWithoutKeyspace(settings: CassandraSettings): Promise<CassandraClient> {
  return connect(settings, {});
}

async function connect(settings: CassandraSettings, where: { readonly keyspace?: string }): Promise<CassandraClient> {
  // Here and not at the top: every Worker and every user's object starts without evaluating the driver.
  const driver = await import("cassandra-driver");
  const { contactPoints, datacenter, login } = settings;
  const client = new driver.Client({
    contactPoints: [...contactPoints],
    // Not as the option `localDataCenter`: of a name that the cluster does not have the driver then makes an error and
    // leaves a connection open for ever, one more with each try.
    policies: { loadBalancing: new driver.policies.loadBalancing.DefaultLoadBalancingPolicy({ localDc: datacenter }) },
    ...where,
    ...(login === undefined ? {} : { credentials: login }),
    // Cassandra 2.2 to 5 all speak 4; asking for 5 first costs a round trip, because the driver falls back from it.
    // The nodes that the driver finds by itself are taken to listen where the first contact point does.
    protocolOptions: { maxVersion: 4, port: Number(contactPoints[0].split(":")[1] ?? PORT_DEFAULT) },
    socketOptions: { connectTimeout: CONNECT_WAIT_MS, readTimeout: ANSWER_WAIT_MS },
    queryOptions: {
      prepare: true,
      // Write times are part of the statements, so sending one again to another node changes nothing.
      isIdempotent: true,
      // Acknowledged points survive the loss of a node; the driver's default is one copy.
      consistency: driver.types.consistencies.localQuorum,
    },
  });
  try {
    await client.connect();
  } catch (error) {
    // Without it the driver's timers would go on.
    await client.shutdown().catch(() => {});
    throw new CassandraConnectError(describe(error, driver), { cause: error });
  }
  return {
    run: async ({ query, params }) => {
      const result = await client.execute(query, [...params]);
      // `rows` are those of the first page, at most 5,000; a statement that changes something has none.
      const rows: unknown[] = [];
      for await (const row of result) rows.push(row);
      return rows;
    },
    runBatch: async (statements) => {
      const queries = statements.map(({ query, params }) => ({ query, params: [...params] }));
      await client.batch(queries, { logged: false });
    },
    close: () => client.shutdown(),
  };
}

/** What an operator can do about it. */
function describe(error: unknown, { errors }: typeof Driver): string {
  const [first] = error instanceof errors.NoHostAvailableError ? Object.values<unknown>(error.innerErrors ?? {}) : [];
  const cause = first ?? error;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof errors.AuthenticationError) return `CASSANDRA_USERNAME, CASSANDRA_PASSWORD: ${message}`;
  if (cause instanceof errors.ArgumentError) return `CASSANDRA_DATACENTER: ${message}`;
  if (cause instanceof errors.ResponseError) return `CASSANDRA_KEYSPACE: ${message} (npm run cassandra:schema)`;
  return `CASSANDRA_CONTACT_POINTS: no host answers (${message})`;
}

/**
 * Whether the cluster itself refused a statement, or the driver could not even send it. The connection is as good as
 * before; after all other errors it may not be.
 */
export function isRefusal(error: unknown): boolean {
  // Cassandra's codes are numbers, those of sockets are texts such as ECONNRESET.
  return error instanceof TypeError || (error instanceof Error && "code" in error && typeof error.code === "number");
}
