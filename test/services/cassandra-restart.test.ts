/** A Cassandra that dies in the middle of a batch and comes back. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, type MockInstance, test, vi } from "vitest";
import { startCassandra, type CassandraServer } from "../../scripts/services/cassandra.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import { connectCassandra } from "../../src/history/sinks/cassandra-client.ts";
import { CassandraStubSink, readOlder } from "../../src/history/sinks/cassandra-stub.ts";
import { CassandraSink } from "../../src/history/sinks/cassandra.ts";
import type { Sink, SinkEntry } from "../../src/history/sinks/sink.ts";
import type { CassandraSettings } from "../../src/settings.ts";
import { startCassandraWorker, type CassandraWorker } from "./cassandra-worker.ts";
import { createTestSchema } from "./cluster.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const ALL = { from: 0, to: 8_640_000_000_000_000, limit: 100_000 };
const USERS = 20;
const CHUNKS_PER_USER = 200;
const SOME_POINTS = 300;
const POLL_MS = 5;

// Each test waits for a JVM to start again, which takes 6 s on a machine that has nothing else to do.
vi.setConfig({ testTimeout: 120_000 });

let server: CassandraServer;
let worker: CassandraWorker;
let settings: CassandraSettings;

// One of its own: the other files talk to the shared one.
beforeAll(async () => {
  server = await startCassandra((step) => process.stderr.write(`${step}\n`));
  settings = { contactPoints: [server.contactPoint], datacenter: server.datacenter, keyspace: "restart" };
  await createTestSchema(settings);
  worker = await startCassandraWorker(settings);
});

afterAll(async () => {
  await worker?.stop();
  await server?.stop();
});

/** 20 points a second apart in each; ids and points are the same for the same numbers. */
function entriesOf(prefix: string): SinkEntry[] {
  return Array.from({ length: USERS * CHUNKS_PER_USER }, (_, i) => {
    const start = NOW + Math.floor(i / USERS) * 20_000;
    const points = Array.from({ length: 20 }, (__, k) => ({ lat: 52.5, lng: 13.4, ts: start + k * 1000, speed: 1.5 }));
    return { id: `${prefix}-${i}`, task: { kind: "store", user: `${prefix}-${i % USERS}`, storedAt: NOW, points } };
  });
}

/** Ids that have to come again; all of them when the call throws. */
async function writeAll(sink: Sink, entries: readonly SinkEntry[]): Promise<Set<string>> {
  try {
    return new Set(await sink.write(entries));
  } catch {
    return new Set(entries.map(({ id }) => id));
  }
}

type Read = (user: string) => Promise<readonly HistoryPoint[]>;

/** By then many chunks were acknowledged, and most are still to come. */
async function untilSomeAreStored(user: string): Promise<void> {
  // A connection of its own: what writes may answer only when all is written.
  const watcher = new CassandraSink(() => connectCassandra(settings));
  while ((await watcher.read({ user, ...ALL })).length < SOME_POINTS) await sleep(POLL_MS);
  await watcher.close();
}

async function survives(prefix: string, sink: Sink, read: Read): Promise<void> {
  const entries = entriesOf(prefix);
  const writing = writeAll(sink, entries);
  await untilSomeAreStored(`${prefix}-0`);
  await server.kill();
  const failed = await writing;
  expect(failed.size).toBeGreaterThan(0);
  expect(failed.size).toBeLessThan(entries.length);

  const again = entries.filter(({ id }) => failed.has(id));
  expect(await writeAll(sink, again)).toEqual(failed);

  await server.start();
  expect(await sink.write(again)).toEqual([]);
  for (let i = 0; i < USERS; i++) {
    const user = `${prefix}-${i}`;
    const sent = entries.flatMap(({ task }) => (task.kind === "store" && task.user === user ? task.points : []));
    expect(await read(user)).toEqual(sent);
  }
}

describe("after it was killed in the middle of a batch and started again", () => {
  let log: MockInstance<typeof console.error>;
  beforeAll(() => {
    log = vi.spyOn(console, "error").mockImplementation(() => {});
  });
  afterAll(() => {
    log.mockRestore();
  });

  test("everything is stored once, by the sink in Node", async () => {
    const sink = new CassandraSink(() => connectCassandra(settings));
    await survives("node", sink, (user) => sink.read({ user, ...ALL }));
    await sink.close();
    expect(log.mock.calls.map(String).join("\n")).toContain("cassandra_write_failed");
  });

  test("everything is stored once, by the objects of a Worker", async () => {
    await survives("worker", new CassandraStubSink(worker.objects), (user) =>
      readOlder(worker.objects, { user, ...ALL }),
    );
    expect(log.mock.calls.map(String).join("\n")).toContain("cassandra_call_failed");
  });
});
