import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { TOMBSTONE_MS } from "../../durable-objects/user/bonds.ts";
import { GIVE_UP_AFTER_MS, RETRY_FIRST_MS, RETRY_MAX_MS } from "../../durable-objects/user/outbox.ts";
import {
  Client,
  HOME,
  PACE_MS,
  alarmOf,
  ask,
  befriend,
  callerOf,
  closeAll,
  crashOne,
  fault,
  friendsOf,
  heal,
  later,
  north,
  objectOf,
  rowsOf,
  settled,
  someone,
  stopClock,
  takeCalls,
  twoNear,
  watchCalls,
} from "./people.ts";

beforeAll(() => {
  stopClock();
  watchCalls();
});

afterEach(async () => {
  heal();
  vi.restoreAllMocks();
  await closeAll();
});

function put(user: string, friend: string) {
  return objectOf(user).putFriend(callerOf(user), friend);
}

function end(user: string, friend: string): Promise<void> {
  return objectOf(user).deleteFriend(callerOf(user), friend);
}

async function bothLists(a: string, b: string): Promise<[string | undefined, string | undefined]> {
  return [(await friendsOf(a))[b], (await friendsOf(b))[a]];
}

function outboxOf(user: string): Promise<{ attempts: number; retry_at: number }[]> {
  return rowsOf<{ attempts: number; retry_at: number }>(user, "SELECT attempts, retry_at FROM outbox");
}

describe("two objects agree", () => {
  test("[FRIEND1][DOWN5] ask and accept", async () => {
    const [ann, bob] = [await Client.open(someone("ann")), await Client.open(someone("bob"))];
    expect(await put(ann.user, bob.user)).toMatchObject({ entry: { id: bob.user, state: "outgoing" }, asked: true });
    expect(await bob.next("friendship")).toEqual({ type: "friendship", id: ann.user, state: "incoming" });
    expect(await put(ann.user, bob.user)).toMatchObject({ entry: { state: "outgoing" }, asked: false });
    expect(await put(bob.user, ann.user)).toMatchObject({ entry: { state: "friend" }, asked: false });
    for (const client of [ann, bob]) expect(await client.next("friendship")).toMatchObject({ state: "friend" });
    expect(await put(ann.user, bob.user)).toMatchObject({ entry: { state: "friend" }, asked: false });
    expect([await outboxOf(ann.user), await outboxOf(bob.user)]).toEqual([[], []]);
  });

  test("[FRIEND2] requests at the same time become a friendship", async () => {
    for (let i = 0; i < 10; i += 1) {
      const [ann, bob] = [someone("ann"), someone("bob")];
      await Promise.all([put(ann, bob), put(bob, ann)]);
      await settled();
      expect(await bothLists(ann, bob)).toEqual(["friend", "friend"]);
      expect([await outboxOf(ann), await outboxOf(bob)]).toEqual([[], []]);
    }
  });

  test("[FRIEND2] requests whose words cross on the way become a friendship", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    for (const user of [ann, bob]) fault(user, "stalls");
    const both = Promise.all([put(ann, bob), put(bob, ann)]);
    await vi.waitFor(() => expect(takeCalls().length).toBeGreaterThan(0));
    expect(await bothLists(ann, bob)).toEqual(["outgoing", "outgoing"]);
    heal();
    await both;
    await settled();
    expect(await bothLists(ann, bob)).toEqual(["friend", "friend"]);
  });

  const endings: [string, (ann: string, bob: string) => Promise<unknown>][] = [
    ["decline", (ann, bob) => end(bob, ann)],
    ["cancel", (ann, bob) => end(ann, bob)],
    ["unfriend", (ann, bob) => put(bob, ann).then(() => end(ann, bob))],
    ["be unfriended", (ann, bob) => put(bob, ann).then(() => end(bob, ann))],
  ];
  test.each(endings)(
    "[FRIEND3][DOWN5] %s: gone on both sides, and a later request is a new one",
    async (_what, finish) => {
      const [ann, bob] = [await Client.open(someone("ann")), await Client.open(someone("bob"))];
      await put(ann.user, bob.user);
      await finish(ann.user, bob.user);
      for (const client of [ann, bob]) await client.next("friendship", ({ state }) => state === "removed");
      expect(await bothLists(ann.user, bob.user)).toEqual([undefined, undefined]);
      await put(bob.user, ann.user);
      expect(await bothLists(ann.user, bob.user)).toEqual(["incoming", "outgoing"]);
      await put(ann.user, bob.user);
      expect(await bothLists(ann.user, bob.user)).toEqual(["friend", "friend"]);
    },
  );

  test("[FRIEND3] an older yes that arrives after the no changes nothing", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await put(ann, bob);
    const [old] = await rowsOf<{ mine_rev: number }>(ann, "SELECT mine_rev FROM friend");
    const yes = { statement: { wants: true, rev: old?.mine_rev ?? 0, refuses: 0 }, card: {} };
    await put(bob, ann);
    await end(bob, ann);
    await objectOf(bob).hear(ann, yes);
    expect(await bothLists(ann, bob)).toEqual([undefined, undefined]);
    await end(ann, bob);
    await objectOf(bob).hear(ann, yes);
    expect(await bothLists(ann, bob)).toEqual([undefined, undefined]);
  });

  test("[DOWN6] new friends who are near see each other without a new position", async () => {
    const [ann, bob] = [await Client.open(someone("ann")), await Client.open(someone("bob"))];
    ann.move(HOME);
    bob.move(north(500));
    await Promise.all([ann.next("nearby"), bob.next("nearby")]);
    await befriend(ann.user, bob.user);
    expect(await ann.next("friend")).toMatchObject({ friend: { id: bob.user, ...north(500) } });
    expect(await bob.next("friend")).toMatchObject({ friend: { id: ann.user, ...HOME } });
  });
});

