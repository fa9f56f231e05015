/** The Worker's side and the object, both ends of the call in workerd's own RPC, against the real server. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CASSANDRA_OBJECTS, CassandraStubSink, readOlder } from "../../src/history/sinks/cassandra-stub.ts";
import { startCassandraWorker, type CassandraWorker } from "./cassandra-worker.ts";
import { createTestSchema, dropKeyspace, freshSettings } from "./cluster.ts";
import { sinkContract } from "./sink-contract.ts";

const settings = freshSettings();
const NOW = Date.UTC(2026, 10, 20, 12);
const ALL = { from: 0, to: 8_640_000_000_000_000, limit: 1000 };

let worker: CassandraWorker;

beforeAll(async () => {
  await createTestSchema(settings);
  worker = await startCassandraWorker(settings);
});

afterAll(async () => {
  await worker.stop();
  await dropKeyspace(settings);
});

sinkContract("the Cassandra sink of a Worker", () => {
  const sink = new CassandraStubSink(worker.objects);
  return Promise.resolve({ sink, stored: (user) => readOlder(worker.objects, { user, ...ALL }) });
});

describe("the object", () => {
  test("stores the good entries of a call and names the bad one", async () => {
    const sink = new CassandraStubSink(worker.objects);
    const users = Array.from({ length: 3 * CASSANDRA_OBJECTS }, (_, i) => `user-${i}`);
    const entries = users.map((user, i) => {
      const ts = i === 5 ? 0 : NOW;
      return { id: user, task: { kind: "store" as const, user, storedAt: NOW, points: [{ lat: 1, lng: 2, ts }] } };
    });
    expect(await sink.write(entries)).toEqual(["user-5"]);
    for (const user of users) {
      const points = user === "user-5" ? [] : [{ lat: 1, lng: 2, ts: NOW }];
      expect(await readOlder(worker.objects, { user, ...ALL })).toEqual(points);
    }
    expect(worker.log.join("\n")).toContain("cassandra_write_failed");
  });

  test("points a second", { timeout: 60_000 }, async () => {
    const sink = new CassandraStubSink(worker.objects);
    const batches = Array.from({ length: 30 }, (_, batch) =>
      Array.from({ length: 100 }, (__, i) => {
        const user = `speed-${i}`;
        const points = Array.from({ length: 20 }, (___, k) => ({
          lat: 52.1234567,
          lng: 13.1234567,
          ts: NOW + (batch * 20 + k) * 1000,
        }));
        return { id: `${batch}-${i}`, task: { kind: "store" as const, user, storedAt: NOW, points } };
      }),
    );
    const startMs = performance.now();
    for (const batch of batches) expect(await sink.write(batch)).toEqual([]);
    const seconds = (performance.now() - startMs) / 1000;
    const points = batches.length * 100 * 20;
    process.stdout.write(
      `cassandra objects: ${Math.round(points / seconds)} points/s (${points} points in ${seconds.toFixed(2)} s)\n`,
    );
    expect(await readOlder(worker.objects, { user: "speed-7", ...ALL })).toHaveLength(600);
  });
});
