import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { encodeChunk } from "../../src/history/chunk.ts";
import { consume, deliver, type Route } from "../../src/history/consumer.ts";
import { eraseMessage, storeMessage } from "../../src/history/message.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import { R2Sink } from "../../src/history/sinks/r2.ts";
import type { Sink, SinkEntry } from "../../src/history/sinks/sink.ts";
import { bucketThat, emptyBucket, jsonIn, namesIn, pointsOf, rowsInBucket } from "./history-bucket.ts";

const QUEUE = "nearby-friends-history-0";
const T0 = Date.UTC(2026, 10, 20, 8, 59);
const YEAR_9999_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

interface Sent {
  id: string;
  timestamp: number;
  attempts: number;
  body: unknown;
}

/** The structured lines of the log. */
let logged: Record<string, unknown>[];

beforeEach(() => {
  logged = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => logged.push(JSON.parse(line)));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await emptyBucket();
});

function message(id: string, body: unknown, attempts = 1): Sent {
  return { id, timestamp: T0, attempts, body };
}

function pointsFrom(ts: number, count = 3): HistoryPoint[] {
  return Array.from({ length: count }, (_, at) => ({
    lat: 37.7749295 + at * 1e-4,
    lng: -122.4194155,
    ts: ts + at * 30_000,
    accuracy: 12.345,
  }));
}

/** A chunk as the user's object sends it. */
function stored(id: string, user: string, points: readonly HistoryPoint[] = pointsFrom(T0), storedAt = T0): Sent {
  return message(id, storeMessage(user, storedAt, encodeChunk(points)));
}

/** What became of each message. */
async function outcome(sent: readonly Sent[], handle: (batch: MessageBatch) => Promise<void>, queue = QUEUE) {
  const batch = createMessageBatch(queue, [...sent]);
  // The result of the test runtime leaves out what a message was told.
  const retries = batch.messages.map((one) => vi.spyOn(one, "retry"));
  await handle(batch);
  const result = await getQueueResult(batch, createExecutionContext());
  expect(result).toMatchObject({ ackAll: false, retryBatch: { retry: false } });
  return {
    acked: result.explicitAcks.toSorted(),
    retried: result.retryMessages.map(({ msgId }) => msgId).toSorted(),
    delaysS: retries.flatMap(({ mock }) => mock.calls.map(([options]) => options?.delaySeconds)),
  };
}

const consumed = (sent: readonly Sent[], vars: Record<string, string> = {}) =>
  outcome(sent, (batch) => consume(batch, { ...env, ...vars }));

const delivered = (sent: readonly Sent[], routes: readonly Route[], waitMs?: number) =>
  outcome(sent, (batch) => deliver(batch, routes, waitMs === undefined ? {} : { waitMs }));

/** A sink in memory; `failing` says which entries it cannot take. */
class MemorySink implements Sink {
  readonly name = "cassandra";
  readonly entries = new Map<string, SinkEntry>();
  failing: (entry: SinkEntry) => boolean = () => false;

  write(entries: readonly SinkEntry[]): Promise<readonly string[]> {
    for (const entry of entries) if (!this.failing(entry)) this.entries.set(entry.id, entry);
    return Promise.resolve(entries.filter(this.failing).map(({ id }) => id));
  }
}

