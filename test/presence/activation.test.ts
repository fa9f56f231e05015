/** Objects with an index of active friends: what a wake and a renewal cost, and what becomes of views when the index fails. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { OPEN_MS } from "../../src/presence/breaker.ts";
import { ANSWER_MAX_MS } from "../../src/presence/presence.ts";
import { SNAPSHOT_WAIT_MS } from "../../src/protocol/limits.ts";
import {
  addFriendRows,
  bill,
  each,
  hibernate,
  meter,
  metersOf,
  play,
  playFriends,
  takeMeetings,
} from "../objects/crowd.ts";
import {
  alarmOf,
  befriend,
  callerOf,
  Client,
  closeAll,
  crash,
  HOME,
  INACTIVE_AFTER_MS,
  later,
  nearbyOf,
  north,
  objectOf,
  PACE_MS,
  settled,
  someone,
  stopClock,
  takeCalls,
  watchCalls,
} from "../objects/people.ts";
import { type IndexFault, playIndex, type PlayedIndex } from "./played-index.ts";

const FRIENDS = 400;
const ACTIVE = 40;

let index: PlayedIndex;
beforeAll(() => {
  stopClock();
  watchCalls();
  playFriends();
  index = playIndex();
});
beforeEach(async () => {
  index.fault = null;
  // Whatever opened the breaker is over.
  later(OPEN_MS);
  await index.redis.command(["FLUSHALL"]);
});
afterEach(closeAll);

const enter = (user: string): Promise<unknown> =>
  index.redis.command(["SET", `active:${user}`, String(Date.now()), "EX", "600"]);

/** Somebody with 400 friends, of whom 40 are active and listed. */
async function popular(): Promise<string> {
  const user = someone("popular");
  const friends = Array.from({ length: FRIENDS }, (_, i) => `${user}-${i}`);
  await addFriendRows(user, friends);
  for (const [i, friend] of friends.entries()) play(friend, i < ACTIVE ? north(10 * i) : null);
  await each(friends.slice(0, ACTIVE), enter);
  takeMeetings();
  return user;
}

