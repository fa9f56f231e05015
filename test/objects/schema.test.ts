import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, test } from "vitest";

import { MIGRATIONS, SchemaTooNewError, migrate, schemaVersion } from "../../durable-objects/user/schema.ts";
import type { Migration } from "../../durable-objects/user/schema.ts";
import { SILENT } from "../../src/friendship/statement.ts";
import {
  Client,
  alarmOf,
  ask,
  callerOf,
  closeAll,
  crashOne,
  friendsOf,
  objectOf,
  someone,
  stopClock,
} from "./people.ts";

beforeAll(stopClock);
afterEach(closeAll);

/**
 * SHA-256 of each migration that was released, in order. Objects have run them as they were: an edit would leave two
 * shapes of one version. Never change a line here; add one with each new migration.
 */
const RELEASED = [
  "bf8d3a302d7f4d78c7e2f93aff6514099ffb3a5eb7ce47d50b3ae0b363cae038",
  "424bda4b3c69bd28d8f94db05bd23045a945e56c928f39d642807034797b1c2b",
  "992e44bf3d202b9084fdfd2d8799d143ee1c3916d6ee193c2c70e1e808e45a22",
  "53ddabccb9e98eb22987aa67767dc54c3a870d6d76ebd9166248eff0539fdfcf",
  "cfa68f91296e106a140ef278973b0b3094a87067445f3c3ad532df05068cb9fe",
];

/** Tables and indexes of an object, beside the runtime's own. */
function shapeOf({ sql }: DurableObjectStorage): { name: string; sql: string | null }[] {
  const query =
    "SELECT name, sql FROM sqlite_master WHERE name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*' ORDER BY name";
  return sql.exec<{ name: string; sql: string | null }>(query).toArray();
}

function tablesOf(user: string): Promise<string[]> {
  return runInDurableObject(objectOf(user), (_object, { storage }) => shapeOf(storage).map(({ name }) => name));
}

