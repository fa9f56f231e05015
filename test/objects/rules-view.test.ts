import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import {
  Client,
  HOME,
  HOUR_MS,
  INACTIVE_AFTER_MS,
  PACE_MS,
  RADIUS_M,
  alarmOf,
  ask,
  befriend,
  callerOf,
  closeAll,
  fault,
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
  await closeAll();
});

describe("rule 1: only accepted friends, only while sharing", () => {
  test("[VIS1] an object tells nothing to a caller who is no accepted friend", async () => {
    const [ann, bob] = [await Client.open(someone("ann")), await Client.open(someone("bob"))];
    ann.move(HOME);
    bob.move(north(10));
    await ann.next("nearby");
    const strangers = { kind: "stranger" };
    expect(await ask(ann.user, bob.user)).toEqual(strangers);
    await objectOf(ann.user).putFriend(callerOf(ann.user), bob.user);
    // Asked by her, but not accepted by him: neither side tells the other.
    expect(await ask(ann.user, bob.user)).toEqual(strangers);
    expect(await ask(bob.user, ann.user)).toEqual(strangers);
    takeCalls();
    ann.move(north(20));
    bob.move(north(30));
    await Promise.all([ann.synced(), bob.synced()]);
    await settled();
    expect(takeCalls()).toEqual([]);
    expect([...ann.view.keys(), ...bob.view.keys()]).toEqual([]);
  });

  test("[VIS4][VIS5][VIS6] pause: both sides are empty at once, nothing is told; resume: both are back", async () => {
    const { ann, bob } = await twoNear();
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { sharing: false });
    expect(await ann.next("gone")).toMatchObject({ id: bob.user, reason: "paused" });
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "paused" });
    const answer = await ask(ann.user, bob.user);
    expect(answer).toEqual({ kind: "away", rev: expect.any(Number), reason: "paused" });
    await settled();
    takeCalls();
    later(PACE_MS);
    ann.move(north(50));
    bob.move(north(60));
    await Promise.all([ann.synced(), bob.synced()]);
    await settled();
    expect(takeCalls()).toEqual([]);
    expect([await nearbyOf(ann.user), await nearbyOf(bob.user)]).toEqual([[], []]);
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { sharing: true });
    expect(await ann.next("friend")).toMatchObject({ friend: { id: bob.user, ...north(60) } });
    expect(await bob.next("friend")).toMatchObject({ friend: { id: ann.user, ...north(50) } });
  });

  test("[VIS4] a pause that could not be told is told by the alarm", async () => {
    const { ann, bob } = await twoNear();
    fault(bob.user, "throws");
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { sharing: false });
    await settled();
    expect([...bob.view.keys()]).toEqual([ann.user]);
    heal();
    later(2_000);
    expect(await runDurableObjectAlarm(objectOf(ann.user))).toBe(true);
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "paused" });
    expect(await rowsOf(ann.user, "SELECT * FROM outbox")).toEqual([]);
  });

  test("[VIS7] unfriending while near takes both off the screens, and what is under way shows nobody again", async () => {
    const { ann, bob } = await twoNear();
    later(PACE_MS);
    fault(ann.user, "stalls");
    bob.move(north(900));
    await bob.synced();
    // His call waits at her door while she ends the friendship.
    await objectOf(ann.user).deleteFriend(callerOf(ann.user), bob.user);
    expect(await ann.next("gone")).toMatchObject({ id: bob.user, reason: "unfriended" });
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "unfriended" });
    heal();
    await settled();
    expect([...ann.view.keys(), ...bob.view.keys()]).toEqual([]);
    takeCalls();
    later(PACE_MS);
    ann.move(HOME);
    bob.move(HOME);
    await Promise.all([ann.synced(), bob.synced()]);
    await settled();
    expect(takeCalls()).toEqual([]);
    expect([...ann.view.keys(), ...bob.view.keys()]).toEqual([]);
  });
});

