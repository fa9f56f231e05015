import { describe, expect, test } from "vitest";

import type { HistoryPoint } from "../../src/history/point.ts";
import { monthOf, monthSlices, storableRange } from "../../src/history/sinks/cassandra-months.ts";
import {
  BATCH_POINTS_MAX,
  eraseStatements,
  PointRangeError,
  readStatement,
  storeBatches,
  toPoint,
} from "../../src/history/sinks/cassandra-statements.ts";
import { TS_AHEAD_MAX_MS, TS_MIN_MS } from "../../src/protocol/limits.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const EVER = { from: 0, to: Number.MAX_SAFE_INTEGER };

function point(ts: number): HistoryPoint {
  return { lat: 1, lng: 2, ts };
}

function store(points: readonly HistoryPoint[], storedAt = NOW) {
  return storeBatches({ kind: "store", user: "ann", storedAt, points });
}

describe("months", () => {
  test.each([
    [Date.UTC(2000, 0, 1), 200_001],
    [Date.UTC(2026, 10, 30, 23, 59, 59, 999), 202_611],
    [Date.UTC(2026, 11, 1), 202_612],
    [Date.UTC(2026, 11, 31, 23, 59, 59, 999), 202_612],
    [Date.UTC(2027, 0, 1), 202_701],
  ])("%d is in %d, by UTC", (ts, month) => {
    expect(monthOf(ts)).toBe(month);
  });

  test("a range is cut at the months, oldest first", () => {
    const range = { from: Date.UTC(2026, 10, 20), to: Date.UTC(2027, 1, 1) };
    expect(monthSlices(range, EVER)).toEqual([
      { month: 202_611, from: range.from, to: Date.UTC(2026, 11, 1), whole: false },
      { month: 202_612, from: Date.UTC(2026, 11, 1), to: Date.UTC(2027, 0, 1), whole: true },
      { month: 202_701, from: Date.UTC(2027, 0, 1), to: Date.UTC(2027, 1, 1), whole: true },
    ]);
  });

  test.each([
    ["whole", Date.UTC(2028, 1, 1), Date.UTC(2028, 2, 1), true],
    ["without its first moment", Date.UTC(2028, 1, 1) + 1, Date.UTC(2028, 2, 1), false],
    ["without its last", Date.UTC(2028, 1, 1), Date.UTC(2028, 2, 1) - 1, false],
    ["one moment", Date.UTC(2028, 1, 29), Date.UTC(2028, 1, 29) + 1, false],
  ])("a month, %s", (_, from, to, whole) => {
    expect(monthSlices({ from, to }, EVER)).toEqual([{ month: 202_802, from, to, whole }]);
  });

  test("an empty range, a reversed one and one outside the bounds have no months", () => {
    expect(monthSlices({ from: NOW, to: NOW }, EVER)).toEqual([]);
    expect(monthSlices({ from: NOW, to: NOW - 1 }, EVER)).toEqual([]);
    expect(monthSlices({ from: 0, to: TS_MIN_MS }, storableRange(NOW))).toEqual([]);
    expect(monthSlices({ from: storableRange(NOW).to, to: Number.MAX_SAFE_INTEGER }, storableRange(NOW))).toEqual([]);
  });

  test("everything reaches from 2000 to two days ahead, whatever was asked for", () => {
    const range = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };
    const slices = monthSlices(range, storableRange(NOW));
    expect(slices).toHaveLength(26 * 12 + 11);
    expect(slices[0]).toMatchObject({ month: 200_001, whole: true });
    expect(slices.at(-1)).toMatchObject({ month: 202_611, to: NOW + 2 * TS_AHEAD_MAX_MS, whole: false });
  });
});