describe("the other side cannot be reached", () => {
  test("[FRIEND1] the word waits in the outbox: 2 s, then twice as long each time, at most an hour", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    fault(bob, "throws");
    expect(await put(ann, bob)).toMatchObject({ entry: { state: "outgoing" }, asked: true });
    expect(await outboxOf(ann)).toEqual([{ attempts: 0, retry_at: Date.now() + RETRY_FIRST_MS }]);
    expect(await alarmOf(ann)).toBe(Date.now() + RETRY_FIRST_MS);
    const retry = async (): Promise<number> => {
      vi.setSystemTime((await alarmOf(ann)) ?? 0);
      expect(await runDurableObjectAlarm(objectOf(ann))).toBe(true);
      const alarmAt = (await alarmOf(ann)) ?? 0;
      expect((await outboxOf(ann)).map(({ retry_at }) => retry_at)).toEqual([alarmAt]);
      return alarmAt - Date.now();
    };
    for (const factor of [2, 4, 8]) expect(await retry()).toBe(factor * RETRY_FIRST_MS);
    // Doubled ten times it would be 2,048 s, eleven times more than an hour.
    await rowsOf(ann, "UPDATE outbox SET attempts = 9");
    expect([await retry(), await retry()]).toEqual([1_024 * RETRY_FIRST_MS, RETRY_MAX_MS]);
    heal();
    vi.setSystemTime((await alarmOf(ann)) ?? 0);
    await runDurableObjectAlarm(objectOf(ann));
    expect(await outboxOf(ann)).toEqual([]);
    expect(await alarmOf(ann)).toBeNull();
    expect(await bothLists(ann, bob)).toEqual(["outgoing", "incoming"]);
  });

  test("[FRIEND1] after a week it is given up, with a log line", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const [ann, bob] = [someone("ann"), someone("bob")];
    fault(bob, "throws");
    await put(ann, bob);
    later(GIVE_UP_AFTER_MS);
    await runDurableObjectAlarm(objectOf(ann));
    expect(await outboxOf(ann)).toHaveLength(1);
    expect(log).not.toHaveBeenCalled();
    later(1);
    // Due or not, only the alarm gives up: the one that is set comes within the hour.
    await rowsOf(ann, "UPDATE outbox SET retry_at = ?", Date.now());
    takeCalls();
    await runDurableObjectAlarm(objectOf(ann));
    expect(takeCalls()).toEqual([]);
    expect(await outboxOf(ann)).toEqual([]);
    expect(await alarmOf(ann)).toBeNull();
    const line = JSON.stringify({ level: "error", event: "word_given_up", user: ann, friend: bob, attempts: 1 });
    expect(log.mock.calls).toEqual([[line]]);
  });

  test("[FRIEND1] only the newest word is delivered, also after a restart", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    fault(bob, "throws");
    await put(ann, bob);
    await end(ann, bob);
    await put(ann, bob);
    expect(await outboxOf(ann)).toHaveLength(1);
    await crashOne(ann);
    heal();
    takeCalls();
    later(RETRY_FIRST_MS);
    expect(await runDurableObjectAlarm(objectOf(ann))).toBe(true);
    expect(takeCalls()).toEqual([{ verb: "hear", from: ann, to: bob }]);
    expect(await bothLists(ann, bob)).toEqual(["outgoing", "incoming"]);
  });

  test("[FRIEND1] an answer that takes longer than 2 s is not waited for", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    fault(bob, "stalls");
    const startMs = vi.getRealSystemTime();
    expect(await put(ann, bob)).toMatchObject({ asked: true });
    expect(vi.getRealSystemTime() - startMs).toBeGreaterThan(1_900);
    expect(vi.getRealSystemTime() - startMs).toBeLessThan(4_000);
    expect(await outboxOf(ann)).toHaveLength(1);
    heal();
    await settled();
    expect(await bothLists(ann, bob)).toEqual(["outgoing", "incoming"]);
  });

  test("[VIS7][FRIEND3] an end that could not be told is told by the alarm", async () => {
    const { ann, bob } = await twoNear();
    fault(bob.user, "throws");
    await end(ann.user, bob.user);
    expect(await ann.next("gone")).toMatchObject({ reason: "unfriended" });
    // He still believes in it, and learns nothing of her.
    expect(await ask(ann.user, bob.user)).toEqual({ kind: "stranger" });
    heal();
    later(RETRY_FIRST_MS);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "unfriended" });
    expect(await bothLists(ann.user, bob.user)).toEqual([undefined, undefined]);
  });

  test("[FRIEND3] tombstones are pruned after a day, unless their word is still owed", async () => {
    const [ann, bob, cyd] = [someone("ann"), someone("bob"), someone("cyd")];
    await befriend(ann, bob);
    await befriend(ann, cyd);
    await end(ann, bob);
    fault(cyd, "throws");
    await end(ann, cyd);
    const tombs = (user: string): Promise<{ id: string }[]> => rowsOf(user, "SELECT id FROM friend ORDER BY no");
    const endedAt = Date.now();
    later(TOMBSTONE_MS - 1);
    await runDurableObjectAlarm(objectOf(ann));
    expect(await tombs(ann)).toEqual([{ id: bob }, { id: cyd }]);
    expect(await alarmOf(ann)).toBe(endedAt + TOMBSTONE_MS);
    later(1);
    await runDurableObjectAlarm(objectOf(ann));
    expect(await tombs(ann)).toEqual([{ id: cyd }]);
    await runDurableObjectAlarm(objectOf(bob));
    expect(await tombs(bob)).toEqual([]);
    expect(await alarmOf(bob)).toBeNull();
    heal();
    await rowsOf(ann, "UPDATE outbox SET retry_at = ?", Date.now());
    await runDurableObjectAlarm(objectOf(ann));
    expect(await tombs(ann)).toEqual([]);
  });
});

