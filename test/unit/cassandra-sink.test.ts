import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { CassandraClient } from "../../src/history/sinks/cassandra-client.ts";
import { CASSANDRA_OBJECTS, CassandraStubSink, readOlder } from "../../src/history/sinks/cassandra-stub.ts";
import { CassandraSink, IDLE_CLOSE_MS, IN_FLIGHT_MAX, READ_MONTHS_MAX } from "../../src/history/sinks/cassandra.ts";
import type { SinkEntry } from "../../src/history/sinks/sink.ts";

const NOW = Date.UTC(2026, 10, 20, 12);

/** The line of the log is part of what is tested; nothing of it belongs on the terminal. */
let log: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  vi.useFakeTimers();
  log = vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function store(user: string): SinkEntry {
  return { id: `of ${user}`, task: { kind: "store", user, storedAt: NOW, points: [{ lat: 1, lng: 2, ts: NOW }] } };
}

/** As the driver says it: the cluster's answers have numbers, those of a socket do not. */
function refused(): Error {
  return Object.assign(new Error("Unavailable"), { code: 0x1000 });
}
function lost(): Error {
  return Object.assign(new Error("socket was closed"), { code: "ECONNRESET" });
}

class FakeCluster {
  connects = 0;
  closes = 0;
  /** By user: what happens to a write; the default is that it is stored. */
  readonly failures = new Map<string, () => Error>();
  readonly stored: string[] = [];
  readonly reads: number[] = [];
  inFlight = 0;
  inFlightMost = 0;
  connectError: Error | undefined;
  readError: Error | undefined;

  readonly connect = async (): Promise<CassandraClient> => {
    this.connects += 1;
    await Promise.resolve();
    if (this.connectError !== undefined) throw this.connectError;
    return {
      run: async ({ params }) => {
        await Promise.resolve();
        if (this.readError !== undefined) throw this.readError;
        this.reads.push(Number(params[1]));
        return [];
      },
      runBatch: async (statements) => {
        this.inFlight += 1;
        this.inFlightMost = Math.max(this.inFlightMost, this.inFlight);
        await Promise.resolve();
        this.inFlight -= 1;
        const user = String(statements[0]?.params[0]);
        const failure = this.failures.get(user);
        if (failure !== undefined) throw failure();
        this.stored.push(user);
      },
      close: () => {
        this.closes += 1;
        return Promise.resolve();
      },
    };
  };
}

describe("the connection", () => {
  test("is made at the first use, once for all that come meanwhile", async () => {
    const cluster = new FakeCluster();
    const sink = new CassandraSink(cluster.connect);
    expect(cluster.connects).toBe(0);
    await Promise.all([sink.write([store("ann")]), sink.write([store("bob")])]);
    await sink.write([store("cat")]);
    expect(cluster.connects).toBe(1);
    expect(cluster.stored).toEqual(["ann", "bob", "cat"]);
  });

  test("that fails is tried again at the next use", async () => {
    const cluster = new FakeCluster();
    cluster.connectError = new Error("CASSANDRA_CONTACT_POINTS: no host answers");
    const sink = new CassandraSink(cluster.connect);
    await expect(sink.write([store("ann")])).rejects.toThrow("no host answers");
    cluster.connectError = undefined;
    expect(await sink.write([store("ann")])).toEqual([]);
    expect(cluster.connects).toBe(2);
  });

  test("that was lost is closed, and made anew at the next use", async () => {
    const cluster = new FakeCluster();
    const sink = new CassandraSink(cluster.connect);
    cluster.failures.set("bob", lost);
    expect(await sink.write([store("ann"), store("bob")])).toContain("of bob");
    expect(cluster.closes).toBe(1);
    cluster.failures.clear();
    expect(await sink.write([store("bob")])).toEqual([]);
    expect(cluster.connects).toBe(2);
  });

  test("is kept after a refusal", async () => {
    const cluster = new FakeCluster();
    const sink = new CassandraSink(cluster.connect);
    cluster.failures.set("bob", refused);
    expect(await sink.write([store("ann"), store("bob"), store("cat")])).toEqual(["of bob"]);
    expect(await sink.write([store("dan")])).toEqual([]);
    expect([cluster.connects, cluster.closes]).toEqual([1, 0]);
  });

  test("is closed when nobody has used it for a while, and no sooner", async () => {
    const cluster = new FakeCluster();
    const sink = new CassandraSink(cluster.connect);
    await sink.write([store("ann")]);
    await vi.advanceTimersByTimeAsync(IDLE_CLOSE_MS - 1);
    await sink.write([store("ann")]);
    await vi.advanceTimersByTimeAsync(IDLE_CLOSE_MS - 1);
    expect(cluster.closes).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(cluster.closes).toBe(1);
    expect(await sink.write([store("ann")])).toEqual([]);
    expect(cluster.connects).toBe(2);
  });
});

