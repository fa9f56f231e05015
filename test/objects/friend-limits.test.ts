import { afterEach, beforeAll, describe, expect, test } from "vitest";

import { FRIENDS_MAX, PENDING_IN_MAX, PENDING_OUT_MAX } from "../../src/protocol/limits.ts";
import { hibernate } from "./crowd.ts";
import {
  Client,
  alarmOf,
  callerOf,
  closeAll,
  friendsOf,
  objectOf,
  rowsOf,
  settled,
  someone,
  stopClock,
  takeCalls,
  watchCalls,
} from "./people.ts";

beforeAll(() => {
  stopClock();
  watchCalls();
});

afterEach(closeAll);

function put(user: string, friend: string) {
  return objectOf(user).putFriend(callerOf(user), friend);
}

/** Puts so many people into a user's friend table who exist nowhere else. */
async function fill(user: string, standing: "friend" | "incoming" | "outgoing", people: number): Promise<void> {
  await objectOf(user).getProfile(callerOf(user));
  const mine = standing === "incoming" ? 0 : 1;
  const theirs = standing === "outgoing" ? 0 : 1;
  await rowsOf(
    user,
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
     INSERT INTO friend (id, standing, since, mine_wants, mine_rev, mine_refuses, theirs_wants, theirs_rev,
       theirs_refuses, muted) SELECT ? || i, ?, 1, ?, ?, 0, ?, ?, 0, 0 FROM n`,
    people,
    `${standing}-`,
    standing,
    mine,
    mine,
    theirs,
    theirs,
  );
  // What the object has counted is no more than it knows of.
  await hibernate(user);
}

async function count(user: string, standing: string): Promise<number> {
  const [row] = await rowsOf<{ n: number }>(user, "SELECT count(*) AS n FROM friend WHERE standing = ?", standing);
  return row?.n ?? Number.NaN;
}

/** Everything that a user's object stores about others, and its alarm. */
async function storedBy(user: string): Promise<unknown> {
  const friends = await rowsOf(user, "SELECT * FROM friend ORDER BY no");
  return { friends, outbox: await rowsOf(user, "SELECT * FROM outbox") };
}

describe("pending requests", () => {
  test("[FRIEND6] a user may ask 100 people who have not answered, not 101", async () => {
    const ann = someone("ann");
    await fill(ann, "outgoing", PENDING_OUT_MAX - 2);
    const [ninetyNinth, hundredth, next] = [someone("bob"), someone("bob"), someone("bob")];
    expect(await put(ann, ninetyNinth)).toMatchObject({ asked: true });
    expect(await put(ann, hundredth)).toMatchObject({ asked: true });
    const before = await storedBy(ann);
    takeCalls();
    expect(await put(ann, next)).toEqual({ refused: "pending_limit" });
    expect(takeCalls()).toEqual([]);
    expect(await storedBy(ann)).toEqual(before);
    expect(await rowsOf(next, "SELECT name FROM sqlite_master WHERE name = 'friend'")).toEqual([]);
    // Asking again is no new request, and somebody else's request can still be accepted.
    expect(await put(ann, hundredth)).toMatchObject({ entry: { state: "outgoing" }, asked: false });
    await put(next, ann);
    expect(await put(ann, next)).toMatchObject({ entry: { state: "friend" } });
    // A place is free again when one is cancelled.
    await objectOf(ann).deleteFriend(callerOf(ann), hundredth);
    expect(await put(ann, someone("bob"))).toMatchObject({ asked: true });
  });

  test("[FRIEND6] 200 may wait for a user, not 201: nothing is stored on either side", async () => {
    const bob = someone("bob");
    await fill(bob, "incoming", PENDING_IN_MAX - 2);
    const client = await Client.open(bob);
    const [first, second, third] = [someone("ann"), someone("ann"), someone("ann")];
    expect(await put(first, bob)).toMatchObject({ asked: true });
    expect(await put(second, bob)).toMatchObject({ asked: true });
    await client.synced();
    client.fresh();
    const before = await storedBy(bob);
    expect(await put(third, bob)).toEqual({ refused: "pending_limit" });
    expect(await count(bob, "incoming")).toBe(PENDING_IN_MAX);
    expect(await storedBy(bob)).toEqual(before);
    expect(await storedBy(third)).toEqual({ friends: [], outbox: [] });
    await client.synced();
    expect(client.frames.filter(({ type }) => type === "friendship")).toHaveLength(2);
    // Whoever was asked by him is not one of them.
    await put(bob, third);
    expect(await put(third, bob)).toMatchObject({ entry: { state: "friend" } });
    await objectOf(bob).deleteFriend(callerOf(bob), first);
    expect(await put(someone("ann"), bob)).toMatchObject({ asked: true });
  });

  test("[FRIEND6] one who unfriended may ask again only while there is room", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await put(ann, bob);
    await put(bob, ann);
    await objectOf(ann).deleteFriend(callerOf(ann), bob);
    await fill(bob, "incoming", PENDING_IN_MAX);
    expect(await put(ann, bob)).toEqual({ refused: "pending_limit" });
    expect(await friendsOf(ann)).toEqual({});
    expect(await count(bob, "incoming")).toBe(PENDING_IN_MAX);
    expect(await storedBy(ann)).toMatchObject({ outbox: [] });
  });
});

describe("friends", () => {
  test("[FRIEND6] 4,999 friends: one more may be accepted, at 5,000 nobody is asked or accepted", async () => {
    const ann = someone("ann");
    const [bob, cyd, dan] = [someone("bob"), someone("cyd"), someone("dan")];
    await fill(ann, "friend", FRIENDS_MAX - 2);
    for (const friend of [bob, cyd, dan]) await put(friend, ann);
    expect(await put(ann, bob)).toMatchObject({ entry: { state: "friend" } });
    expect(await count(ann, "friend")).toBe(FRIENDS_MAX - 1);
    expect(await put(ann, cyd)).toMatchObject({ entry: { state: "friend" } });
    expect(await count(ann, "friend")).toBe(FRIENDS_MAX);
    const before = await storedBy(ann);
    const alarmAt = await alarmOf(ann);
    takeCalls();
    expect(await put(ann, dan)).toEqual({ refused: "friend_limit" });
    expect(await put(ann, someone("eve"))).toEqual({ refused: "friend_limit" });
    expect(takeCalls()).toEqual([]);
    expect(await storedBy(ann)).toEqual(before);
    expect(await alarmOf(ann)).toBe(alarmAt);
    // Ending one makes room.
    await objectOf(ann).deleteFriend(callerOf(ann), cyd);
    expect(await put(ann, dan)).toMatchObject({ entry: { state: "friend" } });
    expect(await friendsOf(dan)).toEqual({ [ann]: "friend" });
  });

  test("[FRIEND6] a user with 5,000 friends cannot be made the friend of one more by who accepts", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    const client = await Client.open(ann);
    await put(ann, bob);
    await fill(ann, "friend", FRIENDS_MAX);
    await client.synced();
    client.fresh();
    expect(await put(bob, ann)).toEqual({ refused: "friend_limit" });
    await settled();
    expect(await friendsOf(bob)).toEqual({ [ann]: "incoming" });
    expect(await count(ann, "friend")).toBe(FRIENDS_MAX);
    expect(await count(ann, "outgoing")).toBe(1);
    expect(await rowsOf(bob, "SELECT * FROM outbox")).toEqual([]);
    expect(client.fresh()).toEqual([]);
    await rowsOf(ann, "DELETE FROM friend WHERE id = 'friend-1'");
    await hibernate(ann);
    expect(await put(bob, ann)).toMatchObject({ entry: { state: "friend" } });
    expect(await count(ann, "friend")).toBe(FRIENDS_MAX);
  });
});
