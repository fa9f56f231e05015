import { INVITES_MAX } from "../../src/protocol/limits.ts";
import type { Sql } from "./sql.ts";

export interface InviteEntry {
  /** 128 random bits, base64url; the code that people get is sealed around it (src/auth/link-code.ts). */
  readonly id: string;
  /** ms. */
  readonly expiresAt: number;
  /** How many people may accept it, and how many have. */
  readonly uses: number;
  readonly used: number;
}

/** The user's open invites. */
export class Invites {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** @returns false when there are too many */
  add({ id, expiresAt, uses }: Omit<InviteEntry, "used">, now: number): boolean {
    if (this.list(now).length >= INVITES_MAX) return false;
    this.#sql.all("INSERT INTO invite (id, expires_at, uses) VALUES (?, ?, ?)", id, expiresAt, uses);
    return true;
  }

  /** Those that still can be accepted. One that is used up is remembered until it expires: who has accepted may ask again. */
  list(now: number): InviteEntry[] {
    const used = "(SELECT count(*) FROM invite_use WHERE invite = id)";
    const query = `SELECT id, expires_at AS expiresAt, uses, ${used} AS used FROM invite ORDER BY expires_at, id`;
    const entries = this.#sql.all<{ id: string; expiresAt: number; uses: number; used: number }>(query);
    for (const { id, expiresAt } of entries) if (expiresAt <= now) this.remove(id);
    return entries.filter(({ expiresAt, uses, used: count }) => expiresAt > now && count < uses);
  }

  /** The invite, if it still can be accepted. */
  get(id: string, now: number): InviteEntry | undefined {
    return this.list(now).find((entry) => entry.id === id);
  }

  hasUsed(id: string, user: string): boolean {
    return this.#sql.all("SELECT 1 FROM invite_use WHERE invite = ? AND user = ?", id, user).length > 0;
  }

  use(id: string, user: string): void {
    this.#sql.all("INSERT OR IGNORE INTO invite_use (invite, user) VALUES (?, ?)", id, user);
  }

  giveBack(id: string, user: string): void {
    this.#sql.all("DELETE FROM invite_use WHERE invite = ? AND user = ?", id, user);
  }

  /** @returns whether there was one */
  remove(id: string): boolean {
    this.#sql.all("DELETE FROM invite_use WHERE invite = ?", id);
    return this.#sql.all("DELETE FROM invite WHERE id = ? RETURNING id", id).length > 0;
  }

  clear(): void {
    this.#sql.all("DELETE FROM invite_use");
    this.#sql.all("DELETE FROM invite");
  }
}