describe("a batch", () => {
  test("becomes one Parquet object, named by the hour of its newest chunk, and every message is acknowledged", async () => {
    const batch = [
      stored("m1", "ann", pointsFrom(T0 - 90_000), T0),
      stored("m2", "bob", pointsFrom(T0 - 86_400_000), T0 + 60_000),
    ];
    expect(await consumed(batch)).toMatchObject({ acked: ["m1", "m2"], retried: [] });
    const names = await namesIn("");
    expect(names).toEqual([expect.stringMatching(/^history\/dt=2026-11-20\/hr=09\/[0-9a-f]{64}\.parquet$/)]);
    expect(await pointsOf("ann")).toEqual(pointsFrom(T0 - 90_000));
    expect(await pointsOf("bob")).toEqual(pointsFrom(T0 - 86_400_000));
    expect(logged).toEqual([]);
  });

  test("that comes again, later and in another order, overwrites its object", async () => {
    const batch = [stored("m1", "ann"), stored("m2", "bob", undefined, T0 + 1), stored("m3", "ann")];
    await consumed(batch);
    const names = await namesIn("");
    const first = await (await env.HISTORY.get(names[0] ?? ""))?.arrayBuffer();
    vi.setSystemTime(Date.now() + 7_200_000);
    await consumed(batch.toReversed());
    vi.useRealTimers();
    expect(await namesIn("")).toEqual(names);
    expect(await (await env.HISTORY.get(names[0] ?? ""))?.arrayBuffer()).toEqual(first);
  });

  test("that comes again with other company leaves every point there, to be counted once", async () => {
    const chunks = Array.from({ length: 6 }, (_, at) => stored(`m${at}`, "ann", pointsFrom(T0 + at * 100_000)));
    await consumed(chunks.slice(0, 4));
    await consumed(chunks.slice(2, 6));
    await consumed([...chunks.slice(5), ...chunks.slice(0, 1)]);
    expect(await namesIn("")).toHaveLength(3);
    expect(await rowsInBucket()).toHaveLength(30);
    expect(await pointsOf("ann")).toHaveLength(18);
  });

  test("with the same point twice stores it once", async () => {
    await consumed([stored("m1", "ann", pointsFrom(T0, 4)), stored("m2", "ann", pointsFrom(T0 + 30_000, 4))]);
    expect(await rowsInBucket()).toHaveLength(5);
  });

  test("may hold erasures beside points: each leaves a tombstone that readers honour", async () => {
    const range = { user: "a:b@c.d", from: T0, to: T0 + 60_000, at: T0 + 600_000 };
    const batch = [stored("m1", "a:b@c.d"), stored("m2", "ann"), message("m3", eraseMessage(range))];
    expect(await consumed(batch)).toMatchObject({ acked: ["m1", "m2", "m3"], retried: [] });
    const [name = ""] = await namesIn("erased/");
    expect(await jsonIn(name)).toEqual({ user_id: "a:b@c.d", from: T0, to: T0 + 60_000, erased_at: T0 + 600_000 });
    expect(await pointsOf("a:b@c.d")).toEqual(pointsFrom(T0).slice(2));
    expect(await pointsOf("ann")).toEqual(pointsFrom(T0));
    await consumed(batch);
    expect(await namesIn("erased/")).toEqual([name]);
  });
});

