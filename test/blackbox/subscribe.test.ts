import { describe, expect } from "vitest";
import { test } from "./helpers.ts";
import { is, leaves, parseNearby, refuses, shows, speaksOf } from "./frames.ts";
import { HOME, offset } from "./places.ts";

describe("subscribe and unsubscribe", { concurrent: true, timeout: 20_000 }, () => {
  test("[UP10] unsubscribing takes a shown friend away on every device, with the ref on the asking one", async ({
    world,
  }) => {
    const { a, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    const other = await ana.connect();
    await other.nearby();
    a.send({ type: "unsubscribe", friend: ben.id, ref: 8 });
    expect((await a.next(leaves(ben.id, "unsubscribed"), "leave")).ref).toBe(8);
    expect(await other.next(leaves(ben.id, "unsubscribed"), "leave, on the other device")).not.toHaveProperty("ref");
  });

  test("[UP10] unsubscribing a friend who is not shown causes no frame", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear(HOME);
    a.send({ type: "unsubscribe", friend: ben.id, ref: 8 });
    await a.never(() => true, "frame");
    expect((await ana.entry(ben))?.muted).toBe(true);
  });

  test("[UP10] it lasts, and the friend still sees this user", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    a.send({ type: "unsubscribe", friend: ben.id });
    await a.next(leaves(ben.id, "unsubscribed"), "leave");
    b.move(offset(HOME, { northM: 110 }));
    await a.never(speaksOf(ben.id), "news of a muted friend");
    a.move(offset(HOME, { eastM: 10 }));
    await b.next(shows(ana.id), "move of who muted");
    expect((await ana.entry(ben))?.muted).toBe(true);
    expect((await ben.entry(ana))?.muted).toBe(false);
    expect(parseNearby((await ana.api("GET", "/v1/nearby")).body)).toEqual([]);
    const again = await ana.connect();
    expect((await again.nearby()).friends).toEqual([]);
    b.move(offset(HOME, { northM: 120 }));
    await again.never(speaksOf(ben.id), "news of a muted friend");
  });

  test("[UP9] subscribing again shows the friend, with the ref and the name", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    await ben.patchMe({ name: "Ben" });
    a.send({ type: "unsubscribe", friend: ben.id });
    await a.next(leaves(ben.id, "unsubscribed"), "leave");
    const there = offset(HOME, { northM: 150 });
    b.move(there);
    await a.never(speaksOf(ben.id), "news of a muted friend", 200);
    a.send({ type: "subscribe", friend: ben.id, ref: 77 });
    const answer = await a.next(is("friend"), "answer");
    expect(answer.ref).toBe(77);
    expect(answer.friend).toMatchObject({ id: ben.id, ...there, name: "Ben" });
    expect((await ana.entry(ben))?.muted).toBe(false);
    b.move(offset(HOME, { northM: 160 }));
    await a.next(shows(ben.id), "the next move");
  });

  test("[UP9] subscribing to a friend who is shown already is answered friend", async ({ world }) => {
    const { a, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    a.send({ type: "subscribe", friend: ben.id, ref: 1 });
    const answer = await a.next(shows(ben.id), "answer");
    expect(answer.ref).toBe(1);
  });

  test("[UP9] subscribing to a friend who cannot be shown is answered gone, with why", async ({ world }) => {
    const ana = world.user("ana");
    const [far, asleep, paused] = [world.user("far"), world.user("asleep"), world.user("paused")];
    for (const friend of [far, asleep, paused]) {
      await world.befriend(ana, friend);
    }
    await far.appear(offset(HOME, { northM: 40_000 }));
    await paused.appear(HOME);
    await paused.patchMe({ sharing: false });
    const a = await ana.appear(HOME);
    for (const [ref, friend, reason] of [
      [1, far, "far"],
      [2, asleep, "inactive"],
      [3, paused, "paused"],
    ] as const) {
      a.send({ type: "subscribe", friend: friend.id, ref });
      const answer = await a.next(leaves(friend.id), `answer about ${friend.id}`);
      expect(answer).toMatchObject({ reason, ref });
    }
  });

  test("[UP11] nobody can subscribe to a stranger, to who was only asked, or to a former friend", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const [cat, dan] = [world.user("cat"), world.user("dan")];
    await ana.put(cat);
    await dan.put(ana);
    await ana.unfriend(ben);
    const a = await ana.appear(HOME);
    for (const [n, id] of ["nobody.at.all", ben.id, cat.id, dan.id, ana.id].entries()) {
      a.send({ type: "subscribe", friend: id, ref: 2 * n });
      await a.next(refuses("not_friends", 2 * n), `refusal of ${id}`);
      a.send({ type: "unsubscribe", friend: id, ref: 2 * n + 1 });
      await a.next(refuses("not_friends", 2 * n + 1), `refusal of ${id}`);
    }
  });

  test("[UP11] a friend that is no user id is bad_message", async ({ world }) => {
    const connection = await world.user("ana").connect();
    const bad = ["", ".", "..", "a b", "x".repeat(65), 5, null, ["a"], { id: "a" }, undefined];
    for (const [ref, friend] of bad.entries()) {
      connection.send({ type: ref % 2 === 0 ? "subscribe" : "unsubscribe", friend, ref });
      await connection.next(refuses("bad_message", ref), `error for ${JSON.stringify(friend)}`);
    }
    connection.send({ type: "subscribe", friend: "x".repeat(64), ref: 99 });
    await connection.next(refuses("not_friends", 99), "refusal of the longest id");
  });
});