describe("half of a friendship is lost", () => {
  test("[VIS1][FRIEND1] stranger silences the contact and says the statement again", async () => {
    const { ann, bob } = await twoNear();
    await bob.close();
    await rowsOf(bob.user, "DELETE FROM friend");
    await crashOne(bob.user);
    takeCalls();
    // The first call after a reset may still go to the object that is no more.
    for (const metres of [1, 2]) {
      later(PACE_MS);
      ann.move(north(metres));
      await ann.synced();
      await settled();
    }
    expect(ann.frames).toContainEqual({ type: "gone", id: bob.user, reason: "unfriended" });
    expect(takeCalls()).toEqual([
      { verb: "meet", from: ann.user, to: bob.user },
      { verb: "hear", from: ann.user, to: bob.user },
    ]);
    expect(await bothLists(ann.user, bob.user)).toEqual(["friend", "incoming"]);
    later(PACE_MS);
    ann.move(north(3));
    await ann.synced();
    await settled();
    expect(takeCalls()).toEqual([]);
    // One word of his heals it.
    await put(bob.user, ann.user);
    const again = await Client.open(bob.user);
    again.move(north(4));
    expect(await ann.next("friend", ({ friend }) => friend.lat === north(4).lat)).toMatchObject({
      friend: { id: bob.user },
    });
  });
});
