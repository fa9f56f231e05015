/** The sink in Node, against the real server. */
import { Client } from "cassandra-driver";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { HistoryPoint } from "../../src/history/point.ts";
import { connectCassandra } from "../../src/history/sinks/cassandra-client.ts";
import { BATCH_POINTS_MAX, storeBatches } from "../../src/history/sinks/cassandra-statements.ts";
import { CassandraSink } from "../../src/history/sinks/cassandra.ts";
import type { SinkEntry } from "../../src/history/sinks/sink.ts";
import { USER_ID_MAX_CHARS } from "../../src/protocol/limits.ts";
import { createTestSchema, dropKeyspace, freshSettings } from "./cluster.ts";
import { sinkContract } from "./sink-contract.ts";

const settings = freshSettings();
const NOW = Date.UTC(2026, 10, 20, 12);
const ALL = { from: 0, to: 8_640_000_000_000_000, limit: 100_000 };

let sink: CassandraSink;

beforeAll(async () => {
  await createTestSchema(settings);
  sink = new CassandraSink(() => connectCassandra(settings));
});

afterAll(async () => {
  await sink.close();
  await dropKeyspace(settings);
});

function store(id: string, user: string, points: readonly HistoryPoint[]): SinkEntry {
  return { id, task: { kind: "store", user, storedAt: NOW, points } };
}

function pointsFrom(ts: number, count: number, everyMs = 1000): HistoryPoint[] {
  return Array.from({ length: count }, (_, i) => ({ lat: 52.1234567, lng: 13.1234567, ts: ts + i * everyMs }));
}

sinkContract("the Cassandra sink in Node", async () => {
  const own = new CassandraSink(() => connectCassandra(settings));
  return { sink: own, stored: (user) => own.read({ user, ...ALL }), close: () => own.close() };
});

describe("writing", () => {
  test("an entry that cannot be stored does not hold back the others", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const tooOld = pointsFrom(Date.UTC(1970, 0, 2), 1);
    const tooNew = pointsFrom(Date.UTC(2100, 0, 1), 1);
    const failed = await sink.write([
      store("old", "mixed", tooOld),
      store("good", "mixed", pointsFrom(NOW, 20)),
      store("new", "mixed", tooNew),
    ]);
    expect(failed).toEqual(["old", "new"]);
    expect(await sink.read({ user: "mixed", ...ALL })).toEqual(pointsFrom(NOW, 20));
    expect(log.mock.calls.map(([line]) => JSON.parse(String(line)))).toEqual([
      expect.objectContaining({ event: "cassandra_write_failed", entries: 2 }),
    ]);
    log.mockRestore();
  });

  test("a missing table fails every entry, and once it is there they are stored", async () => {
    const other = freshSettings();
    await createTestSchema(other);
    const own = new CassandraSink(() => connectCassandra(other));
    const admin = await connectCassandra(other);
    await admin.run({ query: "DROP TABLE history", params: [] });
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const entries = [store("a", "ann", pointsFrom(NOW, 2)), store("b", "bob", pointsFrom(NOW, 2))];
    expect((await own.write(entries)).toSorted()).toEqual(["a", "b"]);
    expect(String(log.mock.lastCall?.[0])).toContain("history");
    log.mockRestore();
    await createTestSchema(other);
    expect(await own.write(entries)).toEqual([]);
    expect(await own.read({ user: "ann", ...ALL })).toHaveLength(2);
    await Promise.all([own.close(), admin.close()]);
    await dropKeyspace(other);
  });

  test("a missing keyspace throws, with the setting's name", async () => {
    const own = new CassandraSink(() => connectCassandra({ ...settings, keyspace: "nowhere" }));
    await expect(own.write([store("a", "ann", pointsFrom(NOW, 1))])).rejects.toThrow(/^CASSANDRA_KEYSPACE: .*nowhere/);
  });

  test("the largest batch is one that Cassandra does not warn of", async () => {
    const { contactPoints, datacenter, keyspace } = settings;
    const client = new Client({ contactPoints: [...contactPoints], localDataCenter: datacenter, keyspace });
    const full = pointsFrom(NOW, BATCH_POINTS_MAX).map((point) => ({
      ...point,
      accuracy: 4.75,
      speed: 1.25,
      heading: 271.5,
      outlier: true as const,
    }));
    const user = "u".repeat(USER_ID_MAX_CHARS);
    const [batch, ...others] = storeBatches({ kind: "store", user, storedAt: NOW, points: full });
    expect(others).toEqual([]);
    const queries = (batch ?? []).map(({ query, params }) => ({ query, params: [...params] }));
    const { info } = await client.batch(queries, { logged: false, prepare: true });
    await client.shutdown();
    expect(queries).toHaveLength(BATCH_POINTS_MAX);
    expect(info.warnings ?? []).toEqual([]);
  });

  test("points a second", { timeout: 60_000 }, async () => {
    const users = 100;
    const chunksPerUser = 30;
    const batchEntries = 100;
    const entries = Array.from({ length: users * chunksPerUser }, (_, i) =>
      store(`speed-${i}`, `speed-${i % users}`, pointsFrom(NOW + Math.floor(i / users) * 20_000, 20)),
    );
    const startMs = performance.now();
    for (let at = 0; at < entries.length; at += batchEntries) {
      expect(await sink.write(entries.slice(at, at + batchEntries))).toEqual([]);
    }
    const seconds = (performance.now() - startMs) / 1000;
    const points = entries.length * 20;
    process.stdout.write(
      `cassandra sink: ${Math.round(points / seconds)} points/s (${points} points in ${seconds.toFixed(2)} s)\n`,
    );
    expect(await sink.read({ user: "speed-7", ...ALL })).toHaveLength(20 * chunksPerUser);
  });
});

