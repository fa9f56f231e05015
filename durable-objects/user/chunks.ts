import { ChunkError, decodeChunk, encodeChunk } from "../../src/history/chunk.ts";
import { CHUNK_SPAN_MAX_MS } from "../../src/history/cut.ts";
import { type HistoryPage, type HistoryQuery, RECENT_MS } from "../../src/history/page.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import { logError } from "../../src/observe/log.ts";
import type { Sql } from "./sql.ts";

/** Rows that one query reads: 2,000 points, so that a page of 1,000 takes one query, and a long history no more memory. */
const ROWS_PER_READ = 100;

/** A row that has waited for pruning a day longer costs nothing; an alarm for each chunk would. */
const PRUNE_SLACK_MS = 24 * 60 * 60_000;

interface Range {
  /** ms, inclusive. */
  readonly from: number;
  /** ms, exclusive. */
  readonly to: number;
}

type Row = { from_ts: number; to_ts: number; stored_at: number; queued: number; points: ArrayBuffer };

export type WaitingChunk = { readonly from: number; readonly storedAt: number; readonly chunk: Uint8Array };

/** The user's history of the past 90 days, and the outbox of the queue: one row per chunk, named by its first `ts`. */
export class Chunks {
  readonly #sql: Sql;
  readonly #user: string;

  constructor(sql: Sql, user: string) {
    this.#sql = sql;
    this.#user = user;
  }

