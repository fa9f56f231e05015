/** Who sees how much: visibility per friend, timed pauses, blocks, invites, shares, and the end of an account. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { COARSE_ERROR_M, coarsePlace } from "../../src/geo/coarse.ts";
import { distanceM } from "../../src/geo/distance.ts";
import { ASKS_PER_DAY_MAX, BLOCKS_MAX, INVITES_MAX, SHARE_VIEWERS_MAX, SHARES_MAX } from "../../src/protocol/limits.ts";
import { hibernate } from "./crowd.ts";
import {
  alarmOf,
  ask,
  befriend,
  callerOf,
  Client,
  closeAll,
  crashOne,
  DAY_MS,
  fault,
  friendsOf,
  heal,
  HOME,
  later,
  nearbyOf,
  north,
  objectOf,
  PACE_MS,
  rowsOf,
  settled,
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

type Patch = Parameters<ReturnType<typeof objectOf>["patchFriend"]>[2];

async function patch(user: string, friend: string, change: Patch): Promise<void> {
  expect(await objectOf(user).patchFriend(callerOf(user), friend, change)).not.toBeNull();
}

describe("what a friend may know", () => {
  test("[SEE1] a coarse friend is told the cell, at once and from then on, and sees the user where the cell is", async () => {
    const { ann, bob } = await twoNear();
    await patch(ann.user, bob.user, { visibility: "coarse" });
    const told = await bob.next("friend", ({ friend }) => friend.precision === "coarse");
    expect(told.friend).toMatchObject(coarsePlace(HOME));
    expect(told.friend.distance).toBeCloseTo(distanceM(north(1_000), coarsePlace(HOME)), 0);
    later(PACE_MS);
    ann.move(north(300));
    const moved = await bob.next("friend");
    expect(moved.friend).toMatchObject({ ...coarsePlace(north(300)), precision: "coarse" });
    // The other way round nothing has changed.
    expect(ann.view.get(bob.user)).toMatchObject({ ...north(1_000), precision: "exact" });
    expect(await ask(ann.user, bob.user)).toMatchObject({ sighting: { ...coarsePlace(HOME), errorM: COARSE_ERROR_M } });
    await patch(ann.user, bob.user, { visibility: null });
    expect((await bob.next("friend")).friend).toMatchObject({ ...north(300), precision: "exact" });
  });

  test("[SEE1] after hibernation and after a crash a coarse friend is told no more than before", async () => {
    const { ann, bob } = await twoNear();
    await patch(ann.user, bob.user, { visibility: "coarse" });
    await settled();
    await hibernate(ann.user);
    later(PACE_MS);
    ann.move(north(50));
    expect((await bob.next("friend", ({ friend }) => friend.ts === Date.now())).friend).toMatchObject(
      coarsePlace(HOME),
    );
    await crashOne(ann.user);
    const again = await Client.open(ann.user);
    later(PACE_MS);
    again.move(north(60));
    await again.next("nearby");
    await settled();
    expect(bob.view.get(ann.user)).toMatchObject({ ...coarsePlace(north(60)), precision: "coarse" });
  });

  test("[SEE3] a change that is lost on its way takes the exact place off the screen all the same", async () => {
    const { ann, bob } = await twoNear();
    fault(bob.user, "throws");
    await patch(ann.user, bob.user, { visibility: "coarse" });
    await settled();
    expect(bob.view.get(ann.user)).toMatchObject({ precision: "exact" });
    heal();
    // Ann does not move again: only the outbox comes back to it.
    later(10_000);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect((await bob.next("friend")).friend).toMatchObject({ ...coarsePlace(HOME), precision: "coarse" });
  });

  test("[SEE2] hidden: neither sees the other, and nobody is told where the other is", async () => {
    const { ann, bob } = await twoNear();
    await patch(ann.user, bob.user, { visibility: "hidden" });
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "paused" });
    expect(await ann.next("gone")).toMatchObject({ id: bob.user, reason: "paused" });
    later(PACE_MS);
    ann.move(north(10));
    bob.move(north(20));
    await Promise.all([ann.synced(), bob.synced()]);
    await settled();
    expect([ann.view.size, bob.view.size]).toEqual([0, 0]);
    expect(await ask(ann.user, bob.user)).toMatchObject({ kind: "away", reason: "paused" });
    expect(await friendsOf(bob.user)).toEqual({ [ann.user]: "friend" });
    await crashOne(ann.user);
    const again = await Client.open(ann.user);
    later(PACE_MS);
    again.move(north(30));
    await again.next("nearby");
    await settled();
    expect([again.view.size, bob.view.size]).toEqual([0, 0]);
    await patch(ann.user, bob.user, { visibility: "exact" });
    expect((await bob.next("friend")).friend).toMatchObject({ id: ann.user, ...north(30) });
    expect((await again.next("friend")).friend).toMatchObject({ id: bob.user, ...north(20) });
  });

  test("[SEE2] hidden from one friend, the others see the user as before", async () => {
    const { ann, bob } = await twoNear();
    const cleo = await Client.open(someone("cleo"));
    await befriend(ann.user, cleo.user);
    cleo.move(north(500));
    await cleo.next("nearby");
    await patch(ann.user, bob.user, { visibility: "hidden" });
    await bob.next("gone");
    later(PACE_MS);
    ann.move(north(70));
    expect((await cleo.next("friend", ({ friend }) => friend.ts === Date.now())).friend).toMatchObject(north(70));
    await settled();
    expect(await nearbyOf(ann.user)).toEqual([cleo.user]);
  });

  test("[FRIEND7] a friendship that ended takes visibility and muting along; a stranger has neither", async () => {
    const { ann, bob } = await twoNear();
    await patch(ann.user, bob.user, { visibility: "coarse", muted: true });
    expect(await ann.next("gone")).toMatchObject({ reason: "unsubscribed" });
    await objectOf(bob.user).deleteFriend(callerOf(bob.user), ann.user);
    await settled();
    await befriend(ann.user, bob.user);
    const page = await objectOf(ann.user).listFriends(callerOf(ann.user), { limit: 10 });
    expect(page).toMatchObject({ friends: [{ id: bob.user, visibility: "exact", muted: false }] });
    expect(await objectOf(ann.user).patchFriend(callerOf(ann.user), someone("nobody"), { muted: true })).toBeNull();
  });
});

describe("a pause with an end", () => {
  test("[ME4] the user comes back by itself, on both sides, also after a crash", async () => {
    const { ann, bob } = await twoNear();
    const pausedUntil = Date.now() + 300_000;
    const profile = await objectOf(ann.user).patchProfile(callerOf(ann.user), { pausedUntil });
    expect(profile).toMatchObject({ sharing: false, pausedUntil });
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "paused" });
    expect(await alarmOf(ann.user)).toBeLessThanOrEqual(pausedUntil);
    later(300_000);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect((await bob.next("friend")).friend.id).toBe(ann.user);
    expect(await objectOf(ann.user).getProfile(callerOf(ann.user))).toEqual({
      user: ann.user,
      sharing: true,
      discoverable: false,
    });
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { pausedUntil: Date.now() + 60_000 });
    await crashOne(ann.user);
    later(60_000);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await objectOf(ann.user).getProfile(callerOf(ann.user))).toMatchObject({ sharing: true });
  });

  test("[ME4] sharing again ends it early, and the next pause has no end unless it says so", async () => {
    const user = someone("ann");
    const change = (wish: Parameters<ReturnType<typeof objectOf>["patchProfile"]>[1]) =>
      objectOf(user).patchProfile(callerOf(user), wish);
    await change({ pausedUntil: Date.now() + 60_000 });
    expect(await change({ sharing: true })).toEqual({ user, sharing: true, discoverable: false });
    expect(await change({ sharing: false })).toEqual({ user, sharing: false, discoverable: false });
    expect(await change({ pausedUntil: Date.now() + 5_000 })).toMatchObject({ sharing: false });
    expect(await change({ pausedUntil: null })).toEqual({ user, sharing: false, discoverable: false });
    later(DAY_MS);
    await runDurableObjectAlarm(objectOf(user));
    expect(await objectOf(user).getProfile(callerOf(user))).toEqual({ user, sharing: false, discoverable: false });
  });
});

describe("blocks", () => {
  test("[BLOCK1] a block unfriends at once; later requests vanish, and look like any other to the one who asks", async () => {
    const { ann, bob } = await twoNear();
    expect(await objectOf(ann.user).block(callerOf(ann.user), bob.user)).toEqual({ blocked: true });
    expect(await bob.next("gone")).toMatchObject({ reason: "unfriended" });
    expect(await bob.next("friendship")).toMatchObject({ state: "removed" });
    await settled();
    ann.fresh();
    const cleo = someone("cleo");
    await objectOf(cleo).patchProfile(callerOf(cleo), { name: "Cleo" });
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { name: "Ann" });
    const toAnn = await objectOf(bob.user).putFriend(callerOf(bob.user), ann.user);
    const toCleo = await objectOf(bob.user).putFriend(callerOf(bob.user), cleo);
    expect(toAnn).toMatchObject({ asked: true, entry: { id: ann.user, name: "Ann", state: "outgoing" } });
    expect(toCleo).toMatchObject({ asked: true, entry: { id: cleo, name: "Cleo", state: "outgoing" } });
    await ann.synced();
    expect(ann.fresh()).not.toContain("friendship");
    expect(await friendsOf(ann.user)).toEqual({});
    expect(await friendsOf(bob.user)).toEqual({ [ann.user]: "outgoing", [cleo]: "outgoing" });
    // What the mark on the other side says, no request of its user shows.
    expect(await rowsOf(bob.user, "SELECT id, since, theirs FROM block")).toEqual([
      { id: ann.user, since: null, theirs: 1 },
    ]);
    expect(await objectOf(bob.user).listBlocks(callerOf(bob.user), { limit: 10 })).toEqual({ blocks: [] });
  });

  test("[BLOCK2] whoever lifts the block, or asks, can be friends again", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await objectOf(bob).putFriend(callerOf(bob), ann);
    await objectOf(ann).block(callerOf(ann), bob);
    expect(await objectOf(ann).listBlocks(callerOf(ann), { limit: 10 })).toEqual({
      blocks: [{ id: bob, since: Date.now() }],
    });
    await objectOf(ann).unblock(callerOf(ann), bob);
    expect(await rowsOf(bob, "SELECT id FROM block WHERE theirs = 1")).toEqual([]);
    await objectOf(bob).putFriend(callerOf(bob), ann);
    expect(await friendsOf(ann)).toEqual({ [bob]: "incoming" });
    await objectOf(ann).block(callerOf(ann), bob);
    expect(await objectOf(ann).putFriend(callerOf(ann), bob)).toMatchObject({ entry: { state: "outgoing" } });
    expect(await objectOf(ann).listBlocks(callerOf(ann), { limit: 10 })).toEqual({ blocks: [] });
  });

  test("[BLOCK3] the thousandth block is taken, the next one is not", async () => {
    const ann = someone("ann");
    await objectOf(ann).getProfile(callerOf(ann));
    const many = Array.from({ length: BLOCKS_MAX - 1 }, (_, i) => `('x${i}', 1, 1, 0, 0)`).join(", ");
    await rowsOf(ann, `INSERT INTO block (id, since, rev, theirs, theirs_rev) VALUES ${many}`);
    await crashOne(ann);
    expect(await objectOf(ann).block(callerOf(ann), someone("last"))).toEqual({ blocked: true });
    expect(await objectOf(ann).block(callerOf(ann), someone("more"))).toEqual({ refused: "block_limit" });
    const page = await objectOf(ann).listBlocks(callerOf(ann), { limit: 400 });
    expect(page.blocks).toHaveLength(400);
    const next = await objectOf(ann).listBlocks(callerOf(ann), { limit: 1_000, cursor: page.next ?? "" });
    expect(next.blocks).toHaveLength(600);
  });
});

describe("asking", () => {
  test("[FRIEND8] questions of a day are limited, whatever became of them", async () => {
    const ann = someone("ann");
    await objectOf(ann).getProfile(callerOf(ann));
    const asked = Array.from(
      { length: ASKS_PER_DAY_MAX - 1 },
      (_, i) => `('y${i}', 'none', ${Date.now()}, 0, 5, 0, 0, 0, 0, 0)`,
    ).join(", ");
    const columns =
      "id, standing, since, mine_wants, mine_rev, mine_refuses, theirs_wants, theirs_rev, theirs_refuses, muted";
    await rowsOf(ann, `INSERT INTO friend (${columns}) VALUES ${asked}`);
    expect(await objectOf(ann).putFriend(callerOf(ann), someone("last"))).toMatchObject({ asked: true });
    expect(await objectOf(ann).putFriend(callerOf(ann), someone("more"))).toEqual({ refused: "ask_limit" });
    // Whoever has asked already is accepted all the same.
    const eve = someone("eve");
    await objectOf(eve).putFriend(callerOf(eve), ann);
    expect(await objectOf(ann).putFriend(callerOf(ann), eve)).toMatchObject({ entry: { state: "friend" } });
  });
});

describe("invites", () => {
  const invite = async (user: string, wish = { uses: 1, minutes: 60 }) => {
    const made = await objectOf(user).createInvite(callerOf(user), wish);
    if ("refused" in made) throw new Error(made.refused);
    return made;
  };
  const accept = (user: string, owner: string, id: string) =>
    objectOf(user).acceptInvite(callerOf(user), { owner, id });

  test("[INV4] one tap makes two people friends, live on both sides; a second tap changes nothing", async () => {
    const ann = await Client.open(someone("ann"));
    const bob = await Client.open(someone("bob"));
    ann.move(HOME);
    bob.move(north(100));
    await Promise.all([ann.next("nearby"), bob.next("nearby")]);
    const { id } = await invite(ann.user);
    expect(await accept(bob.user, ann.user, id)).toMatchObject({ entry: { id: ann.user, state: "friend" } });
    expect((await ann.next("friend")).friend.id).toBe(bob.user);
    expect((await bob.next("friend")).friend.id).toBe(ann.user);
    expect(await accept(bob.user, ann.user, id)).toMatchObject({ entry: { state: "friend" } });
    expect(await accept(someone("eve"), ann.user, id)).toEqual({ refused: "not_found" });
    expect(await accept(ann.user, ann.user, id)).toEqual({ refused: "own" });
  });

  test("[INV4] used up, over, revoked or never made: all the same to whoever tries", async () => {
    const ann = someone("ann");
    const twice = await invite(ann, { uses: 2, minutes: 60 });
    expect(await objectOf(ann).viewInvite(twice.id)).toEqual({ expiresAt: twice.expiresAt });
    for (const name of ["bob", "cleo"]) {
      expect(await accept(someone(name), ann, twice.id)).toMatchObject({ entry: { state: "friend" } });
    }
    expect(await accept(someone("dan"), ann, twice.id)).toEqual({ refused: "not_found" });
    const short = await invite(ann);
    later(60 * 60_000 - 1);
    expect(await objectOf(ann).listInvites(callerOf(ann))).toEqual([{ ...short, used: 0 }]);
    later(1);
    expect(await objectOf(ann).viewInvite(short.id)).toBeNull();
    expect(await accept(someone("dan"), ann, short.id)).toEqual({ refused: "not_found" });
    const revoked = await invite(ann);
    expect(await objectOf(ann).revokeInvite(callerOf(ann), revoked.id)).toBe(true);
    expect(await objectOf(ann).revokeInvite(callerOf(ann), revoked.id)).toBe(false);
    expect(await accept(someone("dan"), ann, revoked.id)).toEqual({ refused: "not_found" });
    expect(await accept(someone("dan"), someone("nobody"), revoked.id)).toEqual({ refused: "not_found" });
    later(60 * 60_000);
    expect(await objectOf(ann).listInvites(callerOf(ann))).toEqual([]);
    expect(await rowsOf(ann, "SELECT id FROM invite UNION SELECT invite FROM invite_use")).toEqual([]);
  });

  test("[INV2] [BLOCK1] fifty are open at most; a blocked person finds none", async () => {
    const ann = someone("ann");
    for (let i = 0; i < INVITES_MAX; i += 1) await invite(ann);
    expect(await objectOf(ann).createInvite(callerOf(ann), { uses: 1, minutes: 1 })).toEqual({
      refused: "invite_limit",
    });
    const [first] = await objectOf(ann).listInvites(callerOf(ann));
    const bob = someone("bob");
    await objectOf(ann).block(callerOf(ann), bob);
    expect(await accept(bob, ann, first?.id ?? "")).toEqual({ refused: "not_found" });
    expect([await friendsOf(ann), await friendsOf(bob)]).toEqual([{}, {}]);
  });

  test("[INV4] tapping again changes nothing; whoever was unfriended since does not come back by it", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    const { id } = await invite(ann);
    for (let i = 0; i < 3; i += 1) {
      expect(await accept(bob, ann, id)).toMatchObject({ entry: { state: "friend" } });
      expect(await objectOf(ann).listInvites(callerOf(ann))).toEqual([]);
      expect(await objectOf(ann).viewInvite(id)).toBeNull();
    }
    await objectOf(ann).deleteFriend(callerOf(ann), bob);
    expect(await accept(bob, ann, id)).toEqual({ refused: "not_found" });
    expect([await friendsOf(ann), await friendsOf(bob)]).toEqual([{}, {}]);
  });
});

describe("shares", () => {
  interface Viewer {
    readonly frames: unknown[];
    readonly closed: Promise<number>;
    readonly ws: WebSocket;
  }

  async function watch(user: string, id: string): Promise<Viewer | number> {
    const headers = { upgrade: "websocket", "x-nearby-share": id };
    const { webSocket: ws, status } = await objectOf(user).fetch("https://user.invalid/share", { headers });
    if (ws === null) return status;
    const frames: unknown[] = [];
    ws.addEventListener("message", ({ data }) => {
      if (data !== "pong") frames.push(JSON.parse(String(data)));
    });
    const closed = new Promise<number>((resolve) => {
      ws.addEventListener("close", ({ code }) => resolve(code));
    });
    ws.accept();
    return { frames, closed, ws };
  }

  async function viewer(user: string, id: string): Promise<Viewer> {
    const made = await watch(user, id);
    if (typeof made === "number") throw new Error(`the viewer was answered ${made}`);
    return made;
  }

  async function share(user: string, minutes = 60): Promise<{ id: string; expiresAt: number }> {
    const made = await objectOf(user).createShare(callerOf(user), { minutes });
    if ("refused" in made) throw new Error(made.refused);
    return made;
  }

  test("[SHARE8] viewers see the position at once and as it moves, with the name, without the id", async () => {
    const ann = await Client.open(someone("ann"));
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { name: "Ann" });
    ann.move(HOME);
    await ann.next("nearby");
    const { id, expiresAt } = await share(ann.user);
    expect(await objectOf(ann.user).viewShare(id)).toEqual({ name: "Ann", endsAt: expiresAt });
    const one = await viewer(ann.user, id);
    const seen = (place: object) => ({ type: "share", ...place, ts: Date.now(), name: "Ann", endsAt: expiresAt });
    await vi.waitFor(() => expect(one.frames).toEqual([seen(HOME)]));
    await hibernate(ann.user);
    later(PACE_MS);
    ann.move(north(50));
    await vi.waitFor(() => expect(one.frames).toHaveLength(2));
    expect(one.frames[1]).toEqual(seen(north(50)));
    expect(JSON.stringify(one.frames)).not.toContain(ann.user);
    expect(await objectOf(ann.user).listShares(callerOf(ann.user))).toEqual([{ id, expiresAt, viewers: 1 }]);
    one.ws.close(1000);
    await vi.waitFor(async () => {
      expect(await objectOf(ann.user).listShares(callerOf(ann.user))).toMatchObject([{ viewers: 0 }]);
    });
  });

  test("[SHARE8] a pause stops it, sharing again goes on", async () => {
    const ann = await Client.open(someone("ann"));
    ann.move(HOME);
    await ann.next("nearby");
    const { id } = await share(ann.user);
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { sharing: false });
    const one = await viewer(ann.user, id);
    later(PACE_MS);
    ann.move(north(50));
    await ann.synced();
    expect(one.frames).toEqual([]);
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { sharing: true });
    await vi.waitFor(() => expect(one.frames).toMatchObject([north(50)]));
    one.ws.close(1000);
  });

  test("[SHARE4] it ends on time, and when it is revoked, with 4404; then the code leads nowhere", async () => {
    const ann = await Client.open(someone("ann"));
    ann.move(HOME);
    await ann.next("nearby");
    const timed = await share(ann.user, 5);
    const [one, two] = [await viewer(ann.user, timed.id), await viewer(ann.user, timed.id)];
    expect(await alarmOf(ann.user)).toBeLessThanOrEqual(timed.expiresAt);
    later(5 * 60_000 - 1);
    await runDurableObjectAlarm(objectOf(ann.user));
    ann.move(north(1));
    await vi.waitFor(() => expect(one.frames).toHaveLength(2));
    later(1);
    ann.move(north(2));
    await ann.synced();
    expect(one.frames).toHaveLength(2);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect([await one.closed, await two.closed]).toEqual([4404, 4404]);
    const revoked = await share(ann.user);
    const three = await viewer(ann.user, revoked.id);
    expect(await objectOf(ann.user).revokeShare(callerOf(ann.user), revoked.id)).toBe(true);
    expect(await three.closed).toBe(4404);
    for (const id of [timed.id, revoked.id, "never"]) {
      expect(await watch(ann.user, id)).toBe(404);
      expect(await objectOf(ann.user).viewShare(id)).toBeNull();
    }
    expect(await watch(someone("nobody"), "never")).toBe(404);
  });

  test("[SHARE8] a viewer who says anything but `ping` is closed with 1008; a restart closes viewers with 1012", async () => {
    const ann = someone("ann");
    const { id } = await share(ann);
    const [one, two] = [await viewer(ann, id), await viewer(ann, id)];
    const ponged = new Promise((resolve) => {
      one.ws.addEventListener("message", ({ data }) => resolve(data), { once: true });
    });
    one.ws.send("ping");
    expect(await ponged).toBe("pong");
    one.ws.send("hello");
    expect(await one.closed).toBe(1008);
    await objectOf(ann).drain();
    expect(await two.closed).toBe(1012);
    const three = await viewer(ann, id);
    three.ws.close(1000);
  });

  test("[SHARE2] [SHARE7] the hundredth viewer is let in, the next one is not; twenty shares are open at most", async () => {
    const ann = someone("ann");
    const { id } = await share(ann);
    const viewers = await Promise.all(Array.from({ length: SHARE_VIEWERS_MAX }, () => viewer(ann, id)));
    expect(await watch(ann, id)).toBe(503);
    for (let i = 1; i < SHARES_MAX; i += 1) await share(ann);
    expect(await objectOf(ann).createShare(callerOf(ann), { minutes: 1 })).toEqual({ refused: "share_limit" });
    for (const { ws } of viewers) ws.close(1000);
  });
});

describe("the end of an account", () => {
  test("[END1] [ME5] friends lose the user, sockets close with 4410, nothing is left, and a later token starts anew", async () => {
    const { ann, bob } = await twoNear();
    const me = callerOf(ann.user);
    await objectOf(ann.user).patchProfile(me, { name: "Ann" });
    const invite = await objectOf(ann.user).createInvite(me, { uses: 1, minutes: 5 });
    const share = await objectOf(ann.user).createShare(me, { minutes: 5 });
    const eve = someone("eve");
    await objectOf(ann.user).block(me, eve);
    await objectOf(ann.user).deleteAccount(me);
    expect((await ann.closed).code).toBe(4410);
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "unfriended" });
    expect(await bob.next("friendship")).toMatchObject({ id: ann.user, state: "removed" });
    expect(await friendsOf(bob.user)).toEqual({});
    expect(await objectOf(ann.user).getProfile(me)).toEqual({ user: ann.user, sharing: true, discoverable: false });
    expect(await friendsOf(ann.user)).toEqual({});
    const range = { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 10 };
    expect(await objectOf(ann.user).history(me, range)).toMatchObject({ points: [] });
    if (!("id" in invite) || !("id" in share)) throw new Error("refused");
    expect(await objectOf(ann.user).viewInvite(invite.id)).toBeNull();
    expect(await objectOf(ann.user).viewShare(share.id)).toBeNull();
    expect(await objectOf(ann.user).listBlocks(me, { limit: 10 })).toEqual({ blocks: [] });
    expect(await objectOf(ann.user).nearby(me)).toEqual({ type: "nearby", friends: [] });
    const again = await Client.open(ann.user);
    later(PACE_MS);
    again.move(HOME);
    expect(await again.next("nearby")).toEqual({ type: "nearby", friends: [] });
    await befriend(ann.user, bob.user);
    expect((await again.next("friend")).friend.id).toBe(bob.user);
  });

  test("[ME5] a request of somebody who was blocked gets its answer", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await objectOf(ann).block(callerOf(ann), bob);
    await objectOf(bob).putFriend(callerOf(bob), ann);
    await objectOf(ann).deleteAccount(callerOf(ann));
    expect([await friendsOf(ann), await friendsOf(bob)]).toEqual([{}, {}]);
    expect(await rowsOf(bob, "SELECT id FROM block WHERE theirs = 1")).toEqual([]);
    await objectOf(bob).putFriend(callerOf(bob), ann);
    expect(await friendsOf(ann)).toEqual({ [bob]: "incoming" });
  });

  test("[ME5] a friend who cannot be reached hears of it later", async () => {
    const { ann, bob } = await twoNear();
    fault(bob.user, "throws");
    await objectOf(ann.user).deleteAccount(callerOf(ann.user));
    heal();
    expect(await friendsOf(bob.user)).toEqual({ [ann.user]: "friend" });
    later(10_000);
    await runDurableObjectAlarm(objectOf(ann.user));
    expect(await bob.next("friendship")).toMatchObject({ state: "removed" });
    expect(bob.view.size).toBe(0);
  });
});

describe("a friendship that somebody else vouches for", () => {
  const link = (a: string, b: string, wanted = true) => env.USER.getByName(a).link(b, wanted);

  test("[IMPORT1] both are friends by two calls, and see each other without a new position", async () => {
    const ann = await Client.open(someone("ann"));
    const bob = await Client.open(someone("bob"));
    ann.move(HOME);
    bob.move(north(100));
    await Promise.all([ann.next("nearby"), bob.next("nearby")]);
    expect(await link(ann.user, bob.user)).toBe("done");
    expect((await ann.next("friend")).friend.id).toBe(bob.user);
    expect((await bob.next("friend")).friend.id).toBe(ann.user);
    expect(await link(ann.user, bob.user)).toBe("unchanged");
    expect(await link(bob.user, ann.user)).toBe("unchanged");
    expect(await link(bob.user, ann.user, false)).toBe("done");
    expect(await bob.next("gone")).toMatchObject({ reason: "unfriended" });
    expect(await link(bob.user, ann.user, false)).toBe("unchanged");
    expect([await friendsOf(ann.user), await friendsOf(bob.user)]).toEqual([{}, {}]);
    // Once more: the "no" of before does not stand in the way.
    expect(await link(ann.user, bob.user)).toBe("done");
    expect(await friendsOf(bob.user)).toEqual({ [ann.user]: "friend" });
  });

  test("[IMPORT2] it accepts what was asked, and stops at a block, on either side", async () => {
    const [ann, bob, cleo] = [someone("ann"), someone("bob"), someone("cleo")];
    await objectOf(ann).putFriend(callerOf(ann), bob);
    expect(await link(bob, ann)).toBe("done");
    expect(await friendsOf(ann)).toEqual({ [bob]: "friend" });
    await objectOf(ann).block(callerOf(ann), cleo);
    expect(await link(ann, cleo)).toEqual({ refused: "blocked" });
    expect(await link(cleo, ann)).toEqual({ refused: "blocked" });
    expect(await friendsOf(cleo)).toEqual({});
  });
});
