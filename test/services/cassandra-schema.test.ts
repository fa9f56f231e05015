/** `npm run cassandra:schema` as a command, against the real server. */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { connectCassandra } from "../../src/history/sinks/cassandra-client.ts";
import { createTestSchema, dropKeyspace, freshSettings } from "./cluster.ts";

const SCRIPT = resolve(import.meta.dirname, "../../scripts/cassandra-schema.ts");

const settings = freshSettings();
const GOOD = {
  CASSANDRA_CONTACT_POINTS: settings.contactPoints.join(","),
  CASSANDRA_DATACENTER: settings.datacenter,
  CASSANDRA_KEYSPACE: settings.keyspace,
};

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Run> {
  const { promise, resolve: done } = Promise.withResolvers<Run>();
  execFile(
    process.execPath,
    [SCRIPT, ...args],
    { env: { PATH: process.env["PATH"], ...env } },
    (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    },
  );
  return promise;
}

afterAll(async () => {
  await dropKeyspace(settings);
});

describe("npm run cassandra:schema", () => {
  test("creates keyspace and table, and does nothing the second time", async () => {
    const first = await run(GOOD, "--replication", "1");
    expect(first.stdout.split("\n")).toEqual([
      `keyspace ${settings.keyspace}: created, 1 copies in ${settings.datacenter}`,
      `table ${settings.keyspace}.history: created`,
      "",
    ]);
    expect(first.code).toBe(0);

    const second = await run(GOOD, "--replication", "1");
    expect(second.stdout).toContain(`keyspace ${settings.keyspace}: is there`);
    expect(second.stdout).toContain(`table ${settings.keyspace}.history: is there`);
    expect(second.code).toBe(0);
  });

  test("keeps a keyspace in each datacenter that is named, three copies unless told otherwise", async () => {
    const other = freshSettings();
    const { stdout, code } = await run({ ...GOOD, CASSANDRA_KEYSPACE: other.keyspace });
    expect(code).toBe(0);
    expect(stdout).toContain(`created, 3 copies in ${settings.datacenter}`);
    const client = await connectCassandra(other);
    const [row] = await client.run({
      query: "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?",
      params: [other.keyspace],
    });
    await client.close();
    expect(row).toMatchObject({
      replication: { class: "org.apache.cassandra.locator.NetworkTopologyStrategy", [settings.datacenter]: "3" },
    });
    await dropKeyspace(other);
  });

  test("the table has windows of 30 days and keeps tombstones longer than a queue keeps messages", async () => {
    await createTestSchema(settings);
    const client = await connectCassandra(settings);
    const [row] = await client.run({
      query:
        "SELECT compaction, gc_grace_seconds, default_time_to_live FROM system_schema.tables" +
        " WHERE keyspace_name = ? AND table_name = 'history'",
      params: [settings.keyspace],
    });
    await client.close();
    expect(row).toMatchObject({
      compaction: { compaction_window_unit: "DAYS", compaction_window_size: "30" },
      gc_grace_seconds: 15 * 24 * 60 * 60,
      default_time_to_live: 0,
    });
  });

  test("refuses a table of another program", async () => {
    const other = freshSettings();
    await createTestSchema(other);
    const client = await connectCassandra(other);
    await client.run({ query: "DROP TABLE history", params: [] });
    await client.run({ query: "CREATE TABLE history (user_id text PRIMARY KEY)", params: [] });
    await client.close();
    const { code, stderr } = await run({ ...GOOD, CASSANDRA_KEYSPACE: other.keyspace });
    expect(code).toBe(1);
    expect(stderr).toContain(`table ${other.keyspace}.history is another one: column month is missing`);
    await dropKeyspace(other);
  });

  test.each([
    ["CASSANDRA_CONTACT_POINTS", ""],
    ["CASSANDRA_CONTACT_POINTS", "http://db.example"],
    ["CASSANDRA_DATACENTER", ""],
    ["CASSANDRA_KEYSPACE", ""],
    ["CASSANDRA_KEYSPACE", "no; DROP"],
  ])("refuses %s=%j by its name, before it connects", async (name, value) => {
    const { code, stdout, stderr } = await run({ ...GOOD, [name]: value });
    expect(stderr).toMatch(new RegExp(`^bad setting: ${name} `));
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  test.each([
    ["CASSANDRA_CONTACT_POINTS", "127.0.0.1:1"],
    ["CASSANDRA_DATACENTER", "nowhere"],
  ])("names %s when it leads nowhere", async (name, value) => {
    const { code, stderr } = await run({ ...GOOD, [name]: value });
    expect(stderr).toContain(`${name}: `);
    expect(code).toBe(1);
  });

  test.each(["0", "10", "three"])("refuses --replication %s", async (value) => {
    const { code, stderr } = await run(GOOD, "--replication", value);
    expect(stderr).toContain("--replication must be a whole number from 1 to 9");
    expect(code).toBe(2);
  });
});
