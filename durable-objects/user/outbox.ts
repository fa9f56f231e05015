import type { FriendNo } from "../../src/nearby/contact.ts";
import type { Sql } from "./sql.ts";

/** First retry after a failed delivery; doubles up to `RETRY_MAX_MS`. */
export const RETRY_FIRST_MS = 2_000;
export const RETRY_MAX_MS = 60 * 60_000;

/** After so long a friend's object that never answered is given up, with a log line. */
export const GIVE_UP_AFTER_MS = 7 * 24 * 60 * 60_000;

export type OutboxEntry = { readonly no: FriendNo; readonly since: number; readonly attempts: number };

/**
 * Which friends still have to hear this user's newest word. Only the fact is kept: what is sent is built from the state of
 * the moment, so a newer word replaces an older one by itself.
 */
export class Outbox {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** @returns when the next delivery is due if this one is not confirmed, ms */
  put(no: FriendNo, now: number): number {
    const retryAt = now + RETRY_FIRST_MS;
    this.#sql.all(
      "INSERT INTO outbox (no, since, attempts, retry_at) VALUES (?, ?, 0, ?)" +
        " ON CONFLICT (no) DO UPDATE SET since = excluded.since, attempts = 0, retry_at = excluded.retry_at",
      ...[no, now, retryAt],
    );
    return retryAt;
  }

  confirm(no: FriendNo): void {
    this.#sql.all("DELETE FROM outbox WHERE no = ?", no);
  }

  due(now: number): OutboxEntry[] {
    const query = "SELECT no, since, attempts FROM outbox WHERE retry_at <= ?";
    return this.#sql.all<OutboxEntry>(query, now);
  }

  /** Before a retry: sets when the one after it is due. */
  postpone({ no, attempts }: OutboxEntry, now: number): void {
    const waitMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (attempts + 1));
    this.#sql.all("UPDATE outbox SET attempts = attempts + 1, retry_at = ? WHERE no = ?", now + waitMs, no);
  }

  /** When the next delivery is due, ms, or null. */
  nextAt(): number | null {
    return this.#sql.one<{ at: number | null }>("SELECT min(retry_at) AS at FROM outbox").at;
  }
}
