/** Chunks of history: points as bytes, how points are divided into chunks, and which queue takes them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { roundPlace } from "../../src/geo/place.ts";
import { CHUNK_CODEC_VERSION, ChunkError, ChunkWriter, decodeChunk, encodeChunk } from "../../src/history/chunk.ts";
import { CHUNK_POINTS_MAX, CHUNK_SPAN_MAX_MS, cut } from "../../src/history/cut.ts";
import { eraseMessage, readMessage, storeMessage } from "../../src/history/message.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import { queueIndex } from "../../src/history/queues.ts";
import { TS_MIN_MS } from "../../src/protocol/limits.ts";
import { inspectRefused } from "../../src/protocol/refused.ts";
import { QUEUES_MAX } from "../../src/settings.ts";

const NOON = Date.UTC(2026, 5, 1, 12);
const HOME = { lat: 48.1371079, lng: 11.5753822 };

const thousandths = fc.nat(10 ** 9).map((n) => n / 1000);
const points: fc.Arbitrary<HistoryPoint> = fc
  .record(
    {
      lat: fc.double({ min: -90, max: 90, noNaN: true }),
      lng: fc.double({ min: -180, max: 180, noNaN: true }),
      ts: fc.integer({ min: TS_MIN_MS, max: 4e12 }),
      accuracy: fc.oneof(thousandths, fc.double({ min: 2e9, max: Number.MAX_VALUE, noNaN: true })),
      speed: fc.oneof(thousandths, fc.double({ min: 2e9, max: Number.MAX_VALUE, noNaN: true })),
      heading: fc.nat(360_000).map((n) => n / 1000),
      outlier: fc.constant(true as const),
    },
    { requiredKeys: ["lat", "lng", "ts"] },
  )
  // Neither JSON nor whole units know a negative zero.
  .map((point) => ({ ...point, lat: roundPlace(point).lat + 0, lng: roundPlace(point).lng + 0 }));

describe("the codec", () => {
  test("what goes in comes out: any order, any fields, 0.001 of their units", () => {
    fc.assert(
      fc.property(fc.array(points, { maxLength: 150 }), (list) => {
        expect(decodeChunk(encodeChunk(list))).toEqual(list);
      }),
    );
  });

  test("extremes: the poles, the antimeridian, the first and the last moment, nothing at all", () => {
    const list: HistoryPoint[] = [
      { lat: 90, lng: 180, ts: TS_MIN_MS },
      { lat: -90, lng: -180, ts: 4e15 },
      { lat: 0, lng: 0, ts: TS_MIN_MS, accuracy: 0, speed: 0, heading: 0 },
      { lat: 1e-7, lng: -1e-7, ts: TS_MIN_MS, heading: 360, accuracy: Number.MAX_VALUE },
    ];
    expect(decodeChunk(encodeChunk(list))).toEqual(list);
    expect(decodeChunk(encodeChunk([]))).toEqual([]);
  });

  test("one by one is the same as all at once, and a copy stays what it was", () => {
    const list = Array.from({ length: 300 }, (_, i) => ({
      ...HOME,
      lat: 48 + i / 1000,
      ts: NOON + i * 30_000,
      speed: i,
    }));
    const writer = new ChunkWriter();
    let half = new Uint8Array();
    for (const [i, point] of list.entries()) {
      if (i === 150) half = writer.bytes();
      writer.append(point);
    }
    expect(writer.count).toBe(300);
    expect(writer.bytes()).toEqual(encodeChunk(list));
    expect(writer.bytes()).toHaveLength(writer.byteLength);
    expect(decodeChunk(half)).toEqual(list.slice(0, 150));
  });

  test("a walk at one point in 30 s with all fields takes at most 18 bytes a point", () => {
    const list = Array.from({ length: 20 }, (_, i) => ({
      lat: 48 + i * 0.0004,
      lng: 11 - i * 0.0003,
      ts: NOON + i * 30_017,
      accuracy: 4.7 + i,
      speed: 1.37,
      heading: 271.5,
    }));
    expect(encodeChunk(list).length / 20).toBeLessThanOrEqual(18);
  });

  test("another version, and bytes that end too early or never, are refused", () => {
    const bytes = encodeChunk([{ ...HOME, ts: NOON, accuracy: 5, speed: 1e300 }]);
    for (let length = 2; length < bytes.length; length += 1) {
      expect(() => decodeChunk(bytes.subarray(0, length)), String(length)).toThrow(ChunkError);
    }
    for (const version of [0, CHUNK_CODEC_VERSION + 1, 255]) {
      const other = bytes.slice();
      other[0] = version;
      expect(() => decodeChunk(other)).toThrow(`version ${version}`);
    }
    expect(() => decodeChunk(new Uint8Array())).toThrow(ChunkError);
    expect(() => decodeChunk(new Uint8Array([CHUNK_CODEC_VERSION, 0, ...Array<number>(20).fill(255)]))).toThrow(
      ChunkError,
    );
  });

  test("2,000 points are encoded in under 10 ms", () => {
    const list = Array.from({ length: 2_000 }, (_, i) => ({
      ...HOME,
      lng: i / 2_000,
      ts: NOON + i * 1_000,
      accuracy: i,
    }));
    const times = Array.from({ length: 20 }, () => {
      const startedMs = performance.now();
      encodeChunk(list);
      return performance.now() - startedMs;
    });
    expect(Math.min(...times)).toBeLessThan(10);
  });
});

describe("cutting", () => {
  test("chunks are in order, of at most 20 points and 4 hours, each time once, and nothing is lost", () => {
    const times = fc.array(
      fc.integer({ min: 0, max: 40 }).map((n) => NOON + n * 1_000_000),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(times, (list) => {
        const chunks = cut(list.map((ts, i) => ({ ...HOME, lng: i / 1_000, ts })));
        const out = chunks.flat();
        expect(out.map(({ ts }) => ts)).toEqual([...new Set(list)].toSorted((a, b) => a - b));
        for (const { ts, lng } of out) expect(lng).toBe(list.indexOf(ts) / 1_000);
        for (const chunk of chunks) {
          expect(chunk.length).toBeGreaterThan(0);
          expect(chunk.length).toBeLessThanOrEqual(CHUNK_POINTS_MAX);
          expect((chunk.at(-1)?.ts ?? 0) - (chunk[0]?.ts ?? 0)).toBeLessThanOrEqual(CHUNK_SPAN_MAX_MS);
        }
      }),
    );
  });

  test("the limits, on both sides", () => {
    const sizes = (times: number[]) => cut(times.map((ts) => ({ ...HOME, ts }))).map(({ length }) => length);
    const seconds = (count: number) => Array.from({ length: count }, (_, i) => NOON + i * 1_000);
    expect([19, 20, 21].map((count) => sizes(seconds(count)))).toEqual([[19], [20], [20, 1]]);
    expect(sizes([NOON, NOON + CHUNK_SPAN_MAX_MS])).toEqual([2]);
    expect(sizes([NOON, NOON + CHUNK_SPAN_MAX_MS + 1])).toEqual([1, 1]);
    expect(sizes([])).toEqual([]);
  });
});

describe("queue messages", () => {
  const list = [{ ...HOME, ts: NOON }];

  test("go out and come back as JSON", () => {
    const store: unknown = JSON.parse(JSON.stringify(storeMessage("ann:1@x", NOON + 5, encodeChunk(list))));
    expect(readMessage(store)).toEqual({ kind: "store", user: "ann:1@x", storedAt: NOON + 5, points: list });
    const range = { user: "bob", from: 1, to: 2, at: 3 };
    expect(readMessage(JSON.parse(JSON.stringify(eraseMessage(range))))).toEqual({ kind: "erase", ...range });
  });

  test("what is none is refused", () => {
    const good = storeMessage("ann", NOON, encodeChunk(list));
    for (const change of [
      { v: 2 },
      { kind: "move" },
      { user: "a/b" },
      { storedAt: "now" },
      { chunk: "%%%" },
      { chunk: 5 },
    ]) {
      expect(() => readMessage({ ...good, ...change }), JSON.stringify(change)).toThrow("no history message");
    }
    for (const body of [null, undefined, "text", 5, [], {}])
      expect(() => readMessage(body)).toThrow("no history message");
    expect(() => readMessage({ ...good, chunk: btoa("\u00ff\u0001") })).toThrow(ChunkError);
  });

  test("a user has one queue, and users are spread evenly over all of them", () => {
    const counts = Array.from({ length: QUEUES_MAX }, () => 0);
    for (let i = 0; i < 64_000; i += 1) {
      const index = queueIndex(`user-${i}`, QUEUES_MAX);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1_150);
    expect(queueIndex("ann", 1)).toBe(0);
    expect(queueIndex("ann", 8)).toBe(queueIndex("ann", 8));
  });
});

describe("a frame that is refused", () => {
  test("[SAVE2] counts one point for `location`, as many as there are for `locations`, none for anything else", () => {
    const countOf = (text: string) => inspectRefused(text).points;
    expect(countOf('{"type":"location","lat":"no"}')).toBe(1);
    expect(countOf('{"type":"locations","points":[1,{},null]}')).toBe(3);
    expect(countOf(JSON.stringify({ type: "locations", points: Array<number>(150).fill(0) }))).toBe(150);
    for (const other of [
      '{"type":"locations","points":{}}',
      '{"type":"locations"}',
      '{"type":"token"}',
      "[]",
      "1",
      "null",
      "no",
      "",
    ]) {
      expect(countOf(other), other).toBe(0);
    }
  });

  test("[FRAME7] names its `ref` if it has a good one", () => {
    expect(inspectRefused('{"type":"location","ref":7}')).toEqual({ points: 1, ref: 7 });
    for (const ref of ['"7"', "1.5", "null", "9007199254740993"]) {
      expect(inspectRefused(`{"type":"location","ref":${ref}}`), ref).toEqual({ points: 1 });
    }
  });
});
