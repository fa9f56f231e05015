/** The history bucket in tests: what is in it, and one that fails as told. */
import { env } from "cloudflare:workers";
import { parquetReadObjects } from "hyparquet";
import * as v from "valibot";

import type { HistoryPoint } from "../../src/history/point.ts";

const RowSchema = v.object({
  user_id: v.string(),
  latitude: v.number(),
  longitude: v.number(),
  timestamp: v.date(),
  accuracy: v.nullable(v.number()),
  outlier: v.boolean(),
});

const TombstoneSchema = v.object({ user_id: v.string(), from: v.number(), to: v.number(), erased_at: v.number() });

/** Names of the objects under a prefix, sorted. */
export async function namesIn(prefix: string): Promise<string[]> {
  const { objects, truncated } = await env.HISTORY.list({ prefix });
  if (truncated) throw new Error("more objects than one listing gives");
  return objects.map(({ key }) => key);
}

export async function emptyBucket(): Promise<void> {
  await env.HISTORY.delete(await namesIn(""));
}

async function bodyOf(name: string): Promise<R2ObjectBody> {
  const object = await env.HISTORY.get(name);
  if (object === null) throw new Error(`there is no ${name}`);
  return object;
}

export async function jsonIn(name: string): Promise<unknown> {
  return (await bodyOf(name)).json();
}

/** All rows of all Parquet objects, repeats included. */
export async function rowsInBucket(): Promise<{ user: string; point: HistoryPoint }[]> {
  const rows: { user: string; point: HistoryPoint }[] = [];
  for (const name of await namesIn("history/")) {
    const file = await (await bodyOf(name)).arrayBuffer();
    for (const row of v.parse(v.array(RowSchema), await parquetReadObjects({ file }))) {
      const point: HistoryPoint = { lat: row.latitude, lng: row.longitude, ts: row.timestamp.getTime() };
      // A FLOAT has 7 digits; points have steps of 0.001 m.
      if (row.accuracy !== null) point.accuracy = Math.round(row.accuracy * 1_000) / 1_000;
      if (row.outlier) point.outlier = true;
      rows.push({ user: row.user_id, point });
    }
  }
  return rows;
}

/** A user's points as a reader should see them: each `ts` once, without what tombstones cover, oldest first. */
export async function pointsOf(user: string): Promise<HistoryPoint[]> {
  const names = await namesIn("erased/");
  const erased = v.parse(v.array(TombstoneSchema), await Promise.all(names.map(jsonIn)));
  const points = new Map<number, HistoryPoint>();
  for (const row of await rowsInBucket()) {
    const { ts } = row.point;
    const gone = erased.some((stone) => stone.user_id === user && stone.from <= ts && ts < stone.to);
    if (row.user === user && !gone) points.set(ts, row.point);
  }
  return [...points.values()].toSorted((a, b) => a.ts - b.ts);
}

/** The bucket, except that `put` asks `fails` first. */
export function bucketThat(fails: (name: string) => boolean): Pick<R2Bucket, "put"> {
  const put = env.HISTORY.put.bind(env.HISTORY);
  return new Proxy(env.HISTORY, {
    get: (bucket, key) =>
      key === "put"
        ? (...args: Parameters<typeof put>) =>
            fails(args[0]) ? Promise.reject(new Error("put: We encountered an internal error (10001)")) : put(...args)
        : Reflect.get(bucket, key),
  });
}
