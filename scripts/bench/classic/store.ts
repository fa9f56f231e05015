/**
 * Users and friendships: the relational database of the textbook. SQLite in a file on tmpfs, which all server processes
 * open: the tables and transactions are those of a larger one, and no query of it is on the path of a position. It runs inside the
 * servers, so their connects are cheaper here than with a database server beside them.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import * as v from "valibot";
import { FRIENDS_MAX } from "../../../src/protocol/limits.ts";
import type { FriendEntry, FriendPatch, FriendState, Profile, ProfilePatch } from "../../../src/protocol/resources.ts";

/** Several processes write: one waits for the other's transaction, which takes less than a millisecond. */
const BUSY_WAIT_MS = 5_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS person (
    id TEXT PRIMARY KEY, name TEXT, avatar TEXT,
    sharing INTEGER NOT NULL DEFAULT 1, paused_until INTEGER, discoverable INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS friendship (
    person TEXT NOT NULL, friend TEXT NOT NULL, state TEXT NOT NULL, since INTEGER NOT NULL,
    visibility TEXT NOT NULL DEFAULT 'exact', muted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (person, friend)
  ) WITHOUT ROWID;
`;

/** What the user sees of a friend, and may. */
const LINKS = `
  SELECT f.friend AS id, f.muted, f.visibility AS mine, r.visibility AS theirs, p.name, p.avatar, p.sharing, p.paused_until
  FROM friendship f
  JOIN friendship r ON r.person = f.friend AND r.friend = f.person
  LEFT JOIN person p ON p.id = f.friend
  WHERE f.person = ? AND f.state = 'friend'`;

const Visibility = v.picklist(["exact", "coarse", "hidden"]);
const Flag = v.pipe(
  v.nullable(v.number()),
  v.transform((bit) => bit === 1),
);
/** A person without a row shares. */
const Sharing = v.pipe(
  v.nullable(v.number()),
  v.transform((bit) => bit !== 0),
);
const OptionalText = v.nullable(v.string());

const LinkRow = v.object({
  id: v.string(),
  muted: Flag,
  mine: Visibility,
  theirs: Visibility,
  name: OptionalText,
  avatar: OptionalText,
  sharing: Sharing,
  paused_until: v.nullable(v.number()),
});
export type LinkRow = v.InferOutput<typeof LinkRow>;

const PersonRow = v.object({
  name: OptionalText,
  avatar: OptionalText,
  sharing: Sharing,
  paused_until: v.nullable(v.number()),
  discoverable: Flag,
});
export type PersonRow = v.InferOutput<typeof PersonRow>;

const NOBODY: PersonRow = { name: null, avatar: null, sharing: true, paused_until: null, discoverable: false };

const EntryRow = v.object({
  id: v.string(),
  name: OptionalText,
  avatar: OptionalText,
  state: v.picklist(["friend", "incoming", "outgoing"]),
  since: v.number(),
  visibility: Visibility,
  muted: Flag,
});

const ENTRY = `
  SELECT f.friend AS id, p.name, p.avatar, f.state, f.since, f.visibility, f.muted
  FROM friendship f LEFT JOIN person p ON p.id = f.friend WHERE f.person = ?`;

/** What became of a request for friendship. */
export type Asked = "asked" | "accepted" | "unchanged" | "friend_limit";

export class Store {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: BUSY_WAIT_MS });
    // The file is in memory and nobody's: a crash of the machine takes it along whatever is synchronised.
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;");
    this.#db.exec(SCHEMA);
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  /** Everybody whom the user has accepted, with what decides who sees whom. */
  links(user: string): LinkRow[] {
    return this.#sql(LINKS)
      .all(user)
      .map((row) => v.parse(LinkRow, row));
  }

  link(user: string, friend: string): LinkRow | undefined {
    const row = this.#sql(`${LINKS} AND f.friend = ?`).get(user, friend);
    return row === undefined ? undefined : v.parse(LinkRow, row);
  }

  person(user: string): PersonRow {
    const row = this.#sql("SELECT * FROM person WHERE id = ?").get(user);
    return row === undefined ? NOBODY : v.parse(PersonRow, row);
  }

  entry(user: string, friend: string): FriendEntry | undefined {
    const row = this.#sql(`${ENTRY} AND f.friend = ?`).get(user, friend);
    return row === undefined ? undefined : toEntry(row);
  }

  /** Up to `limit` entries after the id `after`, by id. */
  entries(user: string, { after, limit, state }: { after: string; limit: number; state?: FriendState }): FriendEntry[] {
    const sql = `${ENTRY} AND f.friend > ? AND (? IS NULL OR f.state = ?) ORDER BY f.friend LIMIT ?`;
    return this.#sql(sql)
      .all(user, after, state ?? null, state ?? null, limit)
      .map(toEntry);
  }

  /** Asks for a friendship, or accepts one that was asked for. */
  ask(user: string, friend: string, nowMs: number): Asked {
    return this.#transaction(() => {
      const state = this.#stateOf(user, friend);
      if (state === "friend" || state === "outgoing") return "unchanged";
      if (this.#isFull(user) || this.#isFull(friend)) return "friend_limit";
      const accepts = state === "incoming";
      this.#put(user, friend, accepts ? "friend" : "outgoing", nowMs);
      this.#put(friend, user, accepts ? "friend" : "incoming", nowMs);
      return accepts ? "accepted" : "asked";
    });
  }

  /** @returns whether there was anything to end */
  remove(user: string, friend: string): boolean {
    return this.#transaction(() => this.#remove(user, friend));
  }

  /** Friendships of an import. @returns for each what became of it, in their order */
  applyEdges(
    edges: readonly { a: string; b: string; wanted: boolean }[],
    nowMs: number,
  ): ("changed" | "unchanged" | "friend_limit")[] {
    return this.#transaction(() =>
      edges.map(({ a, b, wanted }) => {
        if (!wanted) return this.#remove(a, b) ? "changed" : "unchanged";
        if (this.#stateOf(a, b) === "friend") return "unchanged";
        if (this.#isFull(a) || this.#isFull(b)) return "friend_limit";
        this.#put(a, b, "friend", nowMs);
        this.#put(b, a, "friend", nowMs);
        return "changed";
      }),
    );
  }

  /** @returns null for who is no accepted friend */
  patchFriend(user: string, friend: string, { visibility, muted }: FriendPatch): FriendEntry | null {
    return this.#transaction(() => {
      if (this.#stateOf(user, friend) !== "friend") return null;
      const set = (column: "visibility" | "muted", value: string | number): void => {
        this.#sql(`UPDATE friendship SET ${column} = ? WHERE person = ? AND friend = ?`).run(value, user, friend);
      };
      if (visibility !== undefined) set("visibility", visibility ?? "exact");
      if (muted !== undefined) set("muted", muted === true ? 1 : 0);
      return this.entry(user, friend) ?? null;
    });
  }

  patchPerson(user: string, patch: ProfilePatch, nowMs: number): PersonRow {
    return this.#transaction(() => {
      const row = { ...this.person(user) };
      if (patch.name !== undefined) row.name = patch.name;
      if (patch.avatar !== undefined) row.avatar = patch.avatar;
      if (patch.discoverable !== undefined) row.discoverable = patch.discoverable === true;
      // A pause that is over has ended, also if nothing has looked at it since.
      if (row.paused_until !== null && row.paused_until <= nowMs)
        Object.assign(row, { sharing: true, paused_until: null });
      if (patch.pausedUntil !== undefined) row.paused_until = patch.pausedUntil;
      if (typeof patch.pausedUntil === "number") row.sharing = false;
      if (patch.sharing !== undefined) row.sharing = patch.sharing ?? true;
      if (row.sharing) row.paused_until = null;
      this.#sql(
        "INSERT OR REPLACE INTO person (id, name, avatar, sharing, paused_until, discoverable) VALUES (?, ?, ?, ?, ?, ?)",
      ).run(user, row.name, row.avatar, row.sharing ? 1 : 0, row.paused_until, row.discoverable ? 1 : 0);
      return row;
    });
  }

  #remove(user: string, friend: string): boolean {
    const sql = "DELETE FROM friendship WHERE (person = ? AND friend = ?) OR (person = ? AND friend = ?)";
    return this.#sql(sql).run(user, friend, friend, user).changes !== 0;
  }

  #put(user: string, friend: string, state: FriendState, nowMs: number): void {
    const sql =
      "INSERT INTO friendship (person, friend, state, since) VALUES (?, ?, ?, ?)" +
      " ON CONFLICT DO UPDATE SET state = excluded.state, since = excluded.since";
    this.#sql(sql).run(user, friend, state, nowMs);
  }

  #stateOf(user: string, friend: string): unknown {
    return this.#sql("SELECT state FROM friendship WHERE person = ? AND friend = ?").get(user, friend)?.["state"];
  }

  #isFull(user: string): boolean {
    const sql = "SELECT COUNT(*) AS n FROM friendship WHERE person = ? AND state = 'friend'";
    return Number(this.#sql(sql).get(user)?.["n"]) >= FRIENDS_MAX;
  }

  #transaction<T>(work: () => T): T {
    // IMMEDIATE: a transaction that reads first and writes then would fail when another process writes in between.
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

function toEntry(row: unknown): FriendEntry {
  const { name, avatar, ...rest } = v.parse(EntryRow, row);
  return { ...(name === null ? undefined : { name }), ...(avatar === null ? undefined : { avatar }), ...rest };
}

/** A person as `GET /v1/me` tells it. */
export function toProfile(user: string, row: PersonRow, nowMs: number): Profile {
  const sharing = isSharing(row, nowMs);
  return {
    user,
    ...(row.name === null ? undefined : { name: row.name }),
    ...(row.avatar === null ? undefined : { avatar: row.avatar }),
    sharing,
    ...(sharing || row.paused_until === null ? undefined : { pausedUntil: row.paused_until }),
    discoverable: row.discoverable,
  };
}

/** A pause with an end is over then, whatever the row says. */
export function isSharing(
  { sharing, paused_until }: Pick<PersonRow, "sharing" | "paused_until">,
  nowMs: number,
): boolean {
  return sharing || (paused_until !== null && paused_until <= nowMs);
}