describe("rule 2: decided for both sides", () => {
  test("[VIS2][VIS3] one moves, in and out: both learn of it", async () => {
    const { ann, bob } = await twoNear(RADIUS_M + 2_000);
    expect([...ann.view.keys(), ...bob.view.keys()]).toEqual([]);
    later(PACE_MS);
    bob.move(north(RADIUS_M - 1));
    expect(await ann.next("friend")).toMatchObject({ friend: { id: bob.user, distance: expect.closeTo(8045.7, 1) } });
    expect(await bob.next("friend")).toMatchObject({ friend: { id: ann.user, ...HOME } });
    later(PACE_MS);
    bob.move(north(RADIUS_M + 1));
    expect(await ann.next("gone")).toMatchObject({ id: bob.user, reason: "far" });
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "far" });
  });

  test("[VIS3] both move at once, past each other: both end with the truth", async () => {
    const { ann, bob } = await twoNear(RADIUS_M + 3_000);
    for (const [ofAnn, ofBob] of [
      [3_000, RADIUS_M + 2_000],
      [3_000, 3_000 + RADIUS_M + 1],
      [9_000, 9_000],
      [0, RADIUS_M + 1],
      [0, RADIUS_M - 1],
    ] as const) {
      later(PACE_MS);
      ann.move(north(ofAnn));
      bob.move(north(ofBob));
      await Promise.all([ann.synced(), bob.synced()]);
      await settled();
      const isNear = ofBob - ofAnn <= RADIUS_M;
      expect([...ann.view.values()], `${ofAnn} ${ofBob}`).toMatchObject(
        isNear ? [{ id: bob.user, ...north(ofBob) }] : [],
      );
      expect([...bob.view.values()], `${ofAnn} ${ofBob}`).toMatchObject(
        isNear ? [{ id: ann.user, ...north(ofAnn) }] : [],
      );
    }
  });
});

describe("rule 3: activity, by the server's clock", () => {
  test("[ACT1][ACT2][ACT5] ten minutes without a position: both sides are empty, and back with the next one", async () => {
    const { ann, bob } = await twoNear();
    later(INACTIVE_AFTER_MS - 1);
    bob.move(north(1_100));
    await ann.next("friend");
    await runDurableObjectAlarm(objectOf(ann.user));
    await settled();
    expect([...ann.view.keys(), ...bob.view.keys()]).toEqual([bob.user, ann.user]);
    later(1);
    expect(await alarmOf(ann.user)).toBe(Date.now());
    expect(await runDurableObjectAlarm(objectOf(ann.user))).toBe(true);
    expect(await ann.next("gone")).toMatchObject({ id: bob.user, reason: "inactive" });
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "inactive" });
    expect([await nearbyOf(ann.user), await nearbyOf(bob.user)]).toEqual([[], []]);
    ann.move(north(5));
    expect(await ann.next("friend")).toMatchObject({ friend: { id: bob.user } });
    expect(await bob.next("friend")).toMatchObject({ friend: { id: ann.user, ...north(5) } });
  });

  test("[ACT1] an alarm that is late keeps nobody on a screen once somebody asks", async () => {
    const { ann, bob } = await twoNear();
    later(PACE_MS);
    bob.move(north(1_100));
    await ann.next("friend");
    later(INACTIVE_AFTER_MS - PACE_MS);
    // No alarm has run: what is read says the truth all the same.
    expect(await ask(ann.user, bob.user)).toMatchObject({ reason: "inactive" });
    expect(await nearbyOf(ann.user)).toEqual([]);
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "inactive" });
  });

  test("[ACT1] a friend who was never told drops who is too old, at the own next position", async () => {
    const { ann, bob } = await twoNear();
    fault(ann.user, "throws");
    later(INACTIVE_AFTER_MS);
    bob.move(north(1_100));
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "inactive" });
  });

  test("[ACT3][TIME2] a phone whose clock is three hours behind stays active; one ahead is shown now", async () => {
    const [slow, bob] = [await Client.open(someone("slow")), await Client.open(someone("bob"))];
    await befriend(slow.user, bob.user);
    bob.move(north(1_000));
    await bob.next("nearby");
    slow.move(HOME, { ts: Date.now() - 3 * HOUR_MS });
    expect(await bob.next("friend")).toMatchObject({ friend: { id: slow.user, ts: Date.now() - 3 * HOUR_MS } });
    later(INACTIVE_AFTER_MS - 1);
    bob.move(north(1_100));
    await bob.synced();
    expect(await nearbyOf(bob.user)).toEqual([slow.user]);
    slow.move(north(1), { ts: Date.now() + 5 * HOUR_MS });
    expect(await bob.next("friend")).toMatchObject({ friend: { id: slow.user, ...north(1), ts: Date.now() } });
    // The next one with a right clock is not older than that.
    later(PACE_MS);
    slow.move(north(2));
    expect(await bob.next("friend")).toMatchObject({ friend: { id: slow.user, ...north(2), ts: Date.now() } });
  });

  test("[ACT4] a closed socket does not end activity: the row answers, also after an eviction", async () => {
    const { ann, bob } = await twoNear();
    await ann.close();
    expect(await rowsOf(ann.user, "SELECT count(*) AS n FROM kept")).toEqual([{ n: 1 }]);
    await settled();
    expect([...bob.view.keys()]).toEqual([ann.user]);
    await evictDurableObject(objectOf(ann.user));
    later(PACE_MS);
    bob.move(north(500));
    await bob.synced();
    await settled();
    expect([...bob.view.keys()]).toEqual([ann.user]);
    expect(await nearbyOf(ann.user)).toEqual([bob.user]);
    // Whoever comes back sees at once who is there, and the row is not needed any more.
    const again = await Client.open(ann.user);
    expect(await again.next("nearby")).toMatchObject({ friends: [{ id: bob.user, ...north(500) }] });
    expect(await rowsOf(ann.user, "SELECT * FROM kept")).toEqual([]);
  });

  test("[ACT4][ACT1] a report over HTTP without a socket lasts ten minutes, also over an eviction", async () => {
    const bob = await Client.open(someone("bob"));
    const ann = someone("ann");
    await befriend(ann, bob.user);
    bob.move(HOME);
    await bob.next("nearby");
    const point = { ...north(100), ts: Date.now() };
    expect(await objectOf(ann).report(callerOf(ann), [point])).toEqual({ live: true });
    expect(await bob.next("friend")).toMatchObject({ friend: { id: ann, ...point } });
    await evictDurableObject(objectOf(ann));
    later(INACTIVE_AFTER_MS - 1);
    bob.move(north(1));
    await bob.synced();
    expect(await nearbyOf(ann)).toEqual([bob.user]);
    later(1);
    await evictDurableObject(objectOf(ann));
    expect(await runDurableObjectAlarm(objectOf(ann))).toBe(true);
    expect(await nearbyOf(ann)).toEqual([]);
    expect(await rowsOf(ann, "SELECT * FROM kept")).toEqual([]);
  });

  test("[ACT6][TIME1] an older position changes neither the place nor the deadline; one of the same ts does", async () => {
    const { ann, bob } = await twoNear();
    const ts = Date.now();
    later(INACTIVE_AFTER_MS - 1);
    ann.move(north(10), { ts: ts - 1 });
    await ann.synced();
    expect(bob.fresh()).toEqual([]);
    ann.move(north(20), { ts });
    expect(await bob.next("friend")).toMatchObject({ friend: { ...north(20), ts } });
    later(1);
    await runDurableObjectAlarm(objectOf(ann.user));
    await settled();
    expect(await ask(ann.user, bob.user)).toMatchObject({ kind: "active" });
  });
});