describe("a wake of somebody with 400 friends, 40 of them active", () => {
  test("40 calls and two commands, in one request; the snapshot has all 40", async () => {
    const ann = await Client.open(await popular());
    const spent = await meter(ann.user);
    index.commands.length = 0;
    const requests = index.requests;
    ann.move(HOME);
    expect((await ann.next("nearby")).friends).toHaveLength(ACTIVE);
    expect([takeMeetings(), index.requests - requests, index.commands]).toEqual([ACTIVE, 1, ["set", "mget"]]);
    // One alarm, and it is the one of activity: nothing is written for the index.
    const { rowsRead: _, attachmentWrites: __, attachmentBytes, ...rest } = await spent();
    const {
      rowsRead: ___,
      attachmentWrites: ____,
      ...expected
    } = bill({
      messagesIn: 1,
      callsOut: ACTIVE,
      redisCommands: 2,
      alarmsSet: 1,
      monitorCalls: 1,
    });
    expect(rest).toEqual(expected);
    expect(attachmentBytes).toBeLessThan(ACTIVE * 50);
    expect(await alarmOf(ann.user)).toBe(Date.now() + INACTIVE_AFTER_MS);
  });

  test("the next positions ask nobody but the near, and the index not at all; nor after a hibernation", async () => {
    const ann = await Client.open(await popular());
    ann.move(HOME);
    await ann.next("nearby");
    takeMeetings();
    const { redisCommands } = await metersOf(ann.user);
    later(PACE_MS);
    ann.move(north(1));
    await ann.synced();
    await settled();
    expect([takeMeetings(), (await metersOf(ann.user)).redisCommands]).toEqual([ACTIVE, redisCommands]);
    await hibernate(ann.user);
    later(PACE_MS);
    ann.move(north(2));
    await ann.synced();
    await settled();
    expect([takeMeetings(), (await metersOf(ann.user)).redisCommands]).toEqual([ACTIVE, 0]);
  });

  test("a second position while the index is asked asks neither it nor a friend", async () => {
    const ann = await Client.open(await popular());
    index.fault = "hangs";
    const requests = index.requests;
    ann.move(HOME);
    await ann.synced();
    later(PACE_MS);
    ann.move(north(1));
    await ann.synced();
    expect([index.requests - requests, takeMeetings()]).toEqual([1, 0]);
    await ann.next("nearby");
    expect(takeMeetings()).toBe(FRIENDS);
  });

  test("without a socket the row knows who is away: after a hibernation a report asks only the near", async () => {
    const user = await popular();
    const report = async (metres: number): Promise<void> => {
      await objectOf(user).report(callerOf(user), [{ ...north(metres), ts: Date.now() }]);
      await settled();
    };
    await report(0);
    expect(takeMeetings()).toBe(ACTIVE);
    await evictDurableObject(objectOf(user));
    later(PACE_MS);
    await report(1);
    expect(takeMeetings()).toBe(ACTIVE);
  });

  test("GET /v1/nearby right after a report over HTTP waits for the index and the friends", async () => {
    const user = await popular();
    expect(await objectOf(user).report(callerOf(user), [{ ...HOME, ts: Date.now() }])).toEqual({ live: true });
    expect(await nearbyOf(user)).toHaveLength(ACTIVE);
    expect(takeMeetings()).toBe(ACTIVE);
  });

  test.each(["refuses", "hangs", "garbage"] as const)(
    "an index that fails (%s): all 400 are asked, in time for the snapshot, and the next to wake do not even try it",
    async (fault) => {
      index.fault = fault;
      const log = vi.spyOn(console, "error").mockImplementation(() => {});
      const [ann, bob] = [await Client.open(await popular()), await Client.open(await popular())];
      const started = performance.now();
      ann.move(HOME);
      expect((await ann.next("nearby")).friends).toHaveLength(ACTIVE);
      expect(performance.now() - started).toBeLessThan(SNAPSHOT_WAIT_MS + ANSWER_MAX_MS);
      expect(takeMeetings()).toBe(FRIENDS);
      const requests = index.requests;
      bob.move(HOME);
      expect((await bob.next("nearby")).friends).toHaveLength(ACTIVE);
      expect([takeMeetings(), index.requests - requests]).toEqual([FRIENDS, 0]);
      const lines = log.mock.calls.map(([line]) => String(line)).filter((line) => line.includes("index_unavailable"));
      log.mockRestore();
      expect(lines).toHaveLength(1);
      expect(lines[0]).not.toMatch(/popular|a-token/);
      // What could not be entered is entered soon, not only in ten minutes.
      expect(await alarmOf(bob.user)).toBe(Date.now() + INACTIVE_AFTER_MS / 4);
      index.fault = null;
      later(INACTIVE_AFTER_MS / 4);
      await runDurableObjectAlarm(objectOf(bob.user));
      await settled();
      expect(await index.redis.command(["MGET", `active:${bob.user}`])).not.toEqual([null]);
    },
  );
});

