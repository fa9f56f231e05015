/** What every sink does with history, whatever it is made of: run by the tests of each. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { HistoryTask } from "../../src/history/message.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import type { Sink, SinkEntry } from "../../src/history/sinks/sink.ts";

export interface SinkHarness {
  readonly sink: Sink;
  /** Everything that a reader finds of this user: each `ts` once, erased points left out, in any order. */
  stored(user: string): Promise<readonly HistoryPoint[]>;
  /** Lets go of what was started; after the last test. */
  close?(): Promise<void>;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** 2026-11-20, 12:00 UTC. */
const NOW = Date.UTC(2026, 10, 20, 12);

const FULL: HistoryPoint = {
  lat: 37.7749295,
  lng: -122.4194155,
  ts: NOW - DAY_MS,
  accuracy: 4.75,
  speed: 13.891,
  heading: 271.5,
  outlier: true,
};

export function sinkContract(name: string, makeHarness: () => Promise<SinkHarness>): void {
  describe(`${name} keeps the contract of a sink`, () => {
    let harness: SinkHarness;
    beforeAll(async () => {
      harness = await makeHarness();
    });
    afterAll(async () => {
      await harness.close?.();
    });

    const write = (...entries: readonly SinkEntry[]) => harness.sink.write(entries);
    const stored = async (user: string) => (await harness.stored(user)).toSorted((a, b) => a.ts - b.ts);

    describe("storing", () => {
      test("what goes in comes out, with all fields", async () => {
        const user = newUser();
        const points = [FULL, ...track(NOW - 10 * MINUTE_MS, 19)];
        expect(await write(store(user, points))).toEqual([]);
        expect(await stored(user)).toEqual(points);
      });

      test("fields that were not there stay away", async () => {
        const user = newUser();
        const bare: HistoryPoint = { lat: 1.5, lng: 2.5, ts: NOW };
        expect(await write(store(user, [bare]))).toEqual([]);
        expect(await stored(user)).toEqual([bare]);
      });

      test("zero is a value like others", async () => {
        const user = newUser();
        const zero: HistoryPoint = { lat: 0, lng: 0, ts: NOW, accuracy: 0, speed: 0, heading: 0 };
        expect(await write(store(user, [zero]))).toEqual([]);
        expect(await stored(user)).toEqual([zero]);
      });

      test("the ends of the earth and of time", async () => {
        const user = newUser();
        const points: HistoryPoint[] = [
          { lat: 90, lng: 180, ts: Date.UTC(2000, 0, 1) },
          { lat: -90, lng: -180, ts: Date.UTC(2000, 0, 1) + 1 },
          { lat: 0.0000001, lng: -0.0000001, ts: NOW, accuracy: 0.001, speed: 0.001, heading: 360 },
          // The furthest that a phone's clock may be ahead.
          { lat: 89.9999999, lng: -179.9999999, ts: NOW + DAY_MS, accuracy: 2_000_000_000.25 },
        ];
        expect(await write(...points.map((point) => store(user, [point])))).toEqual([]);
        expect(await stored(user)).toEqual(points);
      });

      test("a chunk over the end of a month", async () => {
        const user = newUser();
        const points = track(Date.UTC(2026, 9, 31, 23, 55), 20);
        expect(await write(store(user, points))).toEqual([]);
        expect(await stored(user)).toEqual(points);
      });

      test("each user's points are that user's", async () => {
        const [ann, bob] = [newUser(), newUser()];
        const [of, at] = [track(NOW, 3), track(NOW, 4)];
        expect(await write(store(ann, of), store(bob, at))).toEqual([]);
        expect(await stored(ann)).toEqual(of);
        expect(await stored(bob)).toEqual(at);
        expect(await stored(newUser())).toEqual([]);
      });

      test("2,000 entries at once", { timeout: 60_000 }, async () => {
        const users = Array.from({ length: 20 }, newUser);
        const entries = users.flatMap((user) =>
          Array.from({ length: 100 }, (_, i) => store(user, track(NOW - DAY_MS + i * 10 * MINUTE_MS, 2))),
        );
        expect(await write(...entries)).toEqual([]);
        for (const user of users) expect(await stored(user)).toHaveLength(200);
      });

      test("an empty batch is stored", async () => {
        expect(await write()).toEqual([]);
      });
    });

    describe("coming again", () => {
      test("the same entry twice is stored once", async () => {
        const user = newUser();
        const chunk = store(user, track(NOW, 20));
        expect(await write(chunk)).toEqual([]);
        expect(await write(chunk)).toEqual([]);
        expect(await stored(user)).toEqual(track(NOW, 20));
      });

      test("batches that overlap are stored once", async () => {
        const user = newUser();
        const entries = [0, 1, 2, 3].map((i) => store(user, track(NOW + i * 20 * MINUTE_MS, 20)));
        expect(await write(...entries.slice(0, 3))).toEqual([]);
        expect(await write(...entries.slice(1, 4))).toEqual([]);
        expect(await stored(user)).toEqual(track(NOW, 80));
      });

      test("points that a client sent again in another chunk are stored once", async () => {
        const user = newUser();
        const points = track(NOW, 30);
        expect(await write(store(user, points.slice(0, 20)), store(user, points.slice(10), NOW + MINUTE_MS))).toEqual(
          [],
        );
        expect(await stored(user)).toEqual(points);
      });
    });

    describe("erasing", () => {
      test("what was stored before goes", async () => {
        const user = newUser();
        await write(store(user, track(NOW, 20)));
        expect(await write(eraseAll(user, NOW + 1))).toEqual([]);
        expect(await stored(user)).toEqual([]);
      });

      test("what was stored before and comes afterwards does not appear", async () => {
        const user = newUser();
        expect(await write(eraseAll(user, NOW + 1))).toEqual([]);
        expect(await write(store(user, track(NOW, 20)))).toEqual([]);
        expect(await stored(user)).toEqual([]);
      });

      test("in one batch, in either order, twice", async () => {
        const user = newUser();
        const [old, erasure] = [store(user, track(NOW, 20)), eraseAll(user, NOW + 1)];
        expect(await write(old, erasure)).toEqual([]);
        expect(await write(erasure, old)).toEqual([]);
        expect(await stored(user)).toEqual([]);
      });

      test("from its first moment up to and without its last", async () => {
        const user = newUser();
        const points = track(NOW, 10);
        await write(store(user, points));
        expect(await write(erase(user, { from: NOW + 2 * MINUTE_MS, to: NOW + 5 * MINUTE_MS }, NOW + 1))).toEqual([]);
        expect(await stored(user)).toEqual([...points.slice(0, 2), ...points.slice(5)]);
      });

      test("whole months, and parts of those at both ends", async () => {
        const user = newUser();
        const days = [Date.UTC(2026, 6, 10), Date.UTC(2026, 7, 1), Date.UTC(2026, 8, 30), Date.UTC(2026, 9, 20)];
        await write(...days.map((day) => store(user, track(day, 3))));
        const range = { from: Date.UTC(2026, 6, 10) + MINUTE_MS, to: Date.UTC(2026, 9, 20) + 2 * MINUTE_MS };
        expect(await write(erase(user, range, NOW + 1))).toEqual([]);
        const left = (await stored(user)).map(({ ts }) => ts);
        expect(left).toEqual([Date.UTC(2026, 6, 10), Date.UTC(2026, 9, 20) + 2 * MINUTE_MS]);
      });

      test("from the earliest point to the latest", async () => {
        const user = newUser();
        const ends = [Date.UTC(2000, 0, 1), NOW + DAY_MS];
        await write(...ends.map((ts) => store(user, track(ts, 1))));
        expect(await stored(user)).toHaveLength(2);
        expect(await write(eraseAll(user, NOW + 1))).toEqual([]);
        expect(await stored(user)).toEqual([]);
      });

      test("nobody else's points, and no empty range", async () => {
        const [ann, bob] = [newUser(), newUser()];
        await write(store(ann, track(NOW, 5)), store(bob, track(NOW, 5)));
        expect(await write(eraseAll(ann, NOW + 1), erase(bob, { from: NOW, to: NOW }, NOW + 1))).toEqual([]);
        expect(await stored(ann)).toEqual([]);
        expect(await stored(bob)).toEqual(track(NOW, 5));
      });

      test("points outside the range that are made afterwards stay", async () => {
        const user = newUser();
        await write(store(user, track(NOW, 5)));
        expect(await write(erase(user, { from: 0, to: NOW + 5 * MINUTE_MS }, NOW + 1))).toEqual([]);
        const later = track(NOW + 5 * MINUTE_MS, 5);
        expect(await write(store(user, later, NOW + 10 * MINUTE_MS))).toEqual([]);
        expect(await stored(user)).toEqual(later);
      });
    });
  });
}

/** Message ids are unique, and so are the users of one test: a sink may be shared. */
let made = 0;
const run = crypto.randomUUID().slice(0, 8);

function newUser(): string {
  made += 1;
  return `${run}.user:${made}@example`;
}

function entry(task: HistoryTask): SinkEntry {
  made += 1;
  return { id: `${run}-message-${made}`, task };
}

function store(user: string, points: readonly HistoryPoint[], storedAt = NOW): SinkEntry {
  return entry({ kind: "store", user, storedAt, points });
}

function erase(user: string, range: { readonly from: number; readonly to: number }, at: number): SinkEntry {
  return entry({ kind: "erase", user, ...range, at });
}

function eraseAll(user: string, at: number): SinkEntry {
  return erase(user, { from: 0, to: 8_640_000_000_000_000 }, at);
}

/** Points a minute apart from `ts` on; the same for the same moment. */
function track(ts: number, count: number): HistoryPoint[] {
  return Array.from({ length: count }, (_, i) => {
    const at = ts + i * MINUTE_MS;
    const step = (at / MINUTE_MS) % 1000;
    return { lat: round7(37 + step / 1e4), lng: round7(-122 - step / 1e4), ts: at, accuracy: 4.75, speed: step };
  });
}

function round7(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7;
}
