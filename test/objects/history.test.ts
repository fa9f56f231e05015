/** The way of points through a user's object: buffer, chunks, `saved`, the queue, and what a fault on the way does. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { MESSAGES_PER_SEND_MAX, RETRY_FIRST_MS, SEND_TIMEOUT_MS } from "../../durable-objects/user/history-queue.ts";
import { decodeChunk } from "../../src/history/chunk.ts";
import { CHUNK_AGE_MAX_MS, CHUNK_POINTS_MAX } from "../../src/history/cut.ts";
import { readMessage } from "../../src/history/message.ts";
import { RECENT_MS } from "../../src/history/page.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import type { Saved } from "../../src/protocol/messages/saved.ts";
import { attachmentOf, hibernate } from "./crowd.ts";
import {
  alarmOf,
  callerOf,
  Client,
  closeAll,
  crashOne,
  DAY_MS,
  HOME,
  INACTIVE_AFTER_MS,
  later,
  north,
  objectOf,
  rowsOf,
  settled,
  sleep,
  someone,
  stopClock,
} from "./people.ts";

/** The queue as objects see it: what it took, and whether it works. */
interface FakeQueue {
  readonly bodies: unknown[];
  mode: "works" | "throws" | "stalls";
  calls: number;
}

let queue: FakeQueue;

/** Objects run in the isolate of the tests, and take the queue from their `env` at each send. */
async function takeOver(user: string): Promise<void> {
  await runInDurableObject(objectOf(user), (object) => {
    Reflect.set(Reflect.get(object, "env"), "HISTORY_QUEUE_0", {
      async sendBatch(messages: { body: unknown }[]): Promise<void> {
        const taker = queue;
        taker.calls += 1;
        if (taker.mode === "throws") throw new Error("the queue fails on purpose");
        while (taker.mode === "stalls") await sleep(10);
        if (messages.length > MESSAGES_PER_SEND_MAX) throw new Error("more messages than the platform takes");
        taker.bodies.push(...messages.map(({ body }) => structuredClone(body)));
      },
    });
  });
}

beforeAll(() => {
  stopClock();
  // A queue that fails is logged, once for an outage.
  vi.spyOn(console, "error").mockImplementation(() => {});
});
beforeEach(() => {
  queue = { bodies: [], mode: "works", calls: 0 };
});
afterEach(closeAll);

async function connect(user = someone("ann"), device?: string): Promise<Client> {
  const client = await Client.open(user, device === undefined ? {} : { device });
  await takeOver(user);
  return client;
}

/** Points a second apart, the newest now. */
function points(count: number, endTs = Date.now()): HistoryPoint[] {
  return Array.from({ length: count }, (_, i) => ({ ...north(i), ts: endTs - (count - 1 - i) * 1_000 }));
}

function sendAll(client: Client, list: readonly HistoryPoint[]): void {
  for (let at = 0; at < list.length; at += 100) {
    client.send({ type: "locations", points: list.slice(at, at + 100) });
  }
}

function timesOf(list: readonly { ts: number }[]): number[] {
  return list.map(({ ts }) => ts);
}

/** The points that sinks get, each once, by time. */
function queuedTimes(user: string): number[] {
  const times = new Set<number>();
  for (const body of queue.bodies) {
    const task = readMessage(body);
    if (task.kind === "store" && task.user === user) for (const { ts } of task.points) times.add(ts);
  }
  return [...times].toSorted((a, b) => a - b);
}

async function historyOf(user: string, range: { from?: number; to?: number; limit?: number } = {}) {
  return objectOf(user).history(callerOf(user), { from: 0, to: 2 * Date.now(), limit: 1_000, ...range });
}

function savedOf(client: Client): Saved[] {
  return client.frames.filter((frame) => frame.type === "saved");
}

function chunkRows(user: string) {
  type Row = { from_ts: number; to_ts: number; queued: number };
  return rowsOf<Row>(user, "SELECT from_ts, to_ts, queued FROM chunk ORDER BY from_ts");
}

