import { TS_MIN_MS } from "../protocol/limits.ts";
import { type HistoryPage, type HistoryQuery, RECENT_MS } from "./page.ts";
import type { HistoryPoint } from "./point.ts";

/**
 * Of the oldest days that the user's object keeps the long store is asked, too: the clocks of the two differ a little,
 * and the object may prune between the two questions. A point that both have counts once.
 */
export const OVERLAP_MS = 60 * 60_000;

/** A long store that is asked reaches back to the first point that anybody could have. */
const ALL_SINCE = 0;

export interface ErasedRange {
  /** ms, inclusive. */
  readonly from: number;
  /** ms, exclusive. */
  readonly to: number;
}

/** What the user's object answers. */
export interface OwnPage extends HistoryPage {
  /** Ranges that the user has erased. The long store hears of them through a queue and may still have their points. */
  readonly erased?: readonly ErasedRange[];
}

export interface HistoryReaders {
  /** The user's object: complete for the past 90 days, and perhaps the only place of older points that came in late. */
  readonly own: (query: HistoryQuery) => Promise<OwnPage>;
  /** The long store, oldest first; absent when there is none. */
  readonly older?: (query: HistoryQuery) => Promise<readonly HistoryPoint[]>;
}

/** Refused: the long store failed. What follows `readableFrom` (ms) can be read without it. */
export type HistoryRead =
  | HistoryPage
  | { readonly refused: "older_unavailable"; readonly readableFrom: number; readonly error: unknown };

/**
 * One page from all places where the user's history is. A page may have fewer points than `limit`, or none, and still a
 * `next`: only a page without it is the last.
 */
export async function readHistory(
  { own, older }: HistoryReaders,
  query: HistoryQuery,
  nowMs: number,
): Promise<HistoryRead> {
  if (older === undefined) return plain(await own(query));
  const boundary = nowMs - RECENT_MS + OVERLAP_MS;
  const asked = { ...query, from: Math.max(query.from, TS_MIN_MS), to: Math.min(query.to, boundary) };
  if (asked.from >= asked.to) return { ...plain(await own(query)), since: ALL_SINCE };
  let old: readonly HistoryPoint[];
  try {
    old = await older(asked);
  } catch (error) {
    // An answer without these points would look like a history that has none.
    return { refused: "older_unavailable", readableFrom: boundary + OVERLAP_MS, error };
  }
  // A full answer says nothing about what comes after its last point.
  const last = old.length < query.limit ? undefined : old.at(-1);
  const to = last === undefined ? query.to : last.ts + 1;
  return merge(old, await own({ ...query, to }), { query, to });
}

/** @param to how far the old points are complete, and own ones were asked for; ms, exclusive */
function merge(
  old: readonly HistoryPoint[],
  page: OwnPage,
  { query, to }: { query: HistoryQuery; to: number },
): HistoryPage {
  const erased = page.erased ?? [];
  const complete = page.next ?? to;
  const byTs = new Map<number, HistoryPoint>();
  for (const point of old) {
    if (point.ts < complete && !erased.some((range) => isWithin(point.ts, range))) byTs.set(point.ts, point);
  }
  for (const point of page.points) byTs.set(point.ts, point);
  const points = [...byTs.values()].toSorted((a, b) => a.ts - b.ts);
  const next = points[query.limit]?.ts ?? (complete < query.to ? complete : undefined);
  return { points: points.slice(0, query.limit), since: ALL_SINCE, ...(next === undefined ? {} : { next }) };
}

function isWithin(ts: number, { from, to }: ErasedRange): boolean {
  return ts >= from && ts < to;
}

function plain({ points, since, next }: OwnPage): HistoryPage {
  return { points, since, ...(next === undefined ? {} : { next }) };
}
