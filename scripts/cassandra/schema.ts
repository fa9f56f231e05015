/** Creates what the `cassandra` sink needs; for `npm run cassandra:schema` and the tests. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { CassandraClient } from "../../src/history/sinks/cassandra-client.ts";
import { connectCassandra, connectWithoutKeyspace } from "../../src/history/sinks/cassandra-client.ts";
import type { CassandraSettings } from "../../src/settings.ts";

const TABLE_FILE = join(import.meta.dirname, "../../src/history/sinks/cassandra.cql");

/** The columns that the sink writes and reads. A table of another program may have the same name. */
const COLUMNS: Readonly<Record<string, string>> = {
  user_id: "text partition_key",
  month: "int partition_key",
  timestamp: "timestamp clustering",
  latitude: "double regular",
  longitude: "double regular",
  accuracy: "double regular",
  speed: "double regular",
  heading: "double regular",
  outlier: "boolean regular",
};

/** What is there is not what the sink needs. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
}

/**
 * Creates the keyspace with so many copies in the settings' datacenter, and the table; what exists stays as it is.
 *
 * @returns what was done, in words
 * @throws CassandraConnectError; SchemaError; the driver's ResponseError when the cluster refuses
 */
export async function createSchema(settings: CassandraSettings, replication: number): Promise<string[]> {
  const { keyspace, datacenter } = settings;
  const outside = await connectWithoutKeyspace(settings);
  let steps: string[];
  try {
    const before = await readReplication(outside, keyspace);
    if (before === undefined) {
      await run(outside, createKeyspace(keyspace, datacenter, replication));
      steps = [`keyspace ${keyspace}: created, ${replication} copies in ${datacenter}`];
    } else steps = [`keyspace ${keyspace}: is there, replication ${before}`];
  } finally {
    await outside.close();
  }
  const inside = await connectCassandra(settings);
  try {
    const existed = (await readColumns(inside, keyspace)).length > 0;
    for (const statement of tableStatements()) await run(inside, statement);
    checkColumns(await readColumns(inside, keyspace), keyspace);
    return [...steps, `table ${keyspace}.history: ${existed ? "is there" : "created"}`];
  } finally {
    await inside.close();
  }
}

function createKeyspace(keyspace: string, datacenter: string, replication: number): string {
  const name = datacenter.replaceAll("'", "''");
  return (
    `CREATE KEYSPACE IF NOT EXISTS ${keyspace}` +
    ` WITH replication = {'class': 'NetworkTopologyStrategy', '${name}': ${replication}}`
  );
}

function tableStatements(): string[] {
  const text = readFileSync(TABLE_FILE, "utf8").replaceAll(/--.*$/gm, "");
  return text.split(";").filter((statement) => statement.trim() !== "");
}

async function run(client: CassandraClient, query: string): Promise<void> {
  await client.run({ query, params: [] });
}

const KeyspaceRow = v.object({ replication: v.record(v.string(), v.string()) });

async function readReplication(client: CassandraClient, keyspace: string): Promise<string | undefined> {
  const query = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";
  const [row] = await client.run({ query, params: [keyspace] });
  return row === undefined ? undefined : JSON.stringify(v.parse(KeyspaceRow, row).replication);
}

const ColumnRow = v.object({ column_name: v.string(), type: v.string(), kind: v.string() });

async function readColumns(client: CassandraClient, keyspace: string): Promise<v.InferOutput<typeof ColumnRow>[]> {
  const query =
    "SELECT column_name, type, kind FROM system_schema.columns WHERE keyspace_name = ? AND table_name = 'history'";
  return v.parse(v.array(ColumnRow), await client.run({ query, params: [keyspace] }));
}

/** Columns that others have added are none of the sink's business. */
function checkColumns(rows: readonly v.InferOutput<typeof ColumnRow>[], keyspace: string): void {
  const found = new Map(rows.map((row) => [row.column_name, `${row.type} ${row.kind}`]));
  for (const [name, wanted] of Object.entries(COLUMNS)) {
    const actual = found.get(name) ?? "missing";
    if (actual === wanted) continue;
    throw new SchemaError(
      `table ${keyspace}.history is another one: column ${name} is ${actual} and should be ${wanted}. ` +
        "Rename that table, or choose another CASSANDRA_KEYSPACE.",
    );
  }
}
