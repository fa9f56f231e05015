/** One step of the schema. Append only: an object may wake years later with any earlier version. */
export interface Migration {
  readonly id: number;
  readonly sql: string;
}

export const MIGRATIONS: readonly Migration[] = [
  {
    id: 1,
    sql: `
      CREATE TABLE profile (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        name TEXT, avatar TEXT,              -- what the user chose
        token_name TEXT, token_avatar TEXT,  -- what the host app's token says: used where nothing was chosen
        sharing INTEGER NOT NULL
      );
      -- Numbers are never used again (AUTOINCREMENT): a socket's attachment names friends by number only.
      CREATE TABLE friend (
        no INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        standing TEXT NOT NULL,              -- none | outgoing | incoming | friend, from the two statements
        since INTEGER NOT NULL,              -- ms, when the standing was reached
        mine_wants INTEGER NOT NULL, mine_rev INTEGER NOT NULL, mine_refuses INTEGER NOT NULL,
        theirs_wants INTEGER NOT NULL, theirs_rev INTEGER NOT NULL, theirs_refuses INTEGER NOT NULL,
        muted INTEGER NOT NULL,
        name TEXT, avatar TEXT               -- as the friend's object said last
      );
      -- Every alarm asks for the oldest tombstone; without this it would read the whole friend list.
      CREATE INDEX tombstone ON friend (since) WHERE standing = 'none';
      CREATE TABLE outbox (
        no INTEGER PRIMARY KEY,              -- the friend who has to hear this user's newest word
        since INTEGER NOT NULL, attempts INTEGER NOT NULL, retry_at INTEGER NOT NULL  -- ms, count, ms
      );
      CREATE TABLE kept (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        state BLOB NOT NULL                  -- what a socket's attachment holds otherwise
      );`,
  },
  {
    id: 2,
    sql: `
      -- A row per chunk and no index beside it: a user's points have different times, so the first one names the chunk.
      CREATE TABLE chunk (
        from_ts INTEGER PRIMARY KEY, to_ts INTEGER NOT NULL,  -- ms, of its first and last point
        stored_at INTEGER NOT NULL,                           -- ms, by this object's clock
        queued INTEGER NOT NULL,                              -- 1 once the queue has taken it
        points BLOB NOT NULL                                  -- src/history/chunk.ts
      );
      CREATE INDEX chunk_waiting ON chunk (from_ts) WHERE queued = 0;
      CREATE TABLE erased (
        no INTEGER PRIMARY KEY AUTOINCREMENT,
        from_ts INTEGER NOT NULL, to_ts INTEGER NOT NULL,     -- ms, from inclusive, to exclusive
        erased_at INTEGER NOT NULL,                           -- ms, by this object's clock
        queued INTEGER NOT NULL                               -- 1 once the queue has taken it
      );
      -- Points that are in no chunk yet, and since when, ms. Beside the state, which an update may not be able to read.
      ALTER TABLE kept ADD COLUMN points BLOB;
      ALTER TABLE kept ADD COLUMN points_since INTEGER;`,
  },
  {
    id: 3,
    sql: `
      ALTER TABLE friend ADD COLUMN visibility TEXT NOT NULL DEFAULT 'exact';  -- exact | coarse | hidden: what they may know
      ALTER TABLE profile ADD COLUMN paused_until INTEGER;                     -- ms; null for a pause without an end
      -- A block, and the mark that it leaves on the other side, which its user never gets to see.
      CREATE TABLE block (
        id TEXT PRIMARY KEY,
        since INTEGER, rev INTEGER NOT NULL,   -- ms, when this user blocked them (null: does not); rev of that word
        theirs INTEGER NOT NULL, theirs_rev INTEGER NOT NULL  -- 1: they block this user; rev of their word
      ) WITHOUT ROWID;
      CREATE TABLE invite (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL, uses INTEGER NOT NULL) WITHOUT ROWID;
      -- Who has accepted: a second tap of the same person is no second use.
      CREATE TABLE invite_use (invite TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY (invite, user)) WITHOUT ROWID;
      CREATE TABLE share (id TEXT PRIMARY KEY, ends_at INTEGER NOT NULL) WITHOUT ROWID;`,
  },
  {
    id: 4,
    sql: `
      -- A phone app with a password of its own. The id is a SHA-256 of the random part of it: the password is nowhere.
      CREATE TABLE device (
        id TEXT PRIMARY KEY, app TEXT NOT NULL, name TEXT,  -- base64url; owntracks | traccar
        created_at INTEGER NOT NULL                         -- ms
      ) WITHOUT ROWID;
      -- What OwnTracks knows this friend by; null until it was shown there.
      ALTER TABLE friend ADD COLUMN tid TEXT;`,
  },
  {
    id: 5,
    sql: `
      -- 1: strangers may see the user, while a client asks for them, too
      ALTER TABLE profile ADD COLUMN discoverable INTEGER NOT NULL DEFAULT 0;`,
  },
];

/** The object was written by a newer version of this code. */
export class SchemaTooNewError extends Error {
  override readonly name = "SchemaTooNewError";
}

/** The version that is stored; 0 for an object that has stored nothing. Writes nothing. */
export function schemaVersion(sql: SqlStorage): number {
  const [table] = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration'");
  if (table === undefined) return 0;
  const [row] = sql.exec<{ id: number }>("SELECT max(id) AS id FROM migration");
  return row?.id ?? 0;
}

/**
 * Brings the schema from any earlier version up to date, all or nothing.
 *
 * @throws SchemaTooNewError when a newer version of this code has been here
 */
export function migrate(storage: DurableObjectStorage, migrations: readonly Migration[] = MIGRATIONS): void {
  const version = schemaVersion(storage.sql);
  const newest = migrations.at(-1)?.id ?? 0;
  if (version > newest) throw new SchemaTooNewError(`schema ${version} is newer than this code, which knows ${newest}`);
  if (version === newest) return;
  storage.transactionSync(() => {
    if (version === 0) storage.sql.exec("CREATE TABLE migration (id INTEGER PRIMARY KEY)");
    for (const { id, sql } of migrations) {
      if (id <= version) continue;
      storage.sql.exec(sql);
      storage.sql.exec("INSERT INTO migration (id) VALUES (?)", id);
    }
  });
}