describe("two friends", () => {
  async function friends(): Promise<{ ann: Client; bob: Client }> {
    const [ann, bob] = [await Client.open(someone("ann")), await Client.open(someone("bob"))];
    await befriend(ann.user, bob.user);
    await settled();
    takeCalls();
    return { ann, bob };
  }

  /** Both are active and close, and neither knows of the other. */
  async function missed(fault: Exclude<IndexFault, null>): Promise<{ ann: Client; bob: Client }> {
    const { ann, bob } = await friends();
    index.fault = fault;
    ann.move(HOME);
    await ann.next("nearby");
    bob.move(north(100));
    expect((await bob.next("nearby")).friends).toEqual([]);
    index.fault = null;
    await settled();
    expect(takeCalls()).toEqual([]);
    expect([ann.view.size, bob.view.size]).toEqual([0, 0]);
    return { ann, bob };
  }

  const ring = async ({ user }: Client): Promise<void> => {
    await runDurableObjectAlarm(objectOf(user));
    await settled();
  };

  /** Positions go on, so that nobody becomes inactive before the alarm. */
  async function moveOn(...clients: Client[]): Promise<void> {
    later(INACTIVE_AFTER_MS - PACE_MS);
    for (const client of clients) {
      client.move(client.user.startsWith("ann") ? HOME : north(100));
      await client.synced();
    }
    later(PACE_MS);
  }

  test("who wakes second finds the first, who sleeps is not woken", async () => {
    const { ann, bob } = await friends();
    ann.move(HOME);
    await ann.next("nearby");
    expect(takeCalls()).toEqual([]);
    bob.move(north(100));
    expect((await bob.next("nearby")).friends.map(({ id }) => id)).toEqual([ann.user]);
    await ann.next("friend");
    expect(takeCalls()).toEqual([{ verb: "meet", from: bob.user, to: ann.user }]);
  });

  test.each(["ann", "bob"] as const)("entries were lost: the next renewal of %s finds the other", async (who) => {
    const { ann, bob } = await missed("forgets");
    await moveOn(ann, bob);
    // The other one's renewal is what enters them: then this one finds them.
    await ring(who === "ann" ? bob : ann);
    await ring(who === "ann" ? ann : bob);
    expect([[...ann.view.keys()], [...bob.view.keys()]]).toEqual([[bob.user], [ann.user]]);
  });

  test("a renewal costs two commands and no row beside the alarm's, which rings anyway", async () => {
    const { ann, bob } = await friends();
    ann.move(HOME);
    await ann.next("nearby");
    bob.move(north(100));
    await bob.next("nearby");
    await settled();
    await moveOn(ann, bob);
    const spent = await meter(ann.user);
    takeCalls();
    await ring(ann);
    expect(await spent()).toMatchObject({ redisCommands: 2, alarmsSet: 1, callsOut: 0 });
    expect(await alarmOf(ann.user)).toBe(Date.now() + INACTIVE_AFTER_MS - PACE_MS);
    // An alarm that rings for something else soon after takes none along; one after a hibernation does.
    later(INACTIVE_AFTER_MS / 2 - 1);
    const again = await meter(ann.user);
    await ring(ann);
    expect((await again()).redisCommands).toBe(0);
    await hibernate(ann.user);
    await ring(ann);
    expect((await metersOf(ann.user)).redisCommands).toBe(2);
  });

  test("all keys are lost while both are active: nothing changes on the screens, and renewals enter them again", async () => {
    const { ann, bob } = await friends();
    ann.move(HOME);
    await ann.next("nearby");
    bob.move(north(100));
    await bob.next("nearby");
    await index.redis.command(["FLUSHALL"]);
    await moveOn(ann, bob);
    await ring(ann);
    await ring(bob);
    expect([[...ann.view.keys()], [...bob.view.keys()]]).toEqual([[bob.user], [ann.user]]);
    const entries = await index.redis.command(["MGET", `active:${ann.user}`, `active:${bob.user}`]);
    expect(entries).not.toContain(null);
  });

  test("a pause enters nobody; sharing again does, and finds who came meanwhile", async () => {
    const { ann, bob } = await friends();
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { sharing: false });
    const requests = index.requests;
    ann.move(HOME);
    await ann.synced();
    await ring(ann);
    expect(index.requests).toBe(requests);
    bob.move(north(100));
    expect((await bob.next("nearby")).friends).toEqual([]);
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { sharing: true });
    await settled();
    expect([[...ann.view.keys()], [...bob.view.keys()]]).toEqual([[bob.user], [ann.user]]);
  });

  test("who hides from a friend is not looked up for them", async () => {
    const { ann, bob } = await friends();
    await objectOf(ann.user).patchFriend(callerOf(ann.user), bob.user, { visibility: "hidden" });
    ann.move(HOME);
    bob.move(north(100));
    await ann.synced();
    await bob.next("nearby");
    await settled();
    expect([ann.view.size, bob.view.size]).toEqual([0, 0]);
    expect(takeCalls().filter(({ verb, from }) => verb === "meet" && from === ann.user)).toEqual([]);
  });

  test("after a crash everybody is asked without the index, and the next alarm enters the user", async () => {
    const { ann, bob } = await friends();
    ann.move(HOME);
    await ann.next("nearby");
    bob.move(north(100));
    await bob.next("nearby");
    await settled();
    await crash();
    await index.redis.command(["FLUSHALL"]);
    const requests = index.requests;
    const again = await Client.open(ann.user);
    later(PACE_MS);
    again.move(HOME);
    await again.next("nearby");
    await settled();
    expect(index.requests).toBe(requests);
    await ring(again);
    expect(await index.redis.command(["MGET", `active:${ann.user}`])).not.toEqual([null]);
  });
});