describe("storing", () => {
  test("write times are those of the user's object, in microseconds", () => {
    const [batch] = store([{ lat: 1.5, lng: -2.5, ts: NOW - 5, accuracy: 3, speed: 0, heading: 4, outlier: true }]);
    const [statement] = batch ?? [];
    expect(statement?.query).toMatch(/^INSERT INTO history .* USING TIMESTAMP \?$/);
    expect(statement?.params).toEqual(["ann", 202_611, NOW - 5, 1.5, -2.5, 3, 0, 4, true, NOW * 1000]);
  });

  test("what a phone did not say is left unset, not written as null", () => {
    const [batch] = store([point(NOW)]);
    expect(batch?.[0]?.params.slice(5, 9)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test.each([
    [0, []],
    [1, [1]],
    [BATCH_POINTS_MAX, [20]],
    [BATCH_POINTS_MAX + 1, [20, 1]],
  ])("%d points of a month are batches of at most 20", (count, sizes) => {
    const points = Array.from({ length: count }, (_, i) => point(NOW + i));
    expect(store(points).map((batch) => batch.length)).toEqual(sizes);
  });

  test("a batch never has rows of two partitions", () => {
    const end = Date.UTC(2026, 10, 1);
    const batches = store([point(end - 1), point(end), point(end - 2), point(end + 1)]);
    expect(batches.map((batch) => batch.map(({ params }) => params.slice(1, 3)))).toEqual([
      [
        [202_610, end - 1],
        [202_610, end - 2],
      ],
      [
        [202_611, end],
        [202_611, end + 1],
      ],
    ]);
  });

  test.each([
    ["before 2000", TS_MIN_MS - 1, TS_MIN_MS],
    ["two days ahead", NOW + 2 * TS_AHEAD_MAX_MS, NOW + 2 * TS_AHEAD_MAX_MS - 1],
  ])("a point %s is refused, because no erasure would find it", (_, bad, good) => {
    expect(() => store([point(NOW), point(bad)])).toThrow(PointRangeError);
    expect(store([point(good)])).toHaveLength(1);
  });
});

describe("erasing", () => {
  function erase(from: number, to: number) {
    return eraseStatements({ kind: "erase", user: "ann", from, to, at: NOW });
  }

  test("whole months are deleted as partitions, parts of months as ranges", () => {
    const statements = erase(Date.UTC(2026, 7, 31), Date.UTC(2026, 9, 1));
    expect(statements.map(({ params }) => params)).toEqual([
      [NOW * 1000, "ann", 202_608, Date.UTC(2026, 7, 31), Date.UTC(2026, 8, 1)],
      [NOW * 1000, "ann", 202_609],
    ]);
    expect(statements[0]?.query).toContain("timestamp >= ? AND timestamp < ?");
    expect(statements[1]?.query).not.toContain("timestamp >=");
  });

  test("everything is one statement a month since 2000", () => {
    expect(erase(0, 8_640_000_000_000_000)).toHaveLength(323);
    expect(erase(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)).toHaveLength(323);
  });

  test("reaches every point that was storable before", () => {
    const latest = storableRange(NOW - 1).to - 1;
    expect(store([point(latest)], NOW - 1)).toHaveLength(1);
    const last = erase(0, Number.MAX_SAFE_INTEGER).at(-1)?.params;
    expect(last?.slice(2)).toEqual([monthOf(latest), Date.UTC(2026, 10, 1), storableRange(NOW).to]);
  });

  test("an empty range is no statement", () => {
    expect(erase(NOW, NOW)).toEqual([]);
  });
});

describe("reading", () => {
  test("one month with a limit", () => {
    const [slice] = monthSlices({ from: NOW, to: NOW + 1 }, EVER);
    if (slice === undefined) throw new Error("the range has a month");
    expect(readStatement("ann", slice, 7).params).toEqual(["ann", 202_611, NOW, NOW + 1, 7]);
  });

  const ROW = {
    timestamp: new Date(NOW),
    latitude: 1.5,
    longitude: 2.5,
    accuracy: null,
    speed: null,
    heading: null,
    outlier: null,
  };

  test("a row becomes a point without the fields that are null", () => {
    expect(toPoint(ROW)).toEqual({ lat: 1.5, lng: 2.5, ts: NOW });
    expect(toPoint({ ...ROW, accuracy: 1, speed: 0, heading: 2, outlier: true })).toEqual({
      lat: 1.5,
      lng: 2.5,
      ts: NOW,
      accuracy: 1,
      speed: 0,
      heading: 2,
      outlier: true,
    });
  });

  test("a row without a place is an error, not a place", () => {
    expect(() => toPoint({ ...ROW, latitude: null })).toThrow("Invalid type");
    expect(() => toPoint(undefined)).toThrow("Invalid type");
  });
});
