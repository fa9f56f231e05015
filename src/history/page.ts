import type { HistoryPoint } from "./point.ts";

/** How long a user's object keeps chunks: the history that a map of the past weeks asks for. Older is in the sinks. */
export const RECENT_MS = 90 * 24 * 60 * 60_000;

/** Points in one answer: about 100 KB as JSON. */
export const HISTORY_PAGE_MAX = 1_000;

export interface HistoryQuery {
  /** ms, inclusive. */
  readonly from: number;
  /** ms, exclusive. */
  readonly to: number;
  /** 1 to `HISTORY_PAGE_MAX`. */
  readonly limit: number;
}

export interface HistoryPage {
  /** Oldest first, each `ts` once. */
  readonly points: readonly HistoryPoint[];
  /** How far back the answer can reach, ms: older points are elsewhere, or nowhere. */
  readonly since: number;
  /** What the user has erased within the range asked for: a sink may still have it for a while. */
  readonly erased?: readonly { readonly from: number; readonly to: number }[];
  /** `from` of the next page, ms; absent after the last point. */
  readonly next?: number;
}
