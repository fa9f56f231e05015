import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { EraseTask, StoreTask } from "../../src/history/message.ts";
import { encodeParquet } from "../../src/history/sinks/parquet.ts";
import { tombstoneOf } from "../../src/history/sinks/tombstone.ts";
import { distinctPoints } from "../services/duckdb.ts";
import { taxis } from "./history-taxis.ts";

let folder: string;

beforeEach(() => {
  // A quote in the path, as in many a home folder's name.
  folder = mkdtempSync(join(tmpdir(), "nearby's-history-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
}

async function erase(task: Omit<EraseTask, "kind" | "at">): Promise<void> {
  const { name, json } = await tombstoneOf({ kind: "erase", at: Date.UTC(2026, 10, 21), ...task });
  put(name, json);
}

/** The points of some chunks as the query should give them. */
function expected(chunks: readonly StoreTask[]) {
  return chunks
    .flatMap(({ user, points }) =>
      points.map(({ lat, lng, ts, accuracy, outlier }) => ({
        user,
        ts,
        lat,
        lng,
        accuracy: accuracy === undefined ? null : Math.fround(accuracy),
        outlier: outlier === true,
      })),
    )
    .toSorted((a, b) => (a.user === b.user ? a.ts - b.ts : a.user < b.user ? -1 : 1));
}

test("DuckDB finds every point once, however the batches were cut", async () => {
  const chunks = taxis(30, 20);
  put("history/dt=2026-11-20/hr=08/a.parquet", encodeParquet(chunks.slice(0, 20)));
  put("history/dt=2026-11-20/hr=09/b.parquet", encodeParquet(chunks.slice(10)));
  put("history/dt=2026-11-21/hr=00/c.parquet", encodeParquet(chunks.slice(5, 6)));
  expect(await distinctPoints(folder)).toEqual(expected(chunks));
});

test("DuckDB leaves out what is erased: that user, from the first ms to the one before the last", async () => {
  const [one, two, ...others] = taxis(5, 20);
  const from = one?.points[3]?.ts ?? 0;
  const to = one?.points[17]?.ts ?? 0;
  if (one === undefined || two === undefined) throw new Error("five taxis were asked for");
  put("history/dt=2026-11-20/hr=08/a.parquet", encodeParquet([one, two, ...others]));
  put("history/dt=2026-11-20/hr=09/b.parquet", encodeParquet([one]));
  await erase({ user: one.user, from, to });
  await erase({ user: two.user, from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER });
  await erase({ user: "nobody", from: 0, to: Number.MAX_SAFE_INTEGER });
  const rest = { ...one, points: one.points.filter(({ ts }) => ts < from || ts >= to) };
  expect(rest.points).toHaveLength(6);
  expect(await distinctPoints(folder)).toEqual(expected([rest, ...others]));
});

test("DuckDB reads unknown accuracies, outliers, and times of all centuries", async () => {
  const points = [
    { lat: 0, lng: -180, ts: 946_684_800_000 },
    { lat: -90, lng: 180, ts: 1_795_000_000_123, outlier: true as const, accuracy: 0.001 },
    { lat: 90, lng: 1e-7, ts: 8.64e15, accuracy: 1e9 },
  ];
  const chunk: StoreTask = { kind: "store", user: "a:b@c.d-e_F", storedAt: 0, points };
  put("history/dt=2026-11-20/hr=08/a.parquet", encodeParquet([chunk]));
  expect(await distinctPoints(folder)).toEqual(expected([chunk]));
});