describe("when points are stored", () => {
  test("[SAVE1] [SAVE2] the 19th point waits, the 20th makes a chunk, one message, and `saved`", async () => {
    const ann = await connect();
    const list = points(CHUNK_POINTS_MAX + 1);
    for (const point of list.slice(0, CHUNK_POINTS_MAX - 1)) ann.send({ type: "location", ...point });
    await ann.synced();
    expect([savedOf(ann), queue.bodies, await chunkRows(ann.user)]).toEqual([[], [], []]);
    ann.send({ type: "location", ...list[CHUNK_POINTS_MAX - 1] });
    const through = list[CHUNK_POINTS_MAX - 1]?.ts;
    expect(await ann.next("saved")).toEqual({ type: "saved", count: CHUNK_POINTS_MAX, through });
    expect(queue.bodies).toHaveLength(1);
    expect(await chunkRows(ann.user)).toEqual([{ from_ts: list[0]?.ts, to_ts: through, queued: 1 }]);
    ann.send({ type: "location", ...list[CHUNK_POINTS_MAX] });
    await ann.synced();
    expect(timesOf((await historyOf(ann.user)).points)).toEqual(timesOf(list));
    expect(savedOf(ann)).toHaveLength(1);
  });

  test("[SAVE4] a point waits for 10 minutes at most, and not beyond the end of activity", async () => {
    const ann = await connect();
    ann.move(HOME);
    await ann.synced();
    later(CHUNK_AGE_MAX_MS - 1);
    ann.move(north(1));
    await ann.synced();
    await runDurableObjectAlarm(objectOf(ann.user));
    await ann.synced();
    expect(savedOf(ann)).toEqual([]);
    later(1);
    expect(await alarmOf(ann.user)).toBeLessThanOrEqual(Date.now());
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await ann.next("saved")).toMatchObject({ count: 2 });
    ann.move(north(2));
    await ann.synced();
    later(INACTIVE_AFTER_MS);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await ann.next("saved")).toMatchObject({ count: 3 });
    expect(queuedTimes(ann.user)).toHaveLength(3);
  });

  test("[SAVE1] points above the pace of live positions, old ones and those of a paused user are history, too", async () => {
    const ann = await connect();
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { sharing: false });
    const list = points(40);
    for (const point of list) ann.send({ type: "location", ...point });
    ann.send({ type: "location", ...HOME, ts: Date.UTC(2001, 0, 1) });
    await ann.next("saved", ({ count }) => count === 40);
    await ann.synced();
    expect(ann.frames.filter((frame) => frame.type === "error" && frame.code === "too_fast")).toHaveLength(11);
    expect(timesOf((await historyOf(ann.user)).points)).toEqual([Date.UTC(2001, 0, 1), ...timesOf(list)]);
  });

  test("[SAVE2] refused points and repeated ones count, and are stored no second time", async () => {
    const ann = await connect();
    const list = points(12);
    sendAll(ann, list);
    sendAll(ann, list.slice(0, 3));
    ann.send({ type: "location", lat: 91, lng: 0, ts: Date.now() });
    ann.send({
      type: "locations",
      points: [
        { ...HOME, ts: Date.now() },
        { ...HOME, ts: Date.UTC(1970, 0, 2) },
      ],
    });
    ann.send({ type: "locations", points: [{ ...HOME, ts: Date.UTC(2100, 0, 1) }] });
    ann.send("no JSON");
    sendAll(ann, points(8, Date.now() + 60_000));
    expect(await ann.next("saved")).toMatchObject({ count: 12 + 3 + 1 + 2 + 1 + 8, through: Date.now() + 60_000 });
    expect(queuedTimes(ann.user)).toHaveLength(20);
    const codes = ann.frames.map((frame) => (frame.type === "error" ? frame.code : "")).filter((code) => code !== "");
    expect(codes).toEqual(["bad_location", "bad_timestamp", "bad_timestamp", "bad_json"]);
    sendAll(ann, points(20, list.at(-1)?.ts));
    await ann.next("saved");
    expect(queuedTimes(ann.user)).toHaveLength(28);
  });

  test("[SAVE2] refused points alone are counted with the next alarm", async () => {
    const ann = await connect();
    ann.send({ type: "location", lat: 91, lng: 0, ts: Date.now() });
    await ann.synced();
    later(CHUNK_AGE_MAX_MS);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await ann.next("saved")).toEqual({ type: "saved", count: 1, through: 0 });
    expect(await chunkRows(ann.user)).toEqual([]);
  });

  test("[FRAME7] the points of a frame above the pace count, too, and its `ref` is repeated", async () => {
    const ann = await connect();
    for (let i = 0; i < 100; i += 1) ann.send({ type: "discover", on: false });
    ann.send({ type: "locations", ref: 77, points: points(5) });
    const error = await ann.next("error");
    expect(error).toMatchObject({ code: "too_fast", ref: 77 });
    later(10_000);
    sendAll(ann, points(20));
    expect(await ann.next("saved")).toMatchObject({ count: 25 });
  });

  test("[SAVE3] each connection hears of its own points", async () => {
    const phone = await connect(someone("ann"), "phone");
    const watch = await connect(phone.user, "watch");
    const idle = await connect(phone.user, "idle");
    const list = points(20);
    for (const [i, point] of list.entries()) (i % 4 === 0 ? watch : phone).send({ type: "location", ...point });
    expect(await phone.next("saved")).toEqual({ type: "saved", count: 15, through: list[19]?.ts });
    expect(await watch.next("saved")).toEqual({ type: "saved", count: 5, through: list[16]?.ts });
    await idle.synced();
    expect(savedOf(idle)).toEqual([]);
  });

  test("a backlog of 5,000 points over several frames: all acknowledged, each stored once", async () => {
    const ann = await connect();
    const list = points(5_000, Date.now() - 1_000);
    sendAll(ann, list);
    await ann.next("saved", ({ count }) => count === 5_000);
    await settled();
    expect(queuedTimes(ann.user)).toEqual(timesOf(list));
    const rows = await chunkRows(ann.user);
    expect(rows).toHaveLength(5_000 / CHUNK_POINTS_MAX);
    expect(new Set(rows.map(({ queued }) => queued))).toEqual(new Set([1]));
  });

  test("points out of order, over several frames, come back in order, each once", async () => {
    const ann = await connect();
    const list = points(60);
    const shuffled = list.toSorted((a, b) => ((a.ts * 7919) % 61) - ((b.ts * 7919) % 61));
    sendAll(ann, shuffled.slice(0, 25));
    sendAll(ann, shuffled.slice(20, 45));
    sendAll(ann, shuffled.slice(35));
    await ann.next("saved", ({ count }) => count === 75);
    expect(timesOf((await historyOf(ann.user)).points)).toEqual(timesOf(list));
    expect(queuedTimes(ann.user)).toEqual(timesOf(list));
  });
});

