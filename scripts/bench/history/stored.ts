/** What a copy of the history bucket holds, beside what was sent. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import * as v from "valibot";
import type { SentTimes } from "./senders.ts";

const FOLDER = "history";

const Rows = v.array(v.object({ user_id: v.string(), timestamp: v.date() }));

export interface StoredFolder {
  readonly objects: number;
  readonly bytes: number;
  /** Points, those that were written twice counted twice. */
  readonly rows: number;
  /** Times by user. */
  readonly points: ReadonlyMap<string, SentTimes>;
}

/** @param dir with the bucket's objects under their names */
export async function readFolder(dir: string): Promise<StoredFolder> {
  const points = new Map<string, Set<number>>();
  let [objects, bytes, rows] = [0, 0, 0];
  for (const name of readdirSync(join(dir, FOLDER), { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".parquet")) continue;
    const file = await asyncBufferFromFile(join(dir, FOLDER, name));
    const found = v.parse(Rows, await parquetReadObjects({ file, columns: ["user_id", "timestamp"] }));
    objects += 1;
    bytes += file.byteLength;
    rows += found.length;
    for (const { user_id: user, timestamp } of found) {
      const times = points.get(user) ?? new Set<number>();
      points.set(user, times.add(timestamp.getTime()));
    }
  }
  return { objects, bytes, rows, points };
}

export interface Comparison {
  /** Distinct (user, time) that were stored. */
  readonly stored: number;
  /** Of those that were sent. */
  readonly lost: number;
  /** Stored, and not sent. */
  readonly invented: number;
}

export function compare(sent: ReadonlyMap<string, SentTimes>, stored: ReadonlyMap<string, SentTimes>): Comparison {
  return { stored: sizeOf(stored), lost: missing(sent, stored), invented: missing(stored, sent) };
}

function missing(from: ReadonlyMap<string, SentTimes>, where: ReadonlyMap<string, SentTimes>): number {
  let count = 0;
  for (const [user, times] of from) {
    const known = where.get(user);
    for (const ts of times) if (known?.has(ts) !== true) count += 1;
  }
  return count;
}

function sizeOf(points: ReadonlyMap<string, SentTimes>): number {
  let count = 0;
  for (const { size } of points.values()) count += size;
  return count;
}
