import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { BYTES } from "../../scripts/cost/measured.ts";
import { encodeChunk } from "../../src/history/chunk.ts";
import { CHUNK_POINTS_MAX } from "../../src/history/cut.ts";
import { taxis } from "../unit/history-taxis.ts";
import {
  Client,
  HOME,
  INACTIVE_AFTER_MS,
  PACE_MS,
  alarmOf,
  befriend,
  callerOf,
  closeAll,
  later,
  north,
  objectOf,
  settled,
  someone,
  stopClock,
  takeCalls,
  twoNear,
  watchCalls,
} from "./people.ts";
import type { ObjectCall } from "./people.ts";

beforeAll(() => {
  stopClock();
  watchCalls();
});

afterEach(closeAll);

/** What is billed for storage, for one user's object. */
interface Bill {
  /** By the statements that the object ran, index entries included. */
  readonly rowsWritten: number;
  readonly alarmsSet: number;
  /** By the database itself, so that no way of writing is missed; an alarm is a row of it, too. */
  readonly changes: number;
}

/** Starts counting. @returns the bill since then */
async function meter(user: string): Promise<() => Promise<Bill>> {
  const changes = (storage: DurableObjectStorage): number =>
    storage.sql.exec<{ n: number }>("SELECT total_changes() AS n").one().n;
  const { exec, setAlarm, before } = await runInDurableObject(objectOf(user), (_object, { storage }) => ({
    before: changes(storage),
    exec: vi.spyOn(storage.sql, "exec"),
    setAlarm: vi.spyOn(storage, "setAlarm"),
  }));
  return () =>
    runInDurableObject(objectOf(user), (_object, { storage }) => {
      let rowsWritten = 0;
      for (const result of exec.mock.results) if (result.type === "return") rowsWritten += result.value.rowsWritten;
      return { rowsWritten, alarmsSet: setAlarm.mock.calls.length, changes: changes(storage) - before };
    });
}

const NOTHING: Bill = { rowsWritten: 0, alarmsSet: 0, changes: 0 };
const POSITIONS = 100;
const EACH = 5;
/** Beyond the radius by 12 km: a safe circle of 6 km around each side. */
const FAR_M = 20_000;

/** Ann with five friends within the radius and five beyond it; all are active, connected, and have met. */
async function annAmongTen() {
  const ann = await Client.open(someone("ann"));
  ann.move(HOME);
  await ann.next("nearby");
  const near: Client[] = [];
  const far: Client[] = [];
  for (let i = 0; i < 2 * EACH; i += 1) {
    const isNear = i < EACH;
    const friend = await Client.open(someone(isNear ? "near" : "far"));
    await befriend(ann.user, friend.user);
    friend.move(north((isNear ? 0 : FAR_M) + 10 * i));
    await friend.next("nearby");
    (isNear ? near : far).push(friend);
  }
  await settled();
  // The alarms of the friendships' deliveries ring, so that none of them falls into what is counted.
  later(2 * PACE_MS);
  for (const { user } of [ann, ...near, ...far]) await runDurableObjectAlarm(objectOf(user));
  await settled();
  takeCalls();
  return { ann, near, far };
}