describe("over HTTP", () => {
  test("[LOC1] without a socket points stand in the row that is kept, and a crash loses none", async () => {
    const user = someone("ann");
    await objectOf(user).report(callerOf(user), points(3));
    await takeOver(user);
    expect(await chunkRows(user)).toEqual([]);
    await crashOne(user);
    await takeOver(user);
    expect((await historyOf(user)).points).toHaveLength(3);
    later(INACTIVE_AFTER_MS);
    await runDurableObjectAlarm(objectOf(user));
    expect(queuedTimes(user)).toHaveLength(3);
    expect(await rowsOf(user, "SELECT * FROM kept")).toEqual([]);
  });

  test("[LOC1] what was promised outlives the row: a socket takes the state over, then everything crashes", async () => {
    const user = someone("ann");
    await objectOf(user).report(callerOf(user), points(3));
    await takeOver(user);
    const ann = await connect(user);
    await ann.synced();
    await crashOne(user);
    expect((await historyOf(user)).points).toHaveLength(3);
    expect(queuedTimes(user)).toHaveLength(3);
  });

  test("[LOC1] beside an open socket, and when nothing is live, points are in a chunk before the answer", async () => {
    const ann = await connect();
    ann.move(HOME);
    await ann.synced();
    expect(await objectOf(ann.user).report(callerOf(ann.user), points(2))).toMatchObject({ live: true });
    await crashOne(ann.user);
    expect((await historyOf(ann.user)).points).toHaveLength(2);
    const bob = someone("bob");
    const old = points(2, Date.now() - DAY_MS);
    expect(await objectOf(bob).report(callerOf(bob), old)).toEqual({ live: false });
    await crashOne(bob);
    expect(timesOf((await historyOf(bob)).points)).toEqual(timesOf(old));
  });

  test("[LOC3] above the pace of positions points are stored; above that of requests nothing is taken", async () => {
    const user = someone("ann");
    const answers: unknown[] = [];
    const list = points(101);
    for (const point of list) answers.push(await objectOf(user).report(callerOf(user), [point]));
    expect(answers.slice(0, 30)).toEqual(Array.from({ length: 30 }, () => ({ live: true })));
    expect(answers.slice(30, 100)).toEqual(Array.from({ length: 70 }, () => ({ live: false })));
    expect(answers[100]).toEqual({ refused: "too_fast", retryAfterS: 1 });
    expect(timesOf((await historyOf(user)).points)).toEqual(timesOf(list.slice(0, 100)));
  });
});