/** The storage of an object that nobody has used, for migrations alone. */
function onEmptyStorage<T>(run: (storage: DurableObjectStorage) => T): Promise<T> {
  return runInDurableObject(objectOf(someone("nobody")), (_object, { storage }) => run(storage));
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const TABLES =
  "block chunk chunk_waiting device erased friend invite invite_use kept migration outbox profile share tombstone".split(
    " ",
  );
const NO_WISH = { statement: { wants: false, rev: 5, refuses: 3 }, card: { name: "Eve" } };

describe("storage begins with the owner, or with a wish", () => {
  test("[VIS1] whatever else reaches a guessed name leaves nothing: no table, no alarm", async () => {
    const [guessed, eve] = [someone("guessed"), someone("eve")];
    expect(await ask(guessed, eve)).toEqual({ kind: "stranger" });
    await objectOf(guessed).left(eve, Date.now(), "inactive");
    expect(await objectOf(guessed).hear(eve, NO_WISH)).toEqual({ kind: "heard", statement: SILENT, card: {}, rev: 0 });
    await objectOf(guessed).drain();
    expect(await runDurableObjectAlarm(objectOf(guessed))).toBe(false);
    expect(await tablesOf(guessed)).toEqual([]);
    expect(await alarmOf(guessed)).toBeNull();
    // Also after it has been woken once more.
    await crashOne(guessed);
    expect(await ask(guessed, eve)).toEqual({ kind: "stranger" });
    expect(await tablesOf(guessed)).toEqual([]);
  });

  test("[FRIEND3] ending what never was stores nothing at the other side", async () => {
    const [ann, guessed] = [someone("ann"), someone("guessed")];
    await objectOf(ann).deleteFriend(callerOf(ann), guessed);
    expect(await tablesOf(guessed)).toEqual([]);
    expect(await tablesOf(ann)).toEqual(TABLES);
  });

  const firsts: [string, (user: string) => Promise<unknown>][] = [
    ["the owner's profile", (user) => objectOf(user).getProfile(callerOf(user))],
    ["the owner's friend list", (user) => objectOf(user).listFriends(callerOf(user), { limit: 1 })],
    ["the owner's nearby", (user) => objectOf(user).nearby(callerOf(user))],
    ["the owner's connection", (user) => Client.open(user)],
    ["a friend request", (user) => objectOf("asker").putFriend(callerOf("asker"), user)],
  ];
  test.each(firsts)("the schema comes with %s", async (_what, first) => {
    const user = someone("first");
    expect(await tablesOf(user)).toEqual([]);
    await first(user);
    expect(await tablesOf(user)).toEqual(TABLES);
  });
});

describe("migrations", () => {
  test("are numbered from 1, and released ones are never edited", async () => {
    expect(MIGRATIONS.map(({ id }) => id)).toEqual(MIGRATIONS.map((_, i) => i + 1));
    const hashes = await Promise.all(MIGRATIONS.map(({ sql }) => hashOf(sql)));
    expect(hashes, "append a migration, and its hash, instead of changing one").toEqual(RELEASED);
  });

  test.each([0, ...MIGRATIONS.map(({ id }) => id)])(
    "lead from version %i to the shape of a new object",
    async (from) => {
      const fresh = await onEmptyStorage((storage) => {
        migrate(storage);
        return shapeOf(storage);
      });
      const migrated = await onEmptyStorage((storage) => {
        if (from > 0) migrate(storage, MIGRATIONS.slice(0, from));
        expect(schemaVersion(storage.sql)).toBe(from);
        migrate(storage);
        expect(schemaVersion(storage.sql)).toBe(MIGRATIONS.length);
        return shapeOf(storage);
      });
      expect(fresh.map(({ name }) => name)).toEqual(TABLES);
      expect(migrated).toEqual(fresh);
    },
  );

  test("keep what is stored, and run once", async () => {
    const ann = someone("ann");
    await objectOf(ann).patchProfile(callerOf(ann), { name: "Ann" });
    await objectOf(ann).putFriend(callerOf(ann), someone("bob"));
    await runInDurableObject(objectOf(ann), ({}, { storage }) => {
      const next: Migration = { id: MIGRATIONS.length + 1, sql: "ALTER TABLE friend ADD COLUMN note TEXT" };
      migrate(storage, [...MIGRATIONS, next]);
      migrate(storage, [...MIGRATIONS, next]);
      expect(storage.sql.exec("SELECT id FROM migration").toArray()).toHaveLength(MIGRATIONS.length + 1);
      expect(storage.sql.exec("SELECT name FROM profile").toArray()).toEqual([{ name: "Ann" }]);
      expect(storage.sql.exec("SELECT standing, note FROM friend").toArray()).toEqual([
        { standing: "outgoing", note: null },
      ]);
    });
  });

  test("that fail leave everything as it was", async () => {
    await onEmptyStorage((storage) => {
      migrate(storage);
      const before = shapeOf(storage);
      const broken: Migration = {
        id: MIGRATIONS.length + 1,
        sql: "CREATE TABLE half (a); INSERT INTO nowhere VALUES (1)",
      };
      expect(() => migrate(storage, [...MIGRATIONS, broken])).toThrow("nowhere");
      expect(shapeOf(storage)).toEqual(before);
      expect(schemaVersion(storage.sql)).toBe(MIGRATIONS.length);
    });
    await onEmptyStorage((storage) => {
      expect(() => migrate(storage, [{ id: 1, sql: "CREATE TABLE half (a); nonsense" }])).toThrow("nonsense");
      expect(shapeOf(storage)).toEqual([]);
    });
  });

  test("of a newer version of this code are refused, and nothing is written", async () => {
    const ann = someone("ann");
    await objectOf(ann).putFriend(callerOf(ann), someone("bob"));
    await runInDurableObject(objectOf(ann), (_object, { storage }) => {
      const newer = MIGRATIONS.length + 1;
      storage.sql.exec("INSERT INTO migration (id) VALUES (?)", newer);
      const before = storage.sql.exec("SELECT total_changes() AS n").one();
      expect(() => migrate(storage)).toThrow(SchemaTooNewError);
      expect(() => migrate(storage)).toThrow(
        `schema ${newer} is newer than this code, which knows ${MIGRATIONS.length}`,
      );
      expect(storage.sql.exec("SELECT total_changes() AS n").one()).toEqual(before);
    });
    // The object does not come up at all: half a user would answer wrongly.
    await crashOne(ann);
    await expect(friendsOf(ann)).rejects.toThrow("is newer than this code");
    await expect(ask(ann, "bob")).rejects.toThrow("is newer than this code");
  });
});
