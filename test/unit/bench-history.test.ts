/** The bench of the history: what it takes for lost, and what it lets pass. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { measureEncoding } from "../../scripts/bench/history/encode.ts";
import {
  failuresOf,
  formatHistoryReport,
  type HistoryFigures,
  type HistoryReport,
  makeHistoryReport,
} from "../../scripts/bench/history/report.ts";
import { compare, readFolder } from "../../scripts/bench/history/stored.ts";
import { walk } from "../../scripts/bench/history/walk.ts";
import { encodeParquet } from "../../src/history/sinks/parquet.ts";
import { decodeUp } from "../../src/protocol/up.ts";

const NOW_MS = 1_795_000_000_000;

const times = (byUser: Record<string, number[]>) =>
  new Map(Object.entries(byUser).map(([user, list]) => [user, new Set(list)]));

describe("what was sent beside what was stored", () => {
  const sent = times({ ann: [1, 2, 3], bob: [1] });
  const cases: [what: string, stored: Record<string, number[]>, expected: object][] = [
    ["all of it", { ann: [1, 2, 3], bob: [1] }, { stored: 4, lost: 0, invented: 0 }],
    ["one less", { ann: [1, 3], bob: [1] }, { stored: 3, lost: 1, invented: 0 }],
    ["a user less", { ann: [1, 2, 3] }, { stored: 3, lost: 1, invented: 0 }],
    ["one that nobody sent", { ann: [1, 2, 3, 4], bob: [1] }, { stored: 5, lost: 0, invented: 1 }],
    ["as many, but another user's", { ann: [1, 2, 3], eve: [1] }, { stored: 4, lost: 1, invented: 1 }],
    ["nothing", {}, { stored: 0, lost: 4, invented: 0 }],
  ];
  for (const [what, stored, expected] of cases) {
    test(what, () => {
      expect(compare(sent, times(stored))).toEqual(expected);
    });
  }
});

describe("a folder of Parquet files", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "nearby-bench-test-"));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  test("each point once, all rows and bytes counted, other files not", async () => {
    const task = (user: string, ...all: number[]) => ({
      kind: "store" as const,
      user,
      storedAt: NOW_MS,
      points: all.map((ts) => ({ lat: 1, lng: 2, ts })),
    });
    const hour = join(dir, "history/dt=2026-11-20/hr=12");
    mkdirSync(hour, { recursive: true });
    const files = [
      encodeParquet([task("ann", NOW_MS, NOW_MS + 1), task("bob", NOW_MS)]),
      encodeParquet([task("ann", NOW_MS + 1, NOW_MS + 2)]),
    ];
    for (const [index, bytes] of files.entries()) writeFileSync(join(hour, `${index}.parquet`), bytes);
    writeFileSync(join(dir, "history/note.txt"), "not a table");
    expect(await readFolder(dir)).toEqual({
      objects: 2,
      rows: 5,
      bytes: files.reduce((sum, { length }) => sum + length, 0),
      points: times({ ann: [NOW_MS, NOW_MS + 1, NOW_MS + 2], bob: [NOW_MS] }),
    });
  });
});

describe("the verdict", () => {
  const GOOD = {
    points: { sent: 100, acknowledged: 100, stored: 100, lost: 0, invented: 0, repeated: 7 },
    per20Points: { rowsWritten: 3, rowsRead: 50, queueMessages: 1 },
    parquet: { objects: 1, bytes: 2_500, bytesPerPoint: 25 },
    encoding: { points: 2_000, chunksMs: 4, parquetMs: 5.99 },
  };

  test("nothing to say at the limits themselves", () => {
    expect(failuresOf(GOOD)).toEqual([]);
  });

  const bad: [change: Partial<typeof GOOD>, says: string][] = [
    [{ points: { ...GOOD.points, acknowledged: 99 } }, "99 of 100 points acknowledged"],
    [{ points: { ...GOOD.points, stored: 99, lost: 1 } }, "1 points lost"],
    [{ points: { ...GOOD.points, invented: 1 } }, "1 points stored that nobody sent"],
    [{ points: { ...GOOD.points, sent: 0, acknowledged: 0, stored: 0 } }, "0 of 0 points acknowledged"],
    [{ per20Points: { ...GOOD.per20Points, rowsWritten: 3.001 } }, "3.001 rows written per 20 points"],
    [{ per20Points: { ...GOOD.per20Points, queueMessages: 1.001 } }, "1.001 queue messages per 20 points"],
    [{ parquet: { ...GOOD.parquet, bytesPerPoint: 25.01 } }, "25.01 bytes per point"],
    [{ parquet: { ...GOOD.parquet, bytesPerPoint: Number.NaN } }, "NaN bytes per point"],
    [{ encoding: { ...GOOD.encoding, chunksMs: 4.01 } }, "10 ms to encode 2000 points"],
  ];
  for (const [change, says] of bad) {
    test(says, () => {
      expect(failuresOf({ ...GOOD, ...change })).toEqual([says]);
    });
  }
});

describe("the report", () => {
  const figures: HistoryFigures = {
    setup: { users: 2, seconds: 40 },
    sent: times({ ann: Array.from({ length: 40 }, (_, ts) => ts), bob: Array.from({ length: 40 }, (_, ts) => ts) }),
    acknowledged: 80,
    counted: 40,
    meters: { rowsWritten: 5, rowsRead: 9, queueMessages: 2 },
    lateMs: 12.4,
    serverMiB: undefined,
    found: { stored: 80, lost: 0, invented: 0 },
    parquet: { objects: 1, bytes: 1_600, rows: 81 },
    encoding: { points: 2_000, chunksMs: 0.5, parquetMs: 3 },
  };

  test("rates are of the points that were acknowledged when the meters were read", () => {
    const report: HistoryReport = makeHistoryReport(figures);
    expect(report).toMatchObject({
      points: { sent: 80, acknowledged: 80, stored: 80, repeated: 1 },
      per20Points: { rowsWritten: 2.5, rowsRead: 4.5, queueMessages: 1 },
      parquet: { bytesPerPoint: 20 },
      peakServerMiB: null,
      failures: [],
    });
    expect(formatHistoryReport(report)).toContain("what went in came out, within all limits");
  });

  test("a failure is said in the last line", () => {
    const text = formatHistoryReport(makeHistoryReport({ ...figures, acknowledged: 79 }));
    expect(text.split("\n").at(-1)).toBe("FAILED: 79 of 80 points acknowledged");
  });
});

describe("somebody who walks", () => {
  test("every position is a good message, and a step of a walker away from the one before", () => {
    for (const index of [0, 49, 50, 999, 2_999]) {
      for (let step = 0; step < 100; step += 1) {
        const [here, next] = [walk(index, step), walk(index, step + 1)];
        const frame = JSON.stringify({ type: "location", ...here, ts: NOW_MS });
        expect(decodeUp(frame, NOW_MS), frame).toMatchObject({ ok: true });
        expect(here).not.toEqual(next);
        // 0.0001 degrees are 11 m.
        expect(Math.hypot(here.lat - next.lat, here.lng - next.lng)).toBeLessThan(0.0001);
      }
    }
  });

  test("the encodings are timed for a full batch", () => {
    const { points, chunksMs, parquetMs } = measureEncoding();
    expect(points).toBe(2_000);
    expect(chunksMs).toBeGreaterThan(0);
    expect(parquetMs).toBeGreaterThan(0);
  });
});
