import { describe, expect } from "vitest";
import { SILENCE_MS } from "./connection.ts";
import { test } from "./helpers.ts";
import { is, leaves, parseNearby, shows, speaksOf } from "./frames.ts";
import { HOME, offset } from "./places.ts";

/** Of the contract: the longest that the snapshot waits for friends. */
const SNAPSHOT_WAIT_MS = 2_000;

describe("the snapshot", { concurrent: true, timeout: 20_000 }, () => {
  test("[SNAP1] it is the whole set of friends within the radius", async ({ world }) => {
    const ana = world.user("ana");
    const near = [world.user("near1"), world.user("near2"), world.user("near3")];
    const far = world.user("far");
    const asleep = world.user("asleep");
    for (const friend of [...near, far, asleep]) {
      await world.befriend(ana, friend);
    }
    await Promise.all(near.map((friend, n) => friend.appear(offset(HOME, { northM: 100 * (n + 1) }))));
    await far.appear(offset(HOME, { northM: 50_000 }));
    const a = await ana.appear(HOME);
    const snapshot = a.frames.find(is("nearby"));
    expect(snapshot?.friends.map((friend) => friend.id).toSorted()).toEqual(near.map((friend) => friend.id).toSorted());
    expect(snapshot?.friends.find((friend) => friend.id === near[0]?.id)).toMatchObject(offset(HOME, { northM: 100 }));
  });

  test("[SNAP1] after a reconnect it is the recovery, without a new position", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    a.cut();
    const there = offset(HOME, { northM: 700 });
    b.move(there);
    await b.never(leaves(ana.id), "leave of a friend who lost the connection");
    const again = await ana.connect();
    const snapshot = await again.nearby();
    expect(snapshot.friends).toHaveLength(1);
    expect(snapshot.friends[0]).toMatchObject({ id: ben.id, ...there });
    b.move(offset(HOME, { northM: 710 }));
    await again.next(shows(ben.id), "the next move");
  });

  test("[SNAP1] it no longer has who left while nobody was connected", async ({ world }) => {
    const { a, b, ana } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    await a.close();
    b.move(offset(HOME, { northM: 30_000 }));
    await b.next(leaves(ana.id, "far"), "leave of the friend who is not connected");
    const again = await ana.connect();
    expect((await again.nearby()).friends).toEqual([]);
  });

  test("[SNAP2] it follows the first live position, and not the second", async ({ world }) => {
    const connection = await world.user("ana").connect();
    await connection.welcome();
    await connection.never(is("nearby"), "snapshot before a position");
    connection.move(HOME);
    await connection.nearby();
    connection.move(offset(HOME, { northM: 1 }));
    await connection.never(is("nearby"), "second snapshot");
  });

  test("[SNAP2] a device that only watches gets it right after welcome when the user is active", async ({ world }) => {
    const { ana, ben, b } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    const watch = await ana.connect({ device: "watch" });
    const snapshot = await watch.nearby();
    expect(watch.frames.map((frame) => frame.type).slice(0, 2)).toEqual(["welcome", "nearby"]);
    expect(snapshot.friends.map((friend) => friend.id)).toEqual([ben.id]);
    b.move(offset(HOME, { northM: 110 }));
    await watch.next(shows(ben.id), "the move, on the watch");
  });

  test("[SNAP2] nobody has to have friends to get it", async ({ world }) => {
    const connection = await world.user("ana").connect();
    connection.move(HOME);
    expect((await connection.nearby()).friends).toEqual([]);
  });

  test("[SNAP3] nothing about friends comes before it, however busy they are", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const b = await ben.appear(HOME);
    const a = await ana.connect();
    for (let n = 1; n <= 5; n += 1) {
      b.move(offset(HOME, { northM: n }));
    }
    await a.never((frame) => frame.type === "friend" || frame.type === "gone", "frame before the snapshot");
    a.move(HOME);
    for (let n = 6; n <= 10; n += 1) {
      b.move(offset(HOME, { northM: n }));
    }
    await a.until((view) => view.get(ben.id)?.lat === offset(HOME, { northM: 10 }).lat, "the latest move");
    const types = a.frames.map((frame) => frame.type);
    expect(types.slice(0, 2)).toEqual(["welcome", "nearby"]);
  });

  test("[SNAP3] on a second connection nothing comes before its own snapshot", async ({ world }) => {
    const { ana, b } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    let n = 0;
    const timer = setInterval(() => b.move(offset(HOME, { northM: 100 + (n += 1) })), 20);
    const connections = [];
    for (let round = 0; round < 5; round += 1) {
      connections.push(await ana.connect());
    }
    clearInterval(timer);
    for (const connection of connections) {
      await connection.nearby();
      expect(connection.frames.slice(0, 2).map((frame) => frame.type)).toEqual(["welcome", "nearby"]);
    }
  });

  test("[SNAP4] it comes within two seconds, also with friends who never connected", async ({ world }) => {
    const ana = world.user("ana");
    for (let n = 0; n < 10; n += 1) {
      await world.befriend(ana, world.user(`idle${n}`));
    }
    const connection = await ana.connect();
    await connection.welcome();
    const startedMs = Date.now();
    connection.move(HOME);
    await connection.nearby();
    // The rest is for a busy machine.
    expect(Date.now() - startedMs).toBeLessThan(SNAPSHOT_WAIT_MS + 1_000);
  });

  test("[SNAP1] GET /v1/nearby answers the same", async ({ world }) => {
    const { ana, ben } = await world.pair(HOME, offset(HOME, { northM: 321 }));
    await ben.patchMe({ name: "Ben" });
    const watch = await ana.connect();
    const overSocket = (await watch.nearby()).friends;
    const answer = await ana.api("GET", "/v1/nearby");
    expect(answer.status, answer.text).toBe(200);
    expect(parseNearby(answer.body)).toEqual(overSocket);
    expect(overSocket).toHaveLength(1);
  });

  test("[DEV1] every device receives, any of them may send", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    const a2 = await ana.connect({ device: "tablet" });
    await a2.nearby();
    b.move(offset(HOME, { northM: 120 }));
    await Promise.all([a.next(shows(ben.id), "move"), a2.next(shows(ben.id), "move")]);
    const here = offset(HOME, { eastM: 40 });
    a2.move(here, { ts: Math.floor(a2.nowMs()) });
    const seen = await b.next(shows(ana.id), "move of the tablet");
    expect(seen.friend).toMatchObject(here);
    b.move(offset(HOME, { northM: 30_000 }));
    await Promise.all([a.next(leaves(ben.id, "far"), "leave"), a2.next(leaves(ben.id, "far"), "leave")]);
  });

  test("[DEV1] a device that waited without a position sees friends once another device sent one", async ({
    world,
  }) => {
    const [ana, ben] = await world.friends();
    const b = await ben.appear(HOME);
    const watch = await ana.connect({ device: "watch" });
    await watch.never(speaksOf(ben.id), "friend before anybody knows where the viewer is", SILENCE_MS);
    const phone = await ana.appear(offset(HOME, { northM: 10 }), { device: "phone" });
    await watch.until((view) => view.has(ben.id), "the friend, on the waiting device");
    const first = watch.frames.find((frame) => frame.type !== "welcome");
    expect(first?.type, "the snapshot comes first here as well").toBe("nearby");
    expect([...phone.view.keys()]).toEqual([ben.id]);
    b.move(offset(HOME, { northM: 11 }));
    await watch.until((view) => view.get(ben.id)?.lat === offset(HOME, { northM: 11 }).lat, "the move");
  });

  test("[DEV1] the carrier's end takes nothing away from the other device", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    const a2 = await ana.connect({ device: "tablet" });
    await a2.nearby();
    a.cut();
    b.move(offset(HOME, { northM: 200 }));
    await a2.next(shows(ben.id), "move after the other device went");
    await b.never(leaves(ana.id), "leave of a friend with a device left");
  });
});