function countByCallee(calls: readonly ObjectCall[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { verb, from, to } of calls) {
    const key = `${verb} ${from} > ${to}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

describe("a position in steady state", () => {
  test("writes no row, sets no alarm, and calls each near friend once and nobody else", async () => {
    const { ann, near, far } = await annAmongTen();
    const everybody = [ann, ...near, ...far];
    // The deadline of activity is covered by one alarm: the first position after it rang sets the next.
    ann.move(north(1));
    await ann.synced();
    await settled();
    takeCalls();
    const bills = await Promise.all(everybody.map(({ user }) => meter(user)));
    for (const friend of near) friend.fresh();
    const startedAt = Date.now();
    for (let i = 1; i <= POSITIONS; i += 1) {
      later(PACE_MS);
      ann.move(north(10 * i));
      await ann.synced();
      await Promise.all(near.map((friend) => friend.next("friend", (frame) => frame.friend.ts === Date.now())));
    }
    await settled();
    expect(Date.now() - startedAt).toBeLessThan(INACTIVE_AFTER_MS);
    expect(countByCallee(takeCalls())).toEqual(
      Object.fromEntries(near.map(({ user }) => [`meet ${ann.user} > ${user}`, POSITIONS])),
    );
    const totals = await Promise.all(bills.map((bill) => bill()));
    // Her history is all that is written: a row per chunk. Her friends write nothing.
    const chunks = POSITIONS / CHUNK_POINTS_MAX;
    for (const [i, bill] of totals.entries()) {
      const expected = i === 0 ? { ...NOTHING, rowsWritten: chunks, changes: chunks } : NOTHING;
      expect(bill, everybody[i]?.user).toEqual(expected);
    }
    // And every client of a near friend got each of them, every far one nothing.
    for (const friend of near)
      expect(friend.frames.filter(({ type }) => type === "friend")).toHaveLength(POSITIONS + 1);
    for (const friend of far) expect(friend.frames.filter(({ type }) => type === "friend")).toEqual([]);
    const rows = totals.reduce((sum, { rowsWritten, alarmsSet }) => sum + rowsWritten + alarmsSet, 0);
    console.log(`rows written per 1,000 positions: ${(rows / POSITIONS) * 1_000}`);
  });

  test("of friends who are far and walk inside their circles calls nobody, beyond them once", async () => {
    const { ann, bob } = await twoNear(FAR_M);
    const slackM = (FAR_M - 8_046.72) / 2;
    takeCalls();
    for (let i = 1; i <= 20; i += 1) {
      later(PACE_MS);
      ann.move(north(((slackM - 10) * i) / 20));
      bob.move(north(FAR_M - ((slackM - 10) * i) / 20));
      await Promise.all([ann.synced(), bob.synced()]);
    }
    await settled();
    expect(takeCalls()).toEqual([]);
    later(PACE_MS);
    ann.move(north(slackM + 10));
    await ann.synced();
    await settled();
    expect(countByCallee(takeCalls())).toEqual({ [`meet ${ann.user} > ${bob.user}`]: 1 });
  });

  test("with friends who are inactive calls nobody", async () => {
    const { ann, bob } = await twoNear();
    later(INACTIVE_AFTER_MS);
    await runDurableObjectAlarm(objectOf(bob.user));
    ann.move(HOME);
    await ann.synced();
    await settled();
    expect(countByCallee(takeCalls())).toMatchObject({ [`meet ${ann.user} > ${bob.user}`]: expect.any(Number) });
    for (let i = 1; i <= 10; i += 1) {
      later(PACE_MS);
      ann.move(north(i));
    }
    await ann.synced();
    await settled();
    expect(takeCalls()).toEqual([]);
  });

  test("over 45 minutes sets one alarm and writes one row in ten minutes, and nothing else", async () => {
    const { ann, bob } = await twoNear();
    const everyMs = 30_000;
    later(everyMs);
    await runDurableObjectAlarm(objectOf(ann.user));
    const bill = await meter(ann.user);
    let rung = 0;
    for (let i = 1; i <= 90; i += 1) {
      later(everyMs);
      const alarmAt = await alarmOf(ann.user);
      if (alarmAt !== null && alarmAt <= Date.now()) {
        rung += 1;
        await runDurableObjectAlarm(objectOf(ann.user));
      }
      ann.move(north(i));
      bob.move(north(1_000 + i));
      await Promise.all([ann.synced(), bob.synced()]);
    }
    await settled();
    expect([...ann.view.keys(), ...bob.view.keys()]).toEqual([bob.user, ann.user]);
    const { rowsWritten, alarmsSet } = await bill();
    expect(rowsWritten).toBe(4);
    expect(alarmsSet).toBe(rung);
    expect([4, 5]).toContain(rung);
  });

  test("over HTTP without a socket writes one row", async () => {
    const ann = someone("ann");
    const report = (): Promise<unknown> =>
      objectOf(ann).report(callerOf(ann, { expMs: expiry }), [{ ...north(1), ts: Date.now() }]);
    const expiry = Date.now() + INACTIVE_AFTER_MS;
    await report();
    const bill = await meter(ann);
    for (let i = 0; i < 10; i += 1) {
      later(PACE_MS);
      await report();
    }
    expect(await bill()).toEqual({ rowsWritten: 10, alarmsSet: 0, changes: 10 });
  });
});

describe("the meter itself", () => {
  test("counts rows and alarms, so that a 0 means something", async () => {
    const ann = someone("ann");
    await objectOf(ann).getProfile(callerOf(ann));
    const bill = await meter(ann);
    await objectOf(ann).patchProfile(callerOf(ann), { name: "Ann" });
    expect(await bill()).toEqual({ rowsWritten: 1, alarmsSet: 0, changes: 1 });
    const client = await Client.open(ann);
    client.move(HOME);
    await client.next("nearby");
    // The end of the token, then the earlier deadline of activity.
    expect(await bill()).toMatchObject({ rowsWritten: 1, alarmsSet: 2, changes: expect.any(Number) });
    expect((await bill()).changes).toBeGreaterThan(1);
  });
});

describe("other things that happen all the time", () => {
  test("pings, refused frames, reads and a friend's position write nothing", async () => {
    const { ann, bob } = await twoNear();
    const bill = await meter(ann.user);
    takeCalls();
    for (let i = 0; i < 20; i += 1) {
      ann.send("nonsense");
      await ann.synced();
      await objectOf(ann.user).nearby(callerOf(ann.user));
      await objectOf(ann.user).listFriends(callerOf(ann.user), { limit: 10 });
      await objectOf(ann.user).getProfile(callerOf(ann.user));
      later(PACE_MS);
      bob.move(north(i));
      await ann.next("friend");
    }
    expect(await bill()).toEqual(NOTHING);
    await settled();
    expect(countByCallee(takeCalls())).toEqual({ [`meet ${bob.user} > ${ann.user}`]: 20 });
  });

  test("a connection that comes and goes while nobody is active writes its alarm once", async () => {
    const ann = someone("ann");
    const first = await Client.open(ann);
    await first.close();
    const bill = await meter(ann);
    for (let i = 0; i < 5; i += 1) {
      const again = await Client.open(ann);
      await again.close();
    }
    expect(await bill()).toEqual(NOTHING);
  });
});

describe("what an object keeps", () => {
  const FRIENDS = 400;
  const CHUNKS = 500;
  const NAME = "Ann Somebody";

  /** Bytes of an object's database, before and after so many rows like those of `durable-objects/user/`. */
  async function bytesEach(count: number, insert: (sql: SqlStorage, at: number) => void): Promise<number> {
    const user = someone("keeper");
    await (await Client.open(user)).close();
    return runInDurableObject(objectOf(user), (_object, { storage: { sql } }) => {
      const before = sql.databaseSize;
      for (let at = 0; at < count; at += 1) insert(sql, at);
      return (sql.databaseSize - before) / count;
    });
  }

  test("itself: the tables, before anything is in them", async () => {
    const user = someone("keeper");
    await (await Client.open(user)).close();
    const bytes = await runInDurableObject(objectOf(user), (_object, { storage }) => storage.sql.databaseSize);
    expect(bytes).toBeLessThanOrEqual(BYTES.object);
    expect(bytes).toBeGreaterThan(BYTES.object * 0.9);
  });

  test("a friend", async () => {
    // Ids without a pattern, and the same every time: where they fall in the index decides how full its pages are.
    const ids = taxis(FRIENDS, 1).map(({ user }) => user);
    const bytes = await bytesEach(FRIENDS, (sql, at) => {
      const now = Date.now();
      sql.exec(
        "INSERT INTO friend (id, standing, since, mine_wants, mine_rev, mine_refuses, theirs_wants, theirs_rev," +
          " theirs_refuses, muted, name) VALUES (?, 'friend', ?, 1, ?, 0, 1, ?, 0, 0, ?)",
        ids[at],
        now,
        now,
        now,
        NAME,
      );
    });
    expect(bytes).toBeLessThanOrEqual(BYTES.friend);
    expect(bytes).toBeGreaterThan(BYTES.friend * 0.9);
  });

  test("a chunk of 20 points", async () => {
    const chunks = taxis(CHUNKS, CHUNK_POINTS_MAX);
    const bytes = await bytesEach(CHUNKS, (sql, at) => {
      const points = chunks[at]?.points ?? [];
      const from = Date.now() + at * 600_000;
      sql.exec(
        "INSERT INTO chunk (from_ts, to_ts, stored_at, queued, points) VALUES (?, ?, ?, 1, ?)",
        from,
        from + 570_000,
        from + 600_000,
        encodeChunk(points),
      );
    });
    expect(bytes).toBeLessThanOrEqual(BYTES.chunk);
    expect(bytes).toBeGreaterThan(BYTES.chunk * 0.9);
  });
});
