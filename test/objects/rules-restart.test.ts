import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { ALARM_LOST_AFTER_MS } from "../../durable-objects/user/agenda.ts";
import {
  Client,
  HOME,
  INACTIVE_AFTER_MS,
  PACE_MS,
  alarmOf,
  ask,
  befriend,
  callerOf,
  closeAll,
  crash,
  crashOne,
  heal,
  later,
  nearbyOf,
  north,
  objectOf,
  rowsOf,
  settled,
  sleep,
  someone,
  stopClock,
  twoNear,
  watchCalls,
} from "./people.ts";

beforeAll(() => {
  stopClock();
  watchCalls();
});

afterEach(async () => {
  heal();
  await closeAll();
});

describe("rule 7: restarted, with sockets dropped", () => {
  test("[FAIL3][SNAP1] everything restarts: each reconnects and sends a position, and gets a snapshot", async () => {
    const { ann, bob } = await twoNear();
    later(PACE_MS);
    await crash();
    const bobAgain = await Client.open(bob.user);
    bobAgain.move(north(500));
    // Her object lost its memory while she may well be active: neither "inactive" nor an old place.
    expect(await bobAgain.next("nearby")).toMatchObject({ friends: [] });
    const annAgain = await Client.open(ann.user);
    annAgain.move(north(5));
    expect(await annAgain.next("nearby")).toMatchObject({ friends: [{ id: bob.user, ...north(500) }] });
    expect(await bobAgain.next("friend")).toMatchObject({ friend: { id: ann.user, ...north(5) } });
  });

  test("[FAIL3][ACT1] only one side restarts: she is unsure, he keeps what he shows until it is too old", async () => {
    const { ann, bob } = await twoNear();
    await crashOne(ann.user);
    expect(await alarmOf(ann.user)).toBeLessThanOrEqual(Date.now() + INACTIVE_AFTER_MS);
    later(PACE_MS);
    bob.move(north(1));
    await bob.synced();
    await settled();
    expect(await ask(ann.user, bob.user)).toMatchObject({ kind: "unsure" });
    expect([...bob.view.keys()]).toEqual([ann.user]);
    later(INACTIVE_AFTER_MS - PACE_MS - 1);
    bob.move(north(2));
    await bob.synced();
    await settled();
    expect([...bob.view.keys()]).toEqual([ann.user]);
    later(1);
    bob.move(north(3));
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "inactive" });
  });

  test("[ACT1] an alarm that the runtime lost is set again by the next position", async () => {
    const { ann } = await twoNear();
    const lostAt = Date.now() + INACTIVE_AFTER_MS;
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await alarmOf(ann.user)).toBe(lostAt);
    later(INACTIVE_AFTER_MS + ALARM_LOST_AFTER_MS - 1);
    ann.move(north(1));
    await ann.synced();
    expect(await alarmOf(ann.user)).toBe(lostAt);
    later(1);
    ann.move(north(2));
    await ann.synced();
    expect(await alarmOf(ann.user)).toBe(Date.now() + INACTIVE_AFTER_MS);
  });

  test("[FAIL3][ACT1] unsure ends with the alarm", async () => {
    const { ann, bob } = await twoNear();
    await crashOne(ann.user);
    later(INACTIVE_AFTER_MS);
    expect(await runDurableObjectAlarm(objectOf(ann.user))).toBe(true);
    expect(await ask(ann.user, bob.user)).toMatchObject({ kind: "away", reason: "inactive" });
  });

  test("[FAIL3] unsure ends with the next position: shown again on both sides at once", async () => {
    const { ann, bob } = await twoNear();
    await crashOne(ann.user);
    later(PACE_MS);
    bob.move(north(1));
    await bob.synced();
    const again = await Client.open(ann.user);
    again.move(north(2));
    expect(await again.next("nearby")).toMatchObject({ friends: [{ id: bob.user, ...north(1) }] });
    expect(await bob.next("friend")).toMatchObject({ friend: { id: ann.user, ...north(2) } });
  });

  test("[FAIL3] a clock that was set back before the restart silences nobody", async () => {
    const { ann, bob } = await twoNear();
    later(PACE_MS);
    ann.move(north(1));
    await bob.next("friend");
    await crashOne(ann.user);
    later(-60_000);
    const again = await Client.open(ann.user);
    again.move(north(2));
    expect(await bob.next("friend")).toMatchObject({ friend: { id: ann.user, ...north(2) } });
    expect(await again.next("nearby")).toMatchObject({ friends: [{ id: bob.user }] });
  });

  test("[FAIL3][ACT4] without a socket the row survives a restart: still active, at the last place", async () => {
    const { ann, bob } = await twoNear();
    await ann.close();
    await vi.waitFor(async () => expect(await rowsOf(ann.user, "SELECT * FROM kept")).toHaveLength(1));
    await crash();
    expect(await ask(ann.user, bob.user)).toMatchObject({ kind: "active", sighting: HOME });
  });

  test("[FAIL2][ACT4] a friend who woke while the state was in the row is met again after an eviction", async () => {
    const [ann, bob] = [someone("ann"), await Client.open(someone("bob"))];
    await befriend(ann, bob.user);
    const report = (metres: number) => objectOf(ann).report(callerOf(ann), [{ ...north(metres), ts: Date.now() }]);
    // Over HTTP, while he is inactive: by the second time the row knows that he is.
    await report(0);
    await settled();
    await report(1);
    // He wakes 20 km away: both may be silent within 6 km.
    bob.move(north(20_000));
    await bob.next("nearby");
    await settled();
    await evictDurableObject(objectOf(ann));
    later(PACE_MS);
    await report(19_000);
    later(PACE_MS);
    bob.move(north(20_001));
    await bob.synced();
    await settled();
    expect(await nearbyOf(ann)).toEqual([bob.user]);
    expect([...bob.view.keys()]).toEqual([ann]);
  });

  test("[FAIL2][SNAP1] a friend who woke while the state was in the row is in the snapshot of a client that comes back", async () => {
    const ann = await Client.open(someone("ann"));
    const bob = await Client.open(someone("bob"));
    await befriend(ann.user, bob.user);
    ann.move(HOME);
    await ann.next("nearby");
    await ann.close();
    await vi.waitFor(async () => expect(await rowsOf(ann.user, "SELECT * FROM kept")).toHaveLength(1));
    bob.move(north(10));
    expect(await bob.next("nearby")).toMatchObject({ friends: [{ id: ann.user }] });
    await evictDurableObject(objectOf(ann.user));
    const again = await Client.open(ann.user);
    expect(await again.next("nearby")).toMatchObject({ friends: [{ id: bob.user }] });
  });

  test("[FAIL2][DOWN6] a friendship made while the state was in the row survives an eviction", async () => {
    const [ann, bob] = [someone("ann"), await Client.open(someone("bob"))];
    const report = (metres: number) => objectOf(ann).report(callerOf(ann), [{ ...north(metres), ts: Date.now() }]);
    await report(0);
    bob.move(north(20_000));
    await bob.next("nearby");
    await befriend(ann, bob.user);
    await settled();
    await evictDurableObject(objectOf(ann));
    later(PACE_MS);
    await report(19_000);
    expect(await bob.next("friend")).toMatchObject({ friend: { id: ann, ...north(19_000) } });
    expect(await nearbyOf(ann)).toEqual([bob.user]);
  });

  test("[FAIL3] a row from before the last connection is never restored", async () => {
    const { ann, bob } = await twoNear();
    await ann.close();
    const again = await Client.open(ann.user);
    await again.next("nearby");
    later(PACE_MS);
    again.move(north(400));
    await bob.next("friend");
    await crash();
    expect(await ask(ann.user, bob.user)).toMatchObject({ kind: "unsure" });
  });

  test("[FAIL3] evicted with its sockets closed: the state is in the row, and a client that comes back sees at once", async () => {
    const { ann, bob } = await twoNear();
    await evictDurableObject(objectOf(ann.user), { webSockets: "close" });
    await ann.closed;
    await sleep(20);
    later(PACE_MS);
    const again = await Client.open(ann.user);
    again.move(north(3));
    expect(await again.next("nearby")).toMatchObject({ friends: [{ id: bob.user }] });
    expect(await bob.next("friend")).toMatchObject({ friend: { id: ann.user, ...north(3) } });
  });

  test("[FAIL3][VIS4] a pause survives everything", async () => {
    const { ann, bob } = await twoNear();
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { sharing: false });
    await bob.next("gone");
    // Not all there are: a shard of the monitor stays awake while anybody is here.
    const fallAsleep = () => Promise.all([ann, bob].map(({ user }) => evictDurableObject(objectOf(user))));
    for (const upset of [fallAsleep, crash]) {
      await upset();
      expect(await ask(ann.user, bob.user)).toMatchObject({ kind: "away", reason: "paused" });
      later(PACE_MS);
      const again = await Client.open(ann.user);
      again.move(HOME);
      expect(await again.next("nearby")).toMatchObject({ friends: [] });
      expect(await nearbyOf(bob.user)).toEqual([]);
    }
  });
});
