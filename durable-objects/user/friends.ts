import { type Pair, type Standing, standingOf } from "../../src/friendship/statement.ts";
import type { FriendNo } from "../../src/nearby/contact.ts";
import type { RosterEntry } from "../../src/nearby/state.ts";
import type { FriendState, Visibility } from "../../src/protocol/resources.ts";
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
  /** What they may know of this user. */
  readonly visibility: Visibility;
  readonly card: Card;
  /** What OwnTracks knows this friend by: never anybody else's, and never changed. Null until it was shown there. */
  readonly tid: string | null;
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
  visibility: Visibility;
  name: string | null;
  avatar: string | null;
  tid: string | null;
};

/**
 * The friend table. Rows are read one by one as friends turn up and kept in memory: reading all of them on every wake
 * would cost more than everything else that a position causes.
 */
export class Friends {
  readonly #sql: Sql;
  readonly #byId = new Map<string, FriendRow>();
  readonly #byNo = new Map<FriendNo, FriendRow>();
  #counts: Map<Standing, number> | null = null;

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
    const query = "SELECT no, muted, visibility FROM friend WHERE standing = 'friend'";
    const rows = this.#sql.all<Pick<Stored, "no" | "muted" | "visibility">>(query);
    return Array.from(rows, ({ no, muted, visibility }) => ({ no, muted: muted === 1, visibility }));
  }

  /** Accepted friends from whom the user is not hidden, for the index of active friends. */
  visibleIds(): string[] {
    const query = "SELECT id FROM friend WHERE standing = 'friend' AND visibility != 'hidden'";
    return this.#sql.all<{ id: string }>(query).map(({ id }) => id);
  }

  /** Read once, then kept: an import asks for it with every friendship, and each time the whole table would be read. */
  count(standing: Standing): number {
    if (this.#counts === null) {
      const query = "SELECT standing, count(*) AS n FROM friend GROUP BY standing";
      const rows = this.#sql.all<{ standing: Standing; n: number }>(query);
      this.#counts = new Map(rows.map((row) => [row.standing, row.n]));
    }
    return this.#counts.get(standing) ?? 0;
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
    this.#recount(undefined, standing);
    return this.#remember({ no, id, standing, since: now, pair, muted: false, visibility: "exact", card, tid: null });
  }

  setPair(row: FriendRow, pair: Pair, now: number): FriendRow {
    const { mine, theirs } = pair;
    const standing = standingOf(pair);
    const since = standing === row.standing ? row.since : now;
    // A friendship that ended takes its settings along.
    const muted = standing === "friend" && row.muted;
    const visibility = standing === "friend" ? row.visibility : "exact";
    this.#sql.all(
      "UPDATE friend SET standing = ?, since = ?, muted = ?, visibility = ?, mine_wants = ?, mine_rev = ?, mine_refuses = ?," +
        " theirs_wants = ?, theirs_rev = ?, theirs_refuses = ? WHERE no = ?",
      ...[
        standing,
        since,
        +muted,
        visibility,
        +mine.wants,
        mine.rev,
        mine.refuses,
        +theirs.wants,
        theirs.rev,
        theirs.refuses,
        row.no,
      ],
    );
    this.#recount(row.standing, standing);
    return this.#remember({ ...row, standing, since, pair, muted, visibility });
  }

  setVisibility(row: FriendRow, visibility: Visibility): FriendRow {
    this.#sql.all("UPDATE friend SET visibility = ? WHERE no = ?", visibility, row.no);
    return this.#remember({ ...row, visibility });
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

  setTid(row: FriendRow, tid: string): FriendRow {
    this.#sql.all("UPDATE friend SET tid = ? WHERE no = ?", tid, row.no);
    return this.#remember({ ...row, tid });
  }

  /** All that are given away, former friends' included: a phone may still show them. */
  tids(): Set<string> {
    return new Set(
      this.#sql.all<{ tid: string }>("SELECT tid FROM friend WHERE tid IS NOT NULL").map(({ tid }) => tid),
    );
  }

  /** Ids of everybody with whom something stands. */
  everybody(): string[] {
    return this.#sql.all<{ id: string }>("SELECT id FROM friend WHERE standing != 'none'").map(({ id }) => id);
  }

  /** Asked, and not become a friend, within the last day: tombstones live that long. */
  countAsked(): number {
    const asked = "standing IN ('outgoing', 'none') AND mine_rev > 0 AND theirs_wants = 0";
    return this.#sql.one<{ n: number }>(`SELECT count(*) AS n FROM friend WHERE ${asked}`).n;
  }

  remove(row: FriendRow): void {
    this.#sql.all("DELETE FROM friend WHERE no = ?", row.no);
    this.#recount(row.standing, undefined);
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

  #recount(before: Standing | undefined, after: Standing | undefined): void {
    if (this.#counts === null) return;
    if (before !== undefined) this.#counts.set(before, (this.#counts.get(before) ?? 0) - 1);
    if (after !== undefined) this.#counts.set(after, (this.#counts.get(after) ?? 0) + 1);
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
    visibility: row.visibility,
    card: cardOf(row.name, row.avatar),
    tid: row.tid,
  };
}
