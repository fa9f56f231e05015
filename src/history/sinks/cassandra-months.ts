import { TS_AHEAD_MAX_MS, TS_MIN_MS } from "../../protocol/limits.ts";

/** Part of a month, `from <= ts < to` in ms; `whole` when nothing of the month is left out. */
export interface MonthSlice {
  /** UTC, as 202611: the second part of the partition key. */
  readonly month: number;
  readonly from: number;
  readonly to: number;
  readonly whole: boolean;
}

/**
 * Points that can be found again: an erasure or a read of "everything" goes through the months one by one, so it needs
 * a first and a last one. No user's object stores other points; twice its margin, for clocks that disagree.
 */
export function storableRange(nowMs: number): { readonly from: number; readonly to: number } {
  return { from: TS_MIN_MS, to: nowMs + 2 * TS_AHEAD_MAX_MS };
}

/** @param ts ms, within what a `Date` can hold */
export function monthOf(ts: number): number {
  const date = new Date(ts);
  return date.getUTCFullYear() * 100 + date.getUTCMonth() + 1;
}

/** The range by months, oldest first, as far as it lies within `bounds`; empty when nothing of it does. */
export function monthSlices(
  range: { readonly from: number; readonly to: number },
  bounds: { readonly from: number; readonly to: number },
): MonthSlice[] {
  const end = Math.min(range.to, bounds.to);
  const slices: MonthSlice[] = [];
  let from = Math.max(range.from, bounds.from);
  while (from < end) {
    const date = new Date(from);
    const first = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
    const next = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    const to = Math.min(next, end);
    slices.push({ month: monthOf(from), from, to, whole: from === first && to === next });
    from = to;
  }
  return slices;
}
