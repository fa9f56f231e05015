import { inject } from "vitest";
import { createSchema } from "../../scripts/cassandra/schema.ts";
import { connectWithoutKeyspace } from "../../src/history/sinks/cassandra-client.ts";
import type { CassandraSettings } from "../../src/settings.ts";

/** A keyspace of its own for each file: nothing of an earlier run is in it. */
export function freshSettings(): CassandraSettings {
  return { ...inject("cassandra"), keyspace: `test_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}` };
}

/** One copy: the tests' cluster may have one node. */
export async function createTestSchema(settings: CassandraSettings): Promise<void> {
  await createSchema(settings, 1);
}

export async function dropKeyspace(settings: CassandraSettings): Promise<void> {
  const client = await connectWithoutKeyspace(settings);
  await client.run({ query: `DROP KEYSPACE IF EXISTS ${settings.keyspace}`, params: [] });
  await client.close();
}
