import { BLOCKS_MAX } from "../../src/protocol/limits.ts";
import type { Sql } from "./sql.ts";
import type { BlockMark } from "./words.ts";

export interface BlockEntry {
  readonly id: string;
  /** ms. */
  readonly since: number;
}

type Known = {
  /** ms, when this user blocked them; null: does not. */
  since: number | null;
  /** Orders what this user says about it, as max(last + 1, clock in ms); 0 = never said anything. */
  rev: number;
  /** They block this user, as of `theirsRev`. */
  theirs: boolean;
  theirsRev: number;
};

const NOTHING: Known = { since: null, rev: 0, theirs: false, theirsRev: 0 };

/** Whom the user has blocked; and, unknown to the user, who has blocked them. */
export class Blocks {
  readonly #sql: Sql;
  /** Few users block anybody: read once, then every word is checked in memory. */
  #known: Map<string, Known> | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  mine(id: string): boolean {
    return this.#of(id).since !== null;
  }

  /** One of the two blocks the other. */
  between(id: string): boolean {
    const { since, theirs } = this.#of(id);
    return since !== null || theirs;
  }

  /** What a word to them has to say; undefined where there is nothing. */
  markFor(id: string): BlockMark | undefined {
    const { since, rev } = this.#of(id);
    return rev === 0 ? undefined : { on: since !== null, rev };
  }

  /** By id. */
  page({ after, limit }: { after: string; limit: number }): BlockEntry[] {
    const query = "SELECT id, since FROM block WHERE since IS NOT NULL AND id > ? ORDER BY id LIMIT ?";
    return this.#sql.all<{ id: string; since: number }>(query, after, limit);
  }

  /** @returns false when there are too many */
  add(id: string, now: number): boolean {
    let count = 0;
    for (const { since } of this.#all().values()) if (since !== null) count += 1;
    if (count >= BLOCKS_MAX) return false;
    this.#say(id, now, now);
    return true;
  }

  remove(id: string, now: number): void {
    if (this.mine(id)) this.#say(id, null, now);
  }

  /** What their word says, perhaps late or twice: the newest by rev stays. */
  hear(id: string, { on, rev }: BlockMark): void {
    const known = this.#of(id);
    if (rev > known.theirsRev) this.#set(id, { ...known, theirs: on, theirsRev: rev });
  }

  #say(id: string, since: number | null, now: number): void {
    const known = this.#of(id);
    this.#set(id, { ...known, since, rev: Math.max(known.rev + 1, now) });
  }

  /** A row stays when nobody blocks any more: the revs order what may still come. */
  #set(id: string, known: Known): void {
    const { since, rev, theirs, theirsRev } = known;
    this.#sql.all(
      "INSERT OR REPLACE INTO block (id, since, rev, theirs, theirs_rev) VALUES (?, ?, ?, ?, ?)",
      ...[id, since, rev, theirs ? 1 : 0, theirsRev],
    );
    this.#all().set(id, known);
  }

  #of(id: string): Known {
    return this.#all().get(id) ?? NOTHING;
  }

  #all(): Map<string, Known> {
    if (this.#known === null) {
      type Row = { id: string; since: number | null; rev: number; theirs: number; theirs_rev: number };
      const rows = this.#sql.all<Row>("SELECT id, since, rev, theirs, theirs_rev FROM block");
      this.#known = new Map(
        rows.map(({ id, since, rev, theirs, theirs_rev: theirsRev }) => [
          id,
          { since, rev, theirs: theirs === 1, theirsRev },
        ]),
      );
    }
    return this.#known;
  }
}