describe("faults", () => {
  test("a queue that throws: `saved` all the same, the chunk waits, and the alarm sends it", async () => {
    const info = vi.spyOn(console, "info").mockImplementation(() => {});
    const ann = await connect();
    queue.mode = "throws";
    sendAll(ann, points(20));
    expect(await ann.next("saved")).toMatchObject({ count: 20 });
    await settled();
    expect(await chunkRows(ann.user)).toMatchObject([{ queued: 0 }]);
    const before = queue.calls;
    later(RETRY_FIRST_MS);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(queue.calls).toBe(before + 1);
    queue.mode = "works";
    for (let i = 0; i < 4; i += 1) {
      later(RETRY_FIRST_MS * 4);
      await runDurableObjectAlarm(objectOf(ann.user));
    }
    expect(await chunkRows(ann.user)).toMatchObject([{ queued: 1 }]);
    expect(queuedTimes(ann.user)).toHaveLength(20);
    // The end of the outage, once.
    const ends = info.mock.calls.map(([line]) => String(line)).filter((line) => line.includes("queue_accepts"));
    expect(ends.map((line) => JSON.parse(line))).toEqual([
      { level: "info", event: "queue_accepts", user: ann.user, refusals: 2 },
    ]);
  });

  test("a queue that does not answer is given up after a while, and what comes meanwhile waits in the table", async () => {
    const ann = await connect();
    queue.mode = "stalls";
    const list = points(60);
    sendAll(ann, list.slice(0, 20));
    await ann.synced();
    expect(savedOf(ann)).toEqual([]);
    sendAll(ann, list.slice(20, 40));
    expect(await ann.next("saved")).toMatchObject({ count: 40 });
    // Once more while the first flight is still under way.
    sendAll(ann, list.slice(40));
    expect(await ann.next("saved")).toMatchObject({ count: 60 });
    queue.mode = "works";
    await sleep(50);
    later(RETRY_FIRST_MS);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(queuedTimes(ann.user)).toEqual(timesOf(list));
    expect((await chunkRows(ann.user)).map(({ queued }) => queued)).toEqual([1, 1, 1]);
  });

  test("a queue that never answers keeps `saved` back for its timeout", async () => {
    const ann = await connect();
    queue.mode = "stalls";
    const startedMs = performance.now();
    sendAll(ann, points(20));
    expect(await ann.next("saved")).toMatchObject({ count: 20 });
    // Timers of the runtime are whole milliseconds apart from its clock.
    expect(performance.now() - startedMs).toBeGreaterThan(SEND_TIMEOUT_MS - 100);
    queue.mode = "works";
  });

  test("[FAIL2] hibernation keeps the points that wait, and what each connection was told", async () => {
    const ann = await connect();
    const list = points(41);
    sendAll(ann, list.slice(0, 25));
    await ann.next("saved", ({ count }) => count === 25);
    sendAll(ann, list.slice(25, 30));
    await ann.synced();
    await hibernate(ann.user);
    await takeOver(ann.user);
    sendAll(ann, list.slice(30, 40));
    await ann.synced();
    expect(timesOf((await historyOf(ann.user)).points)).toEqual(timesOf(list.slice(0, 40)));
    await hibernate(ann.user);
    await takeOver(ann.user);
    later(CHUNK_AGE_MAX_MS);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await ann.next("saved")).toMatchObject({ count: 40, through: list[39]?.ts });
    expect(queuedTimes(ann.user)).toEqual(timesOf(list.slice(0, 40)));
  });

  test("[FAIL2] points stay in the copy of the state while the queue has them, and leave it with `saved`", async () => {
    const ann = await connect();
    queue.mode = "stalls";
    const list = points(20);
    sendAll(ann, list);
    await ann.synced();
    const unsaved = async (): Promise<Uint8Array | null | undefined> =>
      (await attachmentOf(ann.user)).attachment.object?.unsaved.points;
    expect(timesOf(decodeChunk((await unsaved()) ?? new Uint8Array()))).toEqual(timesOf(list));
    queue.mode = "works";
    await ann.next("saved");
    expect(await unsaved()).toBeNull();
    expect(queuedTimes(ann.user)).toEqual(timesOf(list));
  });

  test("[FAIL3] a reset between the chunk and the queue, or before both: what was acknowledged arrives", async () => {
    const ann = await connect();
    const list = points(30);
    queue.mode = "throws";
    sendAll(ann, list.slice(0, 20));
    await ann.next("saved");
    sendAll(ann, list.slice(20));
    await ann.synced();
    await settled();
    await crashOne(ann.user);
    queue.mode = "works";
    const again = await connect(ann.user);
    expect(timesOf((await historyOf(ann.user)).points)).toEqual(timesOf(list.slice(0, 20)));
    // What was not covered is sent again, and a part of what was.
    sendAll(again, list.slice(15));
    await again.synced();
    later(CHUNK_AGE_MAX_MS);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await again.next("saved")).toMatchObject({ count: 15 });
    expect(timesOf((await historyOf(ann.user)).points)).toEqual(timesOf(list));
    expect(queuedTimes(ann.user)).toEqual(timesOf(list));
  });

  test("a closed socket: the points go to the row, or, when the user is inactive, to a chunk", async () => {
    const ann = await connect();
    ann.move(HOME);
    await ann.synced();
    await ann.close();
    await crashOne(ann.user);
    expect((await historyOf(ann.user)).points).toHaveLength(1);
    const bob = await connect(someone("bob"));
    sendAll(bob, points(2, Date.now() - DAY_MS));
    await bob.synced();
    await bob.close();
    await crashOne(bob.user);
    expect((await historyOf(bob.user)).points).toHaveLength(2);
    expect(await chunkRows(bob.user)).toHaveLength(1);
  });

  test("a chunk row of an unknown codec version stays, is passed on, and hides nothing else", async () => {
    const ann = await connect();
    const list = points(40, Date.now() - 60_000);
    sendAll(ann, list.slice(0, 20));
    await ann.next("saved");
    await runInDurableObject(objectOf(ann.user), (_object, { storage }) => {
      storage.sql.exec("UPDATE chunk SET points = x'ff010203', queued = 0");
    });
    sendAll(ann, list.slice(20));
    await ann.next("saved", ({ count }) => count === 40);
    expect(timesOf((await historyOf(ann.user)).points)).toEqual(timesOf(list.slice(20)));
    expect(await chunkRows(ann.user)).toHaveLength(2);
    later(CHUNK_AGE_MAX_MS);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(queue.bodies).toHaveLength(3);
    expect(() => readMessage(queue.bodies[2])).toThrow("version 255");
  });

  test("kept points of an unknown codec version wait in the table", async () => {
    const user = someone("ann");
    await objectOf(user).report(callerOf(user), points(3));
    await runInDurableObject(objectOf(user), (_object, { storage }) => {
      storage.sql.exec("UPDATE kept SET points = x'ff010203'");
    });
    await crashOne(user);
    expect((await historyOf(user)).points).toEqual([]);
    const rows = await rowsOf<{ points: ArrayBuffer }>(user, "SELECT points FROM chunk");
    expect(rows.map((row) => [...new Uint8Array(row.points)])).toEqual([[255, 1, 2, 3]]);
  });
});

