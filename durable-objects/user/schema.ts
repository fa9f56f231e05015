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