describe("a poisonous message", () => {
  const unknownCodec = encodeChunk(pointsFrom(T0));
  unknownCodec[0] = 99;
  const good = storeMessage("evelyn", T0, encodeChunk(pointsFrom(T0)));
  const bodies: Record<string, unknown> = {
    "that is garbage": "\u0000garbage",
    "that is nothing": null,
    "of an unknown version": { ...good, v: 2 },
    "of an unknown kind": { ...good, kind: "move" },
    "with a chunk of an unknown codec": storeMessage("evelyn", T0, unknownCodec),
    "with a chunk that ends early": storeMessage("evelyn", T0, encodeChunk(pointsFrom(T0)).slice(0, -1)),
    "with a place off the Earth": storeMessage("evelyn", T0, encodeChunk([{ lat: 91, lng: 0, ts: T0 }])),
    "with a time in the year 10000": storeMessage(
      "evelyn",
      T0,
      encodeChunk([{ lat: 1, lng: 0, ts: YEAR_9999_MS + 1 }]),
    ),
    "with a time before 2000": storeMessage("evelyn", T0, encodeChunk([{ lat: 1, lng: 0, ts: 0 }])),
    "stored in the year 10000": storeMessage("evelyn", YEAR_9999_MS + 1, encodeChunk(pointsFrom(T0))),
    "stored before there were computers": storeMessage("evelyn", -1, encodeChunk(pointsFrom(T0))),
    "erased in the year 10000": eraseMessage({ user: "evelyn", from: 0, to: 1, at: YEAR_9999_MS + 1 }),
  };

  test.each(Object.keys(bodies))("%s comes again alone, and the others are stored", async (what) => {
    const batch = [stored("m1", "ann"), message("m2", bodies[what], 3), stored("m3", "bob")];
    expect(await consumed(batch)).toEqual({ acked: ["m1", "m3"], retried: ["m2"], delaysS: [120] });
    expect((await rowsInBucket()).map(({ user }) => user)).toEqual(["ann", "ann", "ann", "bob", "bob", "bob"]);
    expect(logged).toEqual([
      { level: "error", event: "history_unreadable", queue: QUEUE, count: 1, of: 3, error: expect.any(String) },
    ]);
  });

  test("is none at the edges of what can be", async () => {
    const edges = [946_684_800_000, YEAR_9999_MS].map((ts) => ({ lat: -90, lng: 180, ts }));
    const erase = message("m2", eraseMessage({ user: "evelyn", from: 0, to: 1, at: YEAR_9999_MS }));
    expect(await consumed([stored("m1", "ann", edges, YEAR_9999_MS), erase])).toMatchObject({ acked: ["m1", "m2"] });
    expect(await namesIn("history/")).toEqual([expect.stringMatching(/^history\/dt=9999-12-31\/hr=23\//)]);
    expect(await pointsOf("ann")).toEqual(edges);
  });

  test("is told once for a batch of them, without what is in it", async () => {
    const batch = Object.values(bodies).map((body, at) => message(`m${at}`, body));
    expect((await consumed(batch)).retried).toHaveLength(batch.length);
    expect(logged).toHaveLength(1);
    expect(JSON.stringify(logged)).not.toMatch(/evelyn|37\.77|garbage/);
    expect(await namesIn("")).toEqual([]);
  });
});

describe("a sink that fails", () => {
  test("R2 throws twice and then works: everything is stored, in one object", async () => {
    let failures = 2;
    const routes = [{ sink: new R2Sink(bucketThat(() => failures-- > 0)) }];
    const attempt = (attempts: number) =>
      delivered(
        [stored("m1", "ann"), stored("m2", "bob")].map((sent) => ({ ...sent, attempts })),
        routes,
      );
    expect(await attempt(1)).toEqual({ acked: [], retried: ["m1", "m2"], delaysS: [30, 30] });
    expect(await attempt(2)).toEqual({ acked: [], retried: ["m1", "m2"], delaysS: [60, 60] });
    expect(await namesIn("")).toEqual([]);
    expect(await attempt(3)).toEqual({ acked: ["m1", "m2"], retried: [], delaysS: [] });
    expect(await namesIn("history/")).toHaveLength(1);
    expect(await rowsInBucket()).toHaveLength(6);
    const line = { level: "error", event: "history_sink_failed", sink: "r2", queue: QUEUE, count: 2, of: 2 };
    expect(logged).toEqual([
      { ...line, error: expect.stringContaining("10001") },
      { ...line, error: expect.stringContaining("10001") },
    ]);
  });

  test.each([
    { folder: "history/", retried: ["m1", "m2"], acked: ["m3"] },
    { folder: "erased/", retried: ["m3"], acked: ["m1", "m2"] },
  ])("R2 refuses what belongs under $folder: the rest is stored", async ({ folder, retried, acked }) => {
    const sink = new R2Sink(bucketThat((name) => name.startsWith(folder)));
    const erase = message("m3", eraseMessage({ user: "evelyn", from: 0, to: 1, at: T0 }));
    const result = await delivered([stored("m1", "ann"), stored("m2", "bob"), erase], [{ sink }]);
    expect(result).toMatchObject({ retried, acked });
    expect(await namesIn(folder)).toEqual([]);
    expect(await namesIn("")).toHaveLength(1);
    expect(logged).toMatchObject([{ event: "history_sink_failed", count: retried.length, of: 3 }]);
  });

  test("holds back its entries, not the other sink", async () => {
    let down = true;
    const memory = new MemorySink();
    const routes = [{ sink: new R2Sink(bucketThat(() => down)) }, { sink: memory }];
    const batch = [stored("m1", "ann"), stored("m2", "bob")];
    expect(await delivered(batch, routes)).toMatchObject({ acked: [], retried: ["m1", "m2"] });
    expect([...memory.entries.keys()]).toEqual(["m1", "m2"]);
    expect(logged).toMatchObject([{ sink: "r2", count: 2 }]);
    down = false;
    memory.failing = ({ id }) => id === "m2";
    expect(await delivered(batch, routes)).toMatchObject({ acked: ["m1"], retried: ["m2"] });
    expect(await rowsInBucket()).toHaveLength(6);
    expect(logged.slice(1)).toEqual([
      { level: "error", event: "history_sink_failed", sink: "cassandra", queue: QUEUE, count: 1, of: 2 },
    ]);
  });

  test("or never answers gets its entries again", async () => {
    const hanging: Sink = { name: "cassandra", write: () => new Promise(() => undefined) };
    const routes = [{ sink: new R2Sink(env.HISTORY) }, { sink: hanging }];
    expect(await delivered([stored("m1", "ann")], routes, 20)).toMatchObject({ retried: ["m1"] });
    expect(await rowsInBucket()).toHaveLength(3);
    expect(logged).toMatchObject([{ sink: "cassandra", error: "Error: no answer within 20 ms" }]);
  });
});

describe("settings", () => {
  const erase = message("m2", eraseMessage({ user: "ann", from: 0, to: T0, at: T0 }));

  test("without sinks nothing is stored, and erasures still reach the bucket", async () => {
    expect(await consumed([stored("m1", "ann"), erase], { HISTORY_SINKS: "" })).toMatchObject({ acked: ["m1", "m2"] });
    expect(await namesIn("")).toEqual([expect.stringMatching(/^erased\//)]);
    expect(logged).toEqual([{ level: "error", event: "history_off", queue: QUEUE, count: 2 }]);
  });

  test("with Cassandra alone, points do not go to the bucket", async () => {
    const write = vi.fn((entries: SinkEntry[]) => Promise.resolve(entries.map(({ id }) => id)));
    const CASSANDRA = { getByName: () => ({ write }) };
    const vars = {
      HISTORY_SINKS: "cassandra",
      CASSANDRA_CONTACT_POINTS: "db.example",
      CASSANDRA_DATACENTER: "dc1",
      CASSANDRA_KEYSPACE: "nearby",
    };
    const made = Object.assign({ ...env, ...vars }, { CASSANDRA: CASSANDRA as unknown as Env["CASSANDRA"] });
    const result = await outcome([stored("m1", "ann"), erase], (batch) => consume(batch, made));
    expect(result).toMatchObject({ acked: [], retried: ["m1", "m2"] });
    expect(write).toHaveBeenCalledWith([expect.objectContaining({ id: "m1" }), expect.objectContaining({ id: "m2" })]);
    expect(await namesIn("")).toEqual([expect.stringMatching(/^erased\//)]);
  });

  test("that are wrong make the messages wait", async () => {
    const result = await consumed([stored("m1", "ann"), stored("m2", "bob")], { HISTORY_SINKS: "r3" });
    expect(result).toEqual({ acked: [], retried: ["m1", "m2"], delaysS: [30, 30] });
    expect(logged).toMatchObject([
      { event: "history_settings", count: 2, error: expect.stringContaining("HISTORY_SINKS") },
    ]);
  });
});

describe("dead letters", () => {
  const DEAD = "nearby-friends-history-dead";
  const buried = (sent: readonly Sent[], HISTORY: Pick<R2Bucket, "put"> = env.HISTORY) =>
    outcome(sent, (batch) => consume(batch, { ...env, HISTORY: HISTORY as R2Bucket }), DEAD);

  test("are kept as JSON under their day, acknowledged, and told once", async () => {
    const body = storeMessage("ann", T0, encodeChunk(pointsFrom(T0)));
    expect(await buried([message("m1", body, 2), message("m2", "\u0000garbage")])).toMatchObject({
      acked: ["m1", "m2"],
    });
    expect(await namesIn("")).toEqual(["dead/dt=2026-11-20/m1.json", "dead/dt=2026-11-20/m2.json"]);
    const letter = await jsonIn("dead/dt=2026-11-20/m1.json");
    expect(letter).toEqual({
      id: "m1",
      queue: DEAD,
      attempts: 2,
      deadAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      timestamp: "2026-11-20T08:59:00.000Z",
      body,
    });
    expect(await jsonIn("dead/dt=2026-11-20/m2.json")).toMatchObject({ body: "\u0000garbage" });
    expect(logged).toEqual([{ level: "error", event: "history_dead", queue: DEAD, count: 2 }]);
  });

  test("that are sent again by hand are stored like any other", async () => {
    await buried([stored("m1", "ann")]);
    const letter = await jsonIn("dead/dt=2026-11-20/m1.json");
    expect(await consumed([message("n1", (letter as { body: unknown }).body)])).toMatchObject({ acked: ["n1"] });
    expect(await pointsOf("ann")).toEqual(pointsFrom(T0));
  });

  test("that are no JSON are kept too: bytes in base64, the rest as text", async () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const view = new Uint8Array([0, 1, 2, 255]).subarray(1);
    const bodies = [new Uint8Array([0, 1, 255]).buffer, view, new Uint8Array(131_072), 12n, cycle];
    expect((await buried(bodies.map((body, at) => message(`m${at}`, body)))).acked).toHaveLength(5);
    const letters = await Promise.all((await namesIn("dead/")).map(jsonIn));
    expect(letters).toMatchObject([
      { encoding: "base64", body: "AAH/" },
      { encoding: "base64", body: "AQL/" },
      { encoding: "base64", body: expect.stringMatching(/^A{174762}[=A]+$/) },
      { encoding: "text", body: "12" },
      { encoding: "text", body: "[object Object]" },
    ]);
  });

  test("come again when R2 fails, and overwrite what is there", async () => {
    const sent = [message("m1", 1), message("m2", 2, 4)];
    const broken = bucketThat((name) => name.endsWith("m2.json"));
    expect(await buried(sent, broken)).toEqual({ acked: ["m1"], retried: ["m2"], delaysS: [240] });
    expect(logged).toMatchObject([{ event: "history_dead", count: 1, notStored: 1, error: expect.any(String) }]);
    expect(await buried(sent)).toMatchObject({ acked: ["m1", "m2"], retried: [] });
    expect(await namesIn("")).toHaveLength(2);
  });
});
