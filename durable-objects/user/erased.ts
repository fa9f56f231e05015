import type { EraseTask } from "../../src/history/message.ts";
import type { Sql } from "./sql.ts";

/** Ranges that one user may have erased apart from each other: every stored point is compared with them. */
export const ERASURES_MAX = 1_000;

type Row = { no: number; from_ts: number; to_ts: number; erased_at: number };

export type ErasedRange = Omit<EraseTask, "kind" | "user">;
export type WaitingErasure = { readonly no: number; readonly range: ErasedRange };

/**
 * What the user has erased. It is kept: a phone that has not heard of an erasure sends its points again, and a sink may
 * get an old message after it.
 */
export class Erased {
  readonly #sql: Sql;
  #ranges: readonly ErasedRange[] | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** @returns false when there are too many ranges apart from each other */
  add(range: ErasedRange): boolean {
    const touching = this.#sql.all<Row>("SELECT * FROM erased WHERE from_ts <= ? AND to_ts >= ?", range.to, range.from);
    if (touching.length === 0) {
      const { n } = this.#sql.one<{ n: number }>("SELECT count(*) AS n FROM erased");
      if (n >= ERASURES_MAX) return false;
    }
    const from = Math.min(range.from, ...touching.map((row) => row.from_ts));
    const to = Math.max(range.to, ...touching.map((row) => row.to_ts));
    for (const { no } of touching) this.#sql.all("DELETE FROM erased WHERE no = ?", no);
    // A number is never used again: a confirmation of the queue must not meet another range.
    const insert = "INSERT INTO erased (from_ts, to_ts, erased_at, queued) VALUES (?, ?, ?, 0)";
    this.#sql.all(insert, from, to, range.at);
    this.#ranges = null;
    return true;
  }

  has(ts: number): boolean {
    return this.#all().some(({ from, to }) => ts >= from && ts < to);
  }

  within({ from, to }: { from: number; to: number }): { from: number; to: number }[] {
    return this.#all().flatMap((range) =>
      range.to > from && range.from < to ? [{ from: range.from, to: range.to }] : [],
    );
  }

  waiting(limit: number): WaitingErasure[] {
    const rows = this.#sql.all<Row>("SELECT * FROM erased WHERE queued = 0 LIMIT ?", limit);
    return rows.map((row) => ({ no: row.no, range: rangeOf(row) }));
  }

  queued(erasures: readonly WaitingErasure[]): void {
    for (const { no } of erasures) this.#sql.all("UPDATE erased SET queued = 1 WHERE no = ?", no);
  }

  #all(): readonly ErasedRange[] {
    this.#ranges ??= this.#sql.all<Row>("SELECT * FROM erased").map(rangeOf);
    return this.#ranges;
  }
}

function rangeOf({ from_ts: from, to_ts: to, erased_at: at }: Row): ErasedRange {
  return { from, to, at };
}