describe("writing", () => {
  test("says why entries failed, in one line without a position", async () => {
    const cluster = new FakeCluster();
    cluster.failures.set("bob", refused);
    await new CassandraSink(cluster.connect).write([store("bob")]);
    expect(log.mock.calls).toEqual([
      ['{"level":"error","event":"cassandra_write_failed","entries":1,"reason":"Error: Unavailable"}'],
    ]);
  });

  test("after a lost connection the rest fails without being tried", async () => {
    const cluster = new FakeCluster();
    const users = Array.from({ length: 3 * IN_FLIGHT_MAX }, (_, i) => `user-${i}`);
    for (const user of users) cluster.failures.set(user, lost);
    const failed = await new CassandraSink(cluster.connect).write(users.map(store));
    expect(failed.toSorted()).toEqual(users.map((user) => `of ${user}`).toSorted());
    expect(cluster.closes).toBe(1);
    expect(cluster.inFlightMost).toBe(IN_FLIGHT_MAX);
  });

  test("has at most so many requests on their way", async () => {
    const cluster = new FakeCluster();
    const users = Array.from({ length: IN_FLIGHT_MAX + 1 }, (_, i) => `user-${i}`);
    expect(await new CassandraSink(cluster.connect).write(users.map(store))).toEqual([]);
    expect(cluster.inFlightMost).toBe(IN_FLIGHT_MAX);
    expect(cluster.stored).toHaveLength(IN_FLIGHT_MAX + 1);
  });
});

describe("reading", () => {
  test("asks empty months in growing steps", async () => {
    const cluster = new FakeCluster();
    const sink = new CassandraSink(cluster.connect, () => NOW);
    expect(await sink.read({ user: "ann", from: 0, to: NOW, limit: 10 })).toEqual([]);
    expect(cluster.reads).toHaveLength(323);
    expect(cluster.reads.slice(0, 4)).toEqual([200_001, 200_002, 200_003, 200_004]);
    expect(READ_MONTHS_MAX).toBeLessThan(IN_FLIGHT_MAX);
  });

  test("gives a lost connection up, and throws", async () => {
    const cluster = new FakeCluster();
    const sink = new CassandraSink(cluster.connect, () => NOW);
    cluster.readError = lost();
    await expect(sink.read({ user: "ann", from: NOW, to: NOW + 1, limit: 1 })).rejects.toThrow("socket was closed");
    expect(cluster.closes).toBe(1);
    cluster.readError = refused();
    await expect(sink.read({ user: "ann", from: NOW, to: NOW + 1, limit: 1 })).rejects.toThrow("Unavailable");
    expect([cluster.connects, cluster.closes]).toEqual([2, 1]);
  });
});

describe("a Worker's side", () => {
  const users = Array.from({ length: 50 }, (_, i) => `user-${i}`);

  test("spreads users over the objects, each user always to the same", async () => {
    const seen = new Map<string, Set<string>>();
    const sink = new CassandraStubSink({
      getByName: (name) => ({
        write: (entries) => {
          const set = seen.get(name) ?? new Set();
          seen.set(name, set);
          for (const { task } of entries) set.add(task.user);
          return Promise.resolve([]);
        },
        read: () => Promise.resolve([]),
      }),
    });
    expect(await sink.write(users.map(store))).toEqual([]);
    expect(await sink.write(users.map(store))).toEqual([]);
    expect(seen.size).toBe(CASSANDRA_OBJECTS);
    expect([...seen.values()].flatMap((set) => [...set]).toSorted()).toEqual(users.toSorted());
  });

  test("a call that throws fails its own entries and no others", async () => {
    let calls = 0;
    const sink = new CassandraStubSink({
      getByName: () => ({
        write: (entries) => {
          calls += 1;
          if (calls === 1) return Promise.reject(new Error("CASSANDRA_CONTACT_POINTS: no host answers"));
          return Promise.resolve(entries.slice(0, 1).map(({ id }) => id));
        },
        read: () => Promise.resolve([]),
      }),
    });
    const failed = await sink.write(users.map(store));
    expect(calls).toBe(CASSANDRA_OBJECTS);
    expect(failed.length).toBeGreaterThan(CASSANDRA_OBJECTS - 1);
    expect(failed.length).toBeLessThan(users.length);
    expect(log.mock.calls.join("\n")).toContain("no host answers");
  });

  test("a call that never ends fails after 30 s", async () => {
    const never = new Promise<never>(() => {});
    const objects = { getByName: () => ({ write: () => never, read: () => never }) };
    const failed = new CassandraStubSink(objects).write([store("ann")]);
    const read = expect(readOlder(objects, { user: "ann", from: 0, to: NOW, limit: 1 })).rejects.toThrow("30 s");
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await failed).toEqual(["of ann"]);
    await read;
  });
});