describe("rules 5 and 8: devices and order", () => {
  test("[DEV1] the state moves to the other device when the carrier closes, and to the row after it", async () => {
    const { ann: phone, bob } = await twoNear();
    const user = phone.user;
    const tablet = await Client.open(user, { device: "tablet" });
    expect(await tablet.next("nearby")).toMatchObject({ friends: [{ id: bob.user }] });
    later(PACE_MS);
    tablet.move(north(10));
    expect(await bob.next("friend")).toMatchObject({ friend: { id: user, ...north(10) } });
    bob.move(north(300));
    expect(await phone.next("friend")).toMatchObject({ friend: { id: bob.user } });
    expect(await tablet.next("friend")).toMatchObject({ friend: { id: bob.user } });

    await phone.close();
    await sleep(20);
    expect(await rowsOf(user, "SELECT * FROM kept")).toEqual([]);
    await evictDurableObject(objectOf(user), { webSockets: "hibernate" });
    expect(await ask(user, bob.user)).toMatchObject({ kind: "active", sighting: north(10) });
    await tablet.close();
    await vi.waitFor(async () => expect(await rowsOf(user, "SELECT * FROM kept")).toHaveLength(1));
    await evictDurableObject(objectOf(user));
    expect(await ask(user, bob.user)).toMatchObject({ kind: "active", sighting: north(10) });
  });

  test("[ORD1] frames about one friend keep their order, however fast they come", async () => {
    const { ann, bob } = await twoNear();
    const steps = Array.from({ length: 25 }, (_, i) => north(10 * i));
    later(PACE_MS);
    for (const place of steps) ann.move(place);
    await ann.synced();
    await settled();
    const lats = bob.frames.flatMap((frame) => (frame.type === "friend" ? [frame.friend.lat] : []));
    expect(lats).toEqual(lats.toSorted((a, b) => a - b));
    expect(bob.view.get(ann.user)).toMatchObject(north(240));
  });
});