describe("reading", () => {
  const MONTHS = [Date.UTC(2000, 0, 1), Date.UTC(2019, 5, 30, 23, 59), Date.UTC(2019, 6, 1), Date.UTC(2026, 10, 20)];
  const points = MONTHS.flatMap((ts) => pointsFrom(ts, 20));

  beforeAll(async () => {
    expect(await sink.write(MONTHS.map((ts, i) => store(`read-${i}`, "reader", pointsFrom(ts, 20))))).toEqual([]);
  });

  test("pages follow each other without a gap, over empty months too", async () => {
    const read: HistoryPoint[] = [];
    let from = 0;
    for (;;) {
      const page = await sink.read({ user: "reader", from, to: ALL.to, limit: 7 });
      read.push(...page);
      const last = page.at(-1);
      if (last === undefined || page.length < 7) break;
      from = last.ts + 1;
    }
    expect(read).toEqual(points);
  });

  test.each([1, 19, 20, 21, 79, 80, 81])("at most %d", async (limit) => {
    expect(await sink.read({ user: "reader", from: 0, to: ALL.to, limit })).toEqual(points.slice(0, limit));
  });

  test("from its first moment up to and without its last", async () => {
    const from = Date.UTC(2019, 5, 30, 23, 59) + 19_000;
    const to = Date.UTC(2019, 6, 1) + 2000;
    const read = await sink.read({ user: "reader", from, to, limit: 100 });
    expect(read.map(({ ts }) => ts)).toEqual([from, to - 2000, to - 1000]);
  });

  test("more rows than the driver fetches at once", async () => {
    const many = pointsFrom(Date.UTC(2026, 9, 1), 6000);
    expect(await sink.write([store("many", "many", many)])).toEqual([]);
    expect(await sink.read({ user: "many", ...ALL })).toEqual(many);
  });

  test("a range without points", async () => {
    expect(await sink.read({ user: "reader", from: NOW, to: NOW, limit: 5 })).toEqual([]);
    expect(await sink.read({ user: "nobody", ...ALL })).toEqual([]);
  });
});