  /** @param points oldest first, none of them stored yet (`without`) */
  insert(points: readonly HistoryPoint[], { storedAt, queued }: { storedAt: number; queued: boolean }): void {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return;
    this.#sql.all(
      "INSERT INTO chunk (from_ts, to_ts, stored_at, queued, points) VALUES (?, ?, ?, ?, ?)",
      ...[first.ts, last.ts, storedAt, queued ? 1 : 0, encodeChunk(points)],
    );
  }

  /**
   * Takes bytes in that only a newer version of this code can read, so that they wait for it: here, and in the queue.
   *
   * @param from ms, in place of the first point's time
   */
  adopt(chunk: Uint8Array, from: number): void {
    let name = from;
    while (this.#sql.all("SELECT 1 FROM chunk WHERE from_ts = ?", name).length > 0) name += 1;
    const insert = "INSERT INTO chunk (from_ts, to_ts, stored_at, queued, points) VALUES (?, ?, ?, 0, ?)";
    this.#sql.all(insert, name, name, from, chunk);
  }

  /** The points of a chunk to be that no stored chunk has. */
  without(points: readonly HistoryPoint[]): readonly HistoryPoint[] {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return points;
    const rows = this.#overlapping({ from: first.ts, to: last.ts + 1 });
    if (rows.length === 0) return points;
    const stored = new Set<number>();
    for (const row of rows) {
      // Of a row that cannot be read at least the first point is known.
      stored.add(row.from_ts);
      for (const { ts } of this.#decode(row)) stored.add(ts);
    }
    return points.filter(({ ts }) => !stored.has(ts));
  }

  /** Chunks that the queue has not taken. */
  waiting(limit: number): WaitingChunk[] {
    const query = "SELECT from_ts, stored_at, points FROM chunk WHERE queued = 0 ORDER BY from_ts LIMIT ?";
    const rows = this.#sql.all<Pick<Row, "from_ts" | "stored_at" | "points">>(query, limit);
    return rows.map((row) => ({ from: row.from_ts, storedAt: row.stored_at, chunk: new Uint8Array(row.points) }));
  }

  countWaiting(): number {
    return this.#sql.one<{ n: number }>("SELECT count(*) AS n FROM chunk WHERE queued = 0").n;
  }

  queued(chunks: readonly WaitingChunk[]): void {
    for (const { from, storedAt } of chunks) {
      this.#sql.all("UPDATE chunk SET queued = 1 WHERE from_ts = ? AND stored_at = ?", from, storedAt);
    }
  }

  /**
   * A page, oldest first.
   *
   * @param unsaved points that are in no chunk yet
   */
  page({ from, to, limit }: HistoryQuery, unsaved: readonly HistoryPoint[], now: number): HistoryPage {
    const byTs = new Map<number, HistoryPoint>();
    const take = (point: HistoryPoint): void => {
      if (point.ts >= from && point.ts < to && !byTs.has(point.ts)) byTs.set(point.ts, point);
    };
    let after = from - CHUNK_SPAN_MAX_MS - 1;
    for (;;) {
      const rows = this.#overlapping({ from, to }, after, ROWS_PER_READ);
      for (const row of rows) for (const point of this.#decode(row)) take(point);
      const last = rows.at(-1);
      if (last === undefined || rows.length < ROWS_PER_READ) break;
      after = last.from_ts;
      // Chunks may overlap: only points before the next chunk's first one are known to be all there are.
      let complete = 0;
      for (const ts of byTs.keys()) if (ts <= after) complete += 1;
      if (complete > limit) break;
    }
    for (const point of unsaved) take(point);
    const points = [...byTs.values()].toSorted((a, b) => a.ts - b.ts);
    const next = points[limit];
    const since = now - RECENT_MS;
    return { points: points.slice(0, limit), since, ...(next === undefined ? {} : { next: next.ts }) };
  }

  /** Takes all points of a range out. Chunks that lose only a part are written anew, for the queue, too. */
  erase(range: Range): void {
    for (const row of this.#overlapping(range)) {
      const rest = this.#decode(row).filter(({ ts }) => ts < range.from || ts >= range.to);
      this.#sql.all("DELETE FROM chunk WHERE from_ts = ?", row.from_ts);
      this.insert(rest, { storedAt: row.stored_at, queued: row.queued === 1 });
    }
  }

  /** The newest moment that any stored point has, and that any chunk was stored at; ms, 0 for none. */
  newest(): { ts: number; storedAt: number } {
    const query = "SELECT max(to_ts) AS ts, max(stored_at) AS at FROM chunk";
    const { ts, at } = this.#sql.one<{ ts: number | null; at: number | null }>(query);
    return { ts: ts ?? 0, storedAt: at ?? 0 };
  }

  /**
   * Removes chunks that were stored, and whose points were made, more than 90 days ago.
   *
   * @returns when to come again, ms, or null
   */
  prune(now: number): number | null {
    const until = now - RECENT_MS;
    const [due] = this.#sql.all<{ from_ts: number }>("SELECT from_ts FROM chunk WHERE from_ts < ? LIMIT 1", until);
    if (due !== undefined) {
      const old = "from_ts < ? AND to_ts < ? AND stored_at < ?";
      this.#sql.all(`DELETE FROM chunk WHERE ${old} AND queued = 1`, until, until, until);
    }
    // An old point that came in late stays for 90 days, too: it is looked for among the few that are left of before.
    const late = "SELECT min(stored_at) AS at FROM chunk WHERE from_ts < ?";
    const { at: lateAt } = this.#sql.one<{ at: number | null }>(late, until);
    const oldest = "SELECT min(from_ts) AS at FROM chunk WHERE from_ts >= ?";
    const { at: oldestAt } = this.#sql.one<{ at: number | null }>(oldest, until);
    const starts = [lateAt, oldestAt].filter((at) => at !== null);
    return starts.length === 0 ? null : Math.max(now, Math.min(...starts) + RECENT_MS) + PRUNE_SLACK_MS;
  }

  #overlapping({ from, to }: Range, after = from - CHUNK_SPAN_MAX_MS - 1, limit = -1): Row[] {
    const where = "from_ts > ? AND from_ts < ? AND to_ts >= ?";
    const query = `SELECT from_ts, to_ts, stored_at, queued, points FROM chunk WHERE ${where} ORDER BY from_ts LIMIT ?`;
    return this.#sql.all<Row>(query, after, to, from, limit);
  }

  #decode(row: Row): HistoryPoint[] {
    try {
      return decodeChunk(new Uint8Array(row.points));
    } catch (error) {
      if (!(error instanceof ChunkError)) throw error;
      // Written by a newer version that was rolled back. It stays where it is: the next update reads it again.
      logError("chunk_unreadable", { user: this.#user, reason: error.message });
      return [];
    }
  }
}
