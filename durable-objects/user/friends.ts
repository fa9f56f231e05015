import { type Pair, type Standing, standingOf } from "../../src/friendship/statement.ts";
import type { FriendNo } from "../../src/nearby/contact.ts";
import type { RosterEntry } from "../../src/nearby/state.ts";
import type { FriendState } from "../../src/protocol/resources.ts";
import { cardOf } from "./profile.ts";
import type { Card } from "./words.ts";
import type { Sql } from "./sql.ts";

/** A friend, or somebody who asked or was asked, or (standing `none`) the tombstone of one. */
export interface FriendRow {
  readonly no: FriendNo;
  readonly id: string;
  readonly standing: Standing;
  /** When the standing was reached, ms. */
  readonly since: number;
  readonly pair: Pair;
  readonly muted: boolean;
  readonly card: Card;
}

type Stored = {
  no: number;
  id: string;
  standing: Standing;
  since: number;
  mine_wants: number;
  mine_rev: number;
  mine_refuses: number;
  theirs_wants: number;
  theirs_rev: number;
  theirs_refuses: number;
  muted: number;
  name: string | null;
  avatar: string | null;
};

/**
 * The friend table. Rows are read one by one as friends turn up and kept in memory: reading all of them on every wake
 * would cost more than everything else that a position causes.
 */
export class Friends {
  readonly #sql: Sql;
  readonly #byId = new Map<string, FriendRow>();
  readonly #byNo = new Map<FriendNo, FriendRow>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  byId(id: string): FriendRow | undefined {
    return this.#byId.get(id) ?? this.#load("SELECT * FROM friend WHERE id = ?", id);
  }

  byNo(no: FriendNo): FriendRow | undefined {
    return this.#byNo.get(no) ?? this.#load("SELECT * FROM friend WHERE no = ?", no);
  }

  /** All accepted friends, for a wake. */
  roster(): RosterEntry[] {
    const rows = this.#sql.all<{ no: number; muted: number }>("SELECT no, muted FROM friend WHERE standing = 'friend'");
    return Array.from(rows, ({ no, muted }) => ({ no, muted: muted === 1 }));
  }

  count(standing: Standing): number {
    return this.#sql.one<{ n: number }>("SELECT count(*) AS n FROM friend WHERE standing = ?", standing).n;
  }

  /** A page by number, which is the order of acquaintance. */
  page({ state, after, limit }: { state: FriendState | undefined; after: FriendNo; limit: number }): FriendRow[] {
    const rows = this.#sql.all<Stored>(
      "SELECT * FROM friend WHERE no > ? AND standing != 'none' AND (? IS NULL OR standing = ?) ORDER BY no LIMIT ?",
      after,
      state ?? null,
      state ?? null,
      limit,
    );
    return Array.from(rows, fromStored);
  }

  /** Adds the row of a person who was not known. */
  add(id: string, pair: Pair, card: Card, now: number): FriendRow {
    const { mine, theirs } = pair;
    const standing = standingOf(pair);
    const { no } = this.#sql.one<{ no: number }>(
      "INSERT INTO friend (id, standing, since, mine_wants, mine_rev, mine_refuses, theirs_wants, theirs_rev," +
        " theirs_refuses, muted, name, avatar) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?) RETURNING no",
      ...[id, standing, now, +mine.wants, mine.rev, mine.refuses, +theirs.wants, theirs.rev, theirs.refuses],
      ...[card.name ?? null, card.avatar ?? null],
    );
    return this.#remember({ no, id, standing, since: now, pair, muted: false, card });
  }

  setPair(row: FriendRow, pair: Pair, now: number): FriendRow {
    const { mine, theirs } = pair;
    const standing = standingOf(pair);
    const since = standing === row.standing ? row.since : now;
    // A friendship that ended takes its settings along.
    const muted = standing === "friend" && row.muted;
    this.#sql.all(
      "UPDATE friend SET standing = ?, since = ?, muted = ?, mine_wants = ?, mine_rev = ?, mine_refuses = ?," +
        " theirs_wants = ?, theirs_rev = ?, theirs_refuses = ? WHERE no = ?",
      ...[
        standing,
        since,
        +muted,
        +mine.wants,
        mine.rev,
        mine.refuses,
        +theirs.wants,
        theirs.rev,
        theirs.refuses,
        row.no,
      ],
    );
    return this.#remember({ ...row, standing, since, pair, muted });
  }

  setMuted(row: FriendRow, muted: boolean): FriendRow {
    this.#sql.all("UPDATE friend SET muted = ? WHERE no = ?", +muted, row.no);
    return this.#remember({ ...row, muted });
  }

  setCard(row: FriendRow, card: Card): FriendRow {
    this.#sql.all(
      "UPDATE friend SET name = ?, avatar = ? WHERE no = ?",
      card.name ?? null,
      card.avatar ?? null,
      row.no,
    );
    return this.#remember({ ...row, card });
  }

  remove(row: FriendRow): void {
    this.#sql.all("DELETE FROM friend WHERE no = ?", row.no);
    this.#byId.delete(row.id);
    this.#byNo.delete(row.no);
  }

  /** Removes tombstones that nobody can refer to any more; says when the next one is due, ms, or null. */
  prune(olderThan: number): number | null {
    const due = "standing = 'none' AND no NOT IN (SELECT no FROM outbox)";
    for (const row of this.#sql.all<Stored>(`SELECT * FROM friend WHERE ${due} AND since <= ?`, olderThan)) {
      this.remove(fromStored(row));
    }
    return this.#sql.one<{ at: number | null }>(`SELECT min(since) AS at FROM friend WHERE ${due}`).at;
  }

  #load(query: string, key: string | number): FriendRow | undefined {
    const [stored] = this.#sql.all<Stored>(query, key);
    return stored === undefined ? undefined : this.#remember(fromStored(stored));
  }

  #remember(row: FriendRow): FriendRow {
    this.#byId.set(row.id, row);
    this.#byNo.set(row.no, row);
    return row;
  }
}

function fromStored(row: Stored): FriendRow {
  return {
    no: row.no,
    id: row.id,
    standing: row.standing,
    since: row.since,
    pair: {
      mine: { wants: row.mine_wants === 1, rev: row.mine_rev, refuses: row.mine_refuses },
      theirs: { wants: row.theirs_wants === 1, rev: row.theirs_rev, refuses: row.theirs_refuses },
    },
    muted: row.muted === 1,
    card: cardOf(row.name, row.avatar),
  };
}
