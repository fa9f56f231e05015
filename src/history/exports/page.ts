import type { HistoryPoint } from "../point.ts";

/** One page of history, ready to be written in any format. */
export interface ExportPage {
  /** Oldest first. */
  readonly points: readonly HistoryPoint[];
  /** How far back the answer can reach, ms. */
  readonly since: number;
  /** `cursor` of the next page; absent after the last one. */
  readonly next?: string;
}

/** A format: a page in, its text out in pieces, so that an answer starts before its end is written. */
export type WriteExport = (page: ExportPage) => Generator<string, void, undefined>;
