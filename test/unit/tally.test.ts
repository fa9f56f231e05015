/** What an object counts, and how that survives its sleep. */
import { describe, expect, test } from "vitest";

import { newMeter } from "../../src/observe/meter.ts";
import {
  BOUNDS_MS,
  byKey,
  countsBytes,
  latencyKey,
  newCounts,
  readCounts,
  Tally,
  TALLY_KEYS,
  writeCounts,
} from "../../src/observe/tally.ts";

describe("counts in an attachment", () => {
  test("every counter comes back, and zeros take no room", () => {
    const counts = newCounts();
    expect(countsBytes(counts)).toBe(0);
    for (const at of TALLY_KEYS.keys()) if (at % 3 === 0) counts[at] = at + 1;
    const view = new DataView(new ArrayBuffer(1_000));
    const end = writeCounts(view, 7, counts);
    expect(end - 7).toBe(countsBytes(counts));
    expect(readCounts(view, 7)).toEqual({ counts, end });
  });

  test("a place names one counter, in one byte", () => {
    expect(new Set(TALLY_KEYS).size).toBe(TALLY_KEYS.length);
    expect(TALLY_KEYS.length).toBeLessThanOrEqual(256);
  });

  test("a counter that this version does not know is skipped", () => {
    const view = new DataView(new ArrayBuffer(16));
    view.setUint8(0, 2);
    view.setUint8(1, 255);
    view.setUint32(2, 9, true);
    view.setUint8(6, 0);
    view.setUint32(7, 4, true);
    const { counts, end } = readCounts(view, 0);
    expect([byKey(counts), end]).toEqual([{ [TALLY_KEYS[0] ?? ""]: 4 }, 11]);
  });
});

describe("a tally", () => {
  test("takes over what the meter has counted, once", () => {
    const meter = newMeter();
    const tally = new Tally(meter);
    meter.callsOut = 5;
    expect(tally.take()).toEqual({ calls_out: 5 });
    meter.callsOut = 7;
    expect(byKey(tally.counts)).toEqual({ calls_out: 2 });
    expect(tally.take()).toEqual({ calls_out: 2 });
    expect(tally.take()).toEqual({});
  });

  test.each([
    [0, 1],
    [1, 1],
    [1.5, 2],
    [2_000, 2_000],
    [2_001, "inf"],
  ] as const)("a meeting of %s ms belongs to the bound %s", (ms, bound) => {
    const tally = new Tally(newMeter());
    tally.took("meeting", ms);
    expect(tally.take()).toMatchObject({ [latencyKey("meeting", bound)]: 1 });
  });

  test("bounds rise, and a clock that was set back counts as no time at all", () => {
    for (const bounds of Object.values(BOUNDS_MS)) expect(bounds).toEqual([...bounds].toSorted((a, b) => a - b));
    const tally = new Tally(newMeter());
    tally.took("delivery", -5_000);
    expect(tally.take()).toEqual({ [latencyKey("delivery", 10)]: 1 });
  });
});
