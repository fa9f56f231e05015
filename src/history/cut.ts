import type { HistoryPoint } from "./point.ts";

/** Points of one chunk: at one every 30 s ten minutes, so one row and one queue message per user and ten minutes. */
export const CHUNK_POINTS_MAX = 20;

/** A point waits no longer than this for its chunk to fill: until then only the phone and a socket's attachment have it. */
export const CHUNK_AGE_MAX_MS = 10 * 60_000;

/**
 * From the first to the last point of a chunk. Chunks that may hold a moment are found by their first point alone, so
 * the longest one decides how many rows such a search reads.
 */
export const CHUNK_SPAN_MAX_MS = 4 * 60 * 60_000;

/** Points in any order as chunks: oldest first, each `ts` once (the point that comes first in `points` stays). */
export function cut(points: Iterable<HistoryPoint>): HistoryPoint[][] {
  const byTs = new Map<number, HistoryPoint>();
  for (const point of points) if (!byTs.has(point.ts)) byTs.set(point.ts, point);
  const chunks: HistoryPoint[][] = [];
  let chunk: HistoryPoint[] = [];
  let startTs = 0;
  for (const point of [...byTs.values()].toSorted((a, b) => a.ts - b.ts)) {
    if (chunk.length === 0 || chunk.length >= CHUNK_POINTS_MAX || point.ts - startTs > CHUNK_SPAN_MAX_MS) {
      chunk = [];
      chunks.push(chunk);
      startTs = point.ts;
    }
    chunk.push(point);
  }
  return chunks;
}
