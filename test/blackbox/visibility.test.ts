import { describe, expect } from "vitest";
import { SILENCE_MS } from "./connection.ts";
import { test } from "./helpers.ts";
import { is, leaves, parseNearby, shows, speaksOf } from "./frames.ts";
import { HOME, RADIUS_M, metresBetween, offset, placeAtBetween } from "./places.ts";

describe("who is shown to whom, and where", { concurrent: true, timeout: 20_000 }, () => {
  test("[VIS1] strangers side by side never hear of each other", async ({ world }) => {
    const a = await world.user("ana").appear(HOME);
    const ben = world.user("ben");
    const b = await ben.appear(HOME);
    b.move(offset(HOME, { northM: 1 }));
    await a.never((frame) => frame.type !== "welcome" && frame.type !== "nearby", "frame about anybody");
    expect([a.view.size, b.view.size]).toEqual([0, 0]);
    expect(parseNearby((await ben.api("GET", "/v1/nearby")).body)).toEqual([]);
  });

  test("[VIS1] a request that nobody accepted shows nothing, to neither side", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    const a = await ana.appear(HOME);
    const b = await ben.appear(HOME);
    await ana.put(ben);
    a.move(offset(HOME, { northM: 5 }));
    b.move(offset(HOME, { northM: 6 }));
    await a.never(speaksOf(ben.id), "news of somebody who only was asked");
    await b.never(speaksOf(ana.id), "news of somebody who only asked", 10);
  });

  test("[VIS2] just inside the radius is shown, just outside is not, although both round to the same distance", async ({
    world,
  }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear(HOME);
    const b = await ben.connect();
    await b.welcome();
    // 8046.72 rounds to 8046.7, and so do all of these.
    const outside = placeAtBetween(HOME, RADIUS_M + 0.001, RADIUS_M + 0.025);
    const inside = placeAtBetween(HOME, RADIUS_M - 0.015, RADIUS_M - 0.001);
    b.move(outside);
    await b.nearby();
    await a.never(speaksOf(ben.id), "news of a friend a centimetre outside");
    expect(b.view.has(ana.id)).toBe(false);
    b.move(inside);
    const shown = await a.next(shows(ben.id), "a friend a centimetre inside");
    expect(shown.friend.distance).toBe(8046.7);
    await b.next(shows(ana.id), "the other friend");
    b.move(outside);
    await a.next(leaves(ben.id, "far"), "leave of a friend a centimetre outside");
    await b.next(leaves(ana.id, "far"), "leave of the other friend");
  });

  test("[DOWN1] distance is the great circle on the mean Earth, to 0.1 m, wherever the two are", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const centres = [
      HOME,
      { lat: 0, lng: 180 },
      { lat: 89.99, lng: 10 },
      { lat: -53.1, lng: -70.9 },
      { lat: 0, lng: 0 },
    ];
    const a = await ana.appear(HOME);
    const b = await ben.appear(HOME);
    for (const centre of centres) {
      const there = offset(centre, { northM: 700, eastM: 2_345 });
      a.move(centre);
      b.move(there);
      await a.until((view) => view.get(ben.id)?.lat === there.lat, `the friend near ${centre.lat},${centre.lng}`);
      const friend = a.view.get(ben.id);
      expect(friend).toMatchObject({ ...there, precision: "exact" });
      // Half of the 0.1 m that it is rounded to.
      expect(Math.abs((friend?.distance ?? NaN) - metresBetween(centre, there))).toBeLessThan(0.0501);
    }
  });

  test("[DOWN1] distance is from the viewer's latest position", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, offset(HOME, { northM: 1_000 }));
    const here = offset(HOME, { northM: 400 });
    a.move(here);
    await b.next(is("friend"), "the move of the other");
    const there = offset(HOME, { northM: 1_100 });
    b.move(there);
    const shown = await a.next(shows(ben.id), "the move");
    expect(Math.abs(shown.friend.distance - metresBetween(here, there))).toBeLessThan(0.0501);
  });

  test("[UP5] positions keep seven decimals", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, HOME);
    b.move({ lat: 37.774912345678, lng: -122.419498765432 });
    const shown = await a.next(shows(ben.id), "the move");
    expect(shown.friend).toMatchObject({ lat: 37.7749123, lng: -122.4194988 });
  });

  test("[DOWN2] who moves hears nothing about a friend who did not", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    for (let n = 1; n <= 5; n += 1) {
      a.move(offset(HOME, { eastM: 20 * n }));
      await b.next(shows(ana.id), `move ${n}`);
    }
    await a.never(speaksOf(ben.id), "frame about a friend who rests");
  });

  test("[DOWN3] the name comes in the snapshot, with a new friend and when it changed, and not otherwise", async ({
    world,
  }) => {
    const [ana, ben] = await world.friends();
    expect((await ben.patchMe({ name: "Ben", avatar: "https://example.com/ben.png" })).status).toBe(200);
    const a = await ana.appear(HOME);
    const b = await ben.appear(HOME);
    const first = await a.next(shows(ben.id), "the new friend");
    expect(first.friend).toMatchObject({ name: "Ben", avatar: "https://example.com/ben.png" });
    b.move(offset(HOME, { northM: 1 }));
    const second = await a.next(shows(ben.id), "the move");
    expect(second.friend).not.toHaveProperty("name");
    expect(second.friend).not.toHaveProperty("avatar");
    expect((await ben.patchMe({ name: "Benjamin" })).status).toBe(200);
    b.move(offset(HOME, { northM: 2 }));
    await a.until((view) => view.get(ben.id)?.name === "Benjamin", "the new name");
    const again = await ana.connect();
    expect((await again.nearby()).friends[0]).toMatchObject({ id: ben.id, name: "Benjamin" });
  });

  test("[VIS4] pausing takes a user off the friends' clients at once", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    expect((await ben.patchMe({ sharing: false })).status).toBe(200);
    await a.next(leaves(ben.id, "paused"), "leave of the paused friend");
    b.move(offset(HOME, { northM: 50 }));
    await a.never(speaksOf(ben.id), "news of a paused friend");
    const again = await ana.connect();
    expect((await again.nearby()).friends).toEqual([]);
    expect(parseNearby((await ana.api("GET", "/v1/nearby")).body)).toEqual([]);
  });

  test("[VIS5] who pauses sees nobody", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    await ben.patchMe({ sharing: false });
    await b.next(leaves(ana.id, "paused"), "leave of the friend on the paused user's own client");
    a.move(offset(HOME, { northM: 20 }));
    b.move(offset(HOME, { northM: 60 }));
    await b.never(speaksOf(ana.id), "news of a friend while paused");
    expect(parseNearby((await ben.api("GET", "/v1/nearby")).body)).toEqual([]);
    const again = await ben.connect();
    await again.welcome();
    again.move(offset(HOME, { northM: 70 }));
    await again.never(speaksOf(ana.id), "news of a friend on a new connection while paused");
  });

  test("[SNAP5] the snapshot of a paused user is empty", async ({ world }) => {
    const [ana, ben] = await world.friends();
    await ana.appear(HOME);
    await ben.patchMe({ sharing: false });
    const b = await ben.connect();
    await b.welcome();
    b.move(HOME);
    expect((await b.nearby()).friends).toEqual([]);
  });

  test("[VIS6] after resuming both sides are shown again without a new position", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    await ben.patchMe({ sharing: false });
    await a.next(leaves(ben.id, "paused"), "leave");
    await b.next(leaves(ana.id, "paused"), "leave on the own client");
    // What was reported while paused is where the user is after resuming.
    const there = offset(HOME, { northM: 300 });
    b.move(there);
    await b.never(is("error"), "error about a position while paused");
    await ben.patchMe({ sharing: true });
    await a.until((view) => view.get(ben.id)?.lat === there.lat, "the resumed friend");
    await b.until((view) => view.has(ana.id), "the friend of the resumed user");
  });

  test("[VIS7] unfriending while near takes both off each other's clients at once", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    const a2 = await ana.connect({ device: "second" });
    await a2.nearby();
    await ana.unfriend(ben);
    await Promise.all([
      a.next(leaves(ben.id, "unfriended"), "leave, on the client of who unfriended"),
      a2.next(leaves(ben.id, "unfriended"), "leave, on the second device"),
      b.next(leaves(ana.id, "unfriended"), "leave, on the other side"),
    ]);
    a.move(offset(HOME, { northM: 10 }));
    b.move(offset(HOME, { northM: 20 }));
    await a.never(speaksOf(ben.id), "news of a former friend");
    await b.never(speaksOf(ana.id), "news of a former friend", 10);
  });

  test("[ACT2] a friend who only watches is shown nobody", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.connect();
    await a.welcome();
    const b = await ben.appear(HOME);
    b.move(offset(HOME, { northM: 5 }));
    await a.never((frame) => frame.type !== "welcome", "frame for somebody without a position", 2 * SILENCE_MS);
    expect(parseNearby((await ana.api("GET", "/v1/nearby")).body)).toEqual([]);
  });
});