describe("reading and erasing", () => {
  test("pages go by `from`, each point once, over chunks that overlap", async () => {
    const ann = await connect();
    const list = points(450, Date.now() - 1_000);
    const [even, odd] = [list.filter((_, i) => i % 2 === 0), list.filter((_, i) => i % 2 === 1)];
    sendAll(ann, even);
    sendAll(ann, odd);
    await ann.next("saved", ({ count }) => count === 400 || count === 450);
    await ann.synced();
    const seen: number[] = [];
    let from: number | undefined = 0;
    for (let pages = 0; from !== undefined && pages < 20; pages += 1) {
      const page = await historyOf(ann.user, { from, limit: 100 });
      expect(page.points.length).toBeLessThanOrEqual(100);
      seen.push(...timesOf(page.points));
      from = page.next;
    }
    expect(seen).toEqual(timesOf(list));
    const { points: part } = await historyOf(ann.user, { from: list[7]?.ts ?? 0, to: list[9]?.ts ?? 0 });
    expect(timesOf(part)).toEqual(timesOf(list.slice(7, 9)));
  });

  test("an erased range is gone from the object, is told to the sinks, and comes back from no phone", async () => {
    const ann = await connect();
    const list = points(45);
    sendAll(ann, list.slice(0, 40));
    await ann.next("saved", ({ count }) => count === 40);
    sendAll(ann, list.slice(40));
    await ann.synced();
    const [from, to] = [list[10]?.ts ?? 0, list[42]?.ts ?? 0];
    expect(await objectOf(ann.user).eraseHistory(callerOf(ann.user), { from, to })).toEqual({ erased: true });
    const left = timesOf([...list.slice(0, 10), ...list.slice(42)]);
    expect(timesOf((await historyOf(ann.user)).points)).toEqual(left);
    await settled();
    const erasures = queue.bodies.map(readMessage).filter(({ kind }) => kind === "erase");
    expect(erasures).toEqual([{ kind: "erase", user: ann.user, from, to, at: expect.any(Number) }]);
    const stores = queue.bodies.map(readMessage).filter((task) => task.kind === "store");
    for (const { storedAt } of stores)
      expect(storedAt).toBeLessThan(erasures[0]?.kind === "erase" ? erasures[0].at : 0);
    sendAll(ann, list);
    await ann.next("saved", ({ count }) => count === 90);
    expect(timesOf((await historyOf(ann.user)).points)).toEqual(left);
  });

  test("everything: the points to come are kept all the same, also those of a clock that is ahead", async () => {
    const ann = await connect();
    const aheadMs = 3 * 3_600_000;
    sendAll(ann, points(20, Date.now() + aheadMs));
    await ann.next("saved");
    const range = { from: 0, to: Number.MAX_SAFE_INTEGER };
    await objectOf(ann.user).eraseHistory(callerOf(ann.user), range);
    expect((await historyOf(ann.user)).points).toEqual([]);
    later(1_000);
    const next = points(1, Date.now() + aheadMs);
    sendAll(ann, next);
    await ann.synced();
    expect(timesOf((await historyOf(ann.user, { to: Number.MAX_SAFE_INTEGER })).points)).toEqual(timesOf(next));
  });

  test("ranges that touch become one; beyond 1,000 apart from each other it is refused", async () => {
    const user = someone("ann");
    const erase = (from: number, to: number) => objectOf(user).eraseHistory(callerOf(user), { from, to });
    for (let i = 0; i < 1_000; i += 1) expect(await erase(i * 10, i * 10 + 5)).toEqual({ erased: true });
    expect(await erase(1_000_000, 1_000_001)).toEqual({ refused: "too_many_erasures" });
    expect(await erase(5, 10)).toEqual({ erased: true });
    expect(await erase(1_000_000, 1_000_001)).toEqual({ erased: true });
    expect(await rowsOf(user, "SELECT min(from_ts) AS a, min(to_ts) AS b, count(*) AS n FROM erased")).toEqual([
      { a: 0, b: 15, n: 1_000 },
    ]);
  });

  test("chunks are pruned 90 days after they were stored, by an alarm of their own", async () => {
    const ann = await connect();
    const old = points(20, Date.now() - 2 * RECENT_MS);
    sendAll(ann, old);
    await ann.next("saved");
    await ann.close();
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await chunkRows(ann.user)).toHaveLength(1);
    const pruneAt = (await alarmOf(ann.user)) ?? 0;
    expect(pruneAt - Date.now()).toBeGreaterThan(RECENT_MS);
    expect(pruneAt - Date.now()).toBeLessThanOrEqual(RECENT_MS + 2 * DAY_MS);
    later(pruneAt - Date.now());
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await chunkRows(ann.user)).toEqual([]);
    expect(await alarmOf(ann.user)).toBeNull();
  });
});
