import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import type { Connection } from "./connection.ts";
import { SILENCE_MS } from "./connection.ts";
import { expectProblem, friendPath, test } from "./helpers.ts";
import type { User } from "./helpers.ts";
import { is, leaves, parseNearby, shows, speaksOf } from "./frames.ts";
import type { Friend } from "./frames.ts";
import { HOME, metresBetween, offset, RADIUS_M } from "./places.ts";
import type { Place } from "./places.ts";

/** Of the contract: cells of about 1 km, so nobody is farther from the centre of theirs than half of a diagonal. */
const COARSE_OFF_MAX_M = 800;

const NORTH = offset(HOME, { northM: 1_000 });

/** The next frame in which a friend is told coarsely. */
async function coarse(viewer: Connection, friend: User): Promise<Friend> {
  const frame = await viewer.next(
    is("friend", (seen) => seen.friend.id === friend.id && seen.friend.precision === "coarse"),
    "the friend as a cell",
  );
  return frame.friend;
}

function placeOf({ lat, lng }: Place): Place {
  return { lat, lng };
}

/** Whether any frame of this connection, from `since` on, has exactly this place. */
function betrays(viewer: Connection, { lat, lng }: Place, since: number): boolean {
  const text = JSON.stringify(viewer.frames.slice(since));
  return text.includes(String(lat)) || text.includes(String(lng));
}

describe("visibility per friend", { concurrent: true, timeout: 20_000 }, () => {
  test("[SEE1] a friend who becomes coarse is shown as a cell at once, and the other way round nothing changes", async ({
    world,
  }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    const entry = await ana.patchFriend(ben, { visibility: "coarse" });
    expect(entry).toMatchObject({ id: ben.id, state: "friend", visibility: "coarse", muted: false });
    const cell = await coarse(b, ana);
    const offM = metresBetween(HOME, cell);
    expect(offM).toBeGreaterThan(0);
    expect(offM).toBeLessThan(COARSE_OFF_MAX_M);
    // Half of the 0.1 m that it is rounded to.
    expect(Math.abs(cell.distance - metresBetween(NORTH, cell))).toBeLessThan(0.0501);
    const [listed] = parseNearby((await ben.api("GET", "/v1/nearby")).body);
    expect(listed).toMatchObject({ ...placeOf(cell), precision: "coarse" });
    const again = await ben.connect();
    expect((await again.nearby()).friends).toMatchObject([{ ...placeOf(cell), precision: "coarse" }]);
    // Ben himself is as visible as before, and is not told what he may know: the list shows the own choice only.
    await a.never(speaksOf(ben.id), "frame about a friend of whom nothing has changed");
    expect(await ben.entry(ana)).toMatchObject({ visibility: "exact" });
    expect(await ana.entry(ben)).toMatchObject({ visibility: "coarse" });
    const there = offset(NORTH, { eastM: 30 });
    b.move(there);
    expect((await a.next(shows(ben.id), "the move")).friend).toMatchObject({ ...there, precision: "exact" });
    await ana.patchFriend(ben, { visibility: null });
    expect((await b.next(shows(ana.id), "the exact place")).friend).toMatchObject({ ...HOME, precision: "exact" });
  });

  test("[SEE1] the cell is the same for everybody and for every place in it; no frame has more", async ({ world }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    const [cleo, dan] = [world.user("cleo"), world.user("dan")];
    await world.befriend(ana, cleo);
    await world.befriend(ana, dan);
    await ana.patchFriend(cleo, { visibility: "coarse" });
    const c = await cleo.appear(offset(HOME, { eastM: 700 }));
    const d = await dan.appear(NORTH);
    await d.until((view) => view.has(ana.id), "the friend, for whom she is exact");
    await ana.patchFriend(ben, { visibility: "coarse" });
    const cell = await coarse(b, ana);
    expect(c.view.get(ana.id)).toMatchObject({ ...placeOf(cell), precision: "coarse" });
    const since = b.frames.length;
    d.skip();
    const moves = [
      { northM: 150, eastM: 12 },
      { northM: 9, eastM: -180 },
      { northM: -90, eastM: 60 },
    ];
    const steps = moves.map((move) => offset(cell, move));
    for (const step of steps) {
      const ts = a.move(step);
      expect((await d.next(shows(ana.id), "the step, exactly")).friend).toMatchObject({ ...step, precision: "exact" });
      const inCell = { ...placeOf(cell), precision: "coarse", ts };
      await b.until((view) => view.get(ana.id)?.ts === ts, "the step, as a cell");
      await c.until((view) => view.get(ana.id)?.ts === ts, "the step, as a cell");
      expect([b.view.get(ana.id), c.view.get(ana.id)]).toMatchObject([inCell, inCell]);
      expect(b.view.get(ana.id)?.distance).toBe(cell.distance);
    }
    for (const place of [HOME, ...steps]) {
      expect(betrays(b, place, since)).toBe(false);
      expect(betrays(c, place, 0)).toBe(false);
    }
    a.move(offset(cell, { northM: 2_000 }));
    const next = await b.next(
      is("friend", ({ friend }) => friend.lat !== cell.lat),
      "another cell",
    );
    expect(metresBetween(next.friend, offset(cell, { northM: 2_000 }))).toBeLessThan(COARSE_OFF_MAX_M);
  });

  test("[SEE1] near or not is decided by the cell: the edge of the radius tells nothing of the place", async ({
    world,
  }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    await ana.patchFriend(ben, { visibility: "coarse" });
    const cell = await coarse(b, ana);
    // By her place she would be out of reach of the first, and within reach of the second.
    for (const [hereM, thereM, isNear] of [
      [-200, RADIUS_M - 50, true],
      [200, RADIUS_M + 50, false],
      [-200, RADIUS_M - 20, true],
    ] as const) {
      const [here, there] = [offset(cell, { northM: hereM }), offset(cell, { northM: thereM })];
      expect(metresBetween(here, there) <= RADIUS_M).toBe(!isNear);
      a.move(here);
      b.move(there);
      await b.until((view) => view.has(ana.id) === isNear, `the coarse friend ${isNear ? "in" : "out of"} reach`);
      // She knows her own place, and his.
      await a.until((view) => view.has(ben.id) === !isNear, "what follows from the own place");
      b.skip();
      // Her steps inside of the cell change nothing for him.
      a.move(offset(cell, { northM: -hereM }));
      await a.until((view) => view.has(ben.id) === isNear, "what follows from the step");
      await b.never((frame) => leaves(ana.id)(frame) || (!isNear && speaksOf(ana.id)(frame)), "word of such a step");
      expect(b.view.has(ana.id)).toBe(isNear);
    }
    const { distance = 0 } = b.view.get(ana.id) ?? {};
    expect(Math.abs(distance - (RADIUS_M - 20))).toBeLessThan(0.2);
  });

  test("[SEE1] chosen while the friend was away, it holds from the first frame on, for both if both chose it", async ({
    world,
  }) => {
    const [ana, ben] = await world.friends();
    await ana.patchFriend(ben, { visibility: "coarse" });
    await ben.patchFriend(ana, { visibility: "coarse" });
    const a = await ana.appear(HOME);
    const b = await ben.appear(NORTH);
    await a.until((view) => view.has(ben.id), "the friend");
    await b.until((view) => view.has(ana.id), "the friend");
    expect([a.view.get(ben.id), b.view.get(ana.id)]).toMatchObject([{ precision: "coarse" }, { precision: "coarse" }]);
    expect([betrays(a, NORTH, 0), betrays(b, HOME, 0)]).toEqual([false, false]);
  });

  test("[SEE1] it holds for positions over HTTP, of a user without a socket", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const report = async (place: Place): Promise<void> => {
      const answer = await ana.api("POST", "/v1/location", { ...place, ts: Date.now() });
      expect(answer.body, answer.text).toEqual({ live: true });
    };
    await report(HOME);
    const b = await ben.appear(NORTH);
    await b.until((view) => view.get(ana.id)?.precision === "exact", "the friend");
    const since = b.frames.length;
    await ana.patchFriend(ben, { visibility: "coarse" });
    const cell = await coarse(b, ana);
    const step = offset(cell, { northM: 77, eastM: 33 });
    await report(step);
    expect(await coarse(b, ana)).toMatchObject(placeOf(cell));
    expect([betrays(b, HOME, since), betrays(b, step, since)]).toEqual([false, false]);
    await ana.patchFriend(ben, { visibility: "hidden" });
    await b.next(leaves(ana.id, "paused"), "leave of who hides");
    await report(HOME);
    await b.never(speaksOf(ana.id), "news of a hidden friend");
  });

  test("[SEE2] hidden: both leave as by a pause, hear nothing more, and the others go on", async ({ world }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    const cleo = world.user("cleo");
    await world.befriend(ana, cleo);
    const c = await cleo.appear(offset(HOME, { eastM: 100 }));
    await c.until((view) => view.has(ana.id), "the friend");
    expect(await ana.patchFriend(ben, { visibility: "hidden" })).toMatchObject({ visibility: "hidden" });
    await Promise.all([
      b.next(leaves(ana.id, "paused"), "leave of who hides"),
      a.next(leaves(ben.id, "paused"), "leave of the friend on the client of who hides"),
    ]);
    const [here, there] = [offset(HOME, { northM: 40 }), offset(NORTH, { northM: 40 })];
    a.move(here);
    b.move(there);
    await c.until((view) => view.get(ana.id)?.lat === here.lat, "the move of who hides from another");
    b.send({ type: "subscribe", friend: ana.id, ref: 7 });
    expect(await b.next(is("gone"), "the answer to who asks")).toMatchObject({ id: ana.id, reason: "paused", ref: 7 });
    await a.never(speaksOf(ben.id), "news of a friend from whom the user hides");
    await b.never(speaksOf(ana.id), "news of a hidden friend", 10);
    for (const user of [ana, ben]) {
      const other = user === ana ? ben : ana;
      const again = await user.connect();
      expect((await again.nearby()).friends.some(({ id }) => id === other.id)).toBe(false);
      expect((await user.entry(other))?.state).toBe("friend");
    }
    expect(await ben.entry(ana)).toMatchObject({ visibility: "exact", muted: false });
    // A pause in between shows nothing, either.
    await ana.patchMe({ sharing: false });
    await c.until((view) => !view.has(ana.id), "the pause");
    await ana.patchMe({ sharing: true });
    await c.until((view) => view.has(ana.id), "the end of the pause");
    await b.never(speaksOf(ana.id), "news of a hidden friend who pauses", SILENCE_MS / 2);
    await ana.patchFriend(ben, { visibility: "exact" });
    expect((await b.next(shows(ana.id), "the friend who is back")).friend).toMatchObject(here);
    expect((await a.next(shows(ben.id), "the friend who was there all the time")).friend).toMatchObject(there);
  });

  test("[SEE2] hidden by both, one who shows again is still hidden from", async ({ world }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    await ana.patchFriend(ben, { visibility: "hidden" });
    await ben.patchFriend(ana, { visibility: "hidden" });
    await b.until((view) => !view.has(ana.id), "leave");
    await ana.patchFriend(ben, { visibility: "exact" });
    a.move(offset(HOME, { northM: 10 }));
    await b.never(shows(ana.id), "a friend from whom the user hides");
    expect([a.view.has(ben.id), b.view.has(ana.id)]).toEqual([false, false]);
    await ben.patchFriend(ana, { visibility: "coarse" });
    await a.until((view) => view.get(ben.id)?.precision === "coarse", "the friend as a cell");
    await b.until((view) => view.get(ana.id)?.precision === "exact", "the friend");
  });
});

describe("PATCH /v1/friends", { concurrent: true, timeout: 20_000 }, () => {
  test("[FRIEND7] muted is what unsubscribe does, and each can end what the other began", async ({ world }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    const a2 = await ana.connect();
    await a2.nearby();
    expect(await ana.patchFriend(ben, { muted: true })).toMatchObject({ muted: true, visibility: "exact" });
    for (const client of [a, a2]) await client.next(leaves(ben.id, "unsubscribed"), "leave of the muted friend");
    b.move(offset(NORTH, { northM: 5 }));
    const ts = a.move(offset(HOME, { northM: 5 }));
    await b.until((view) => view.get(ana.id)?.ts === ts, "the move of who muted: the friend still sees it");
    await a.never(speaksOf(ben.id), "news of a muted friend");
    const again = await ana.connect();
    expect((await again.nearby()).friends).toEqual([]);
    expect(await ben.entry(ana)).toMatchObject({ muted: false });

    a.send({ type: "subscribe", friend: ben.id, ref: 1 });
    await a.next(shows(ben.id), "the friend, by subscribe");
    expect(await ana.entry(ben)).toMatchObject({ muted: false });
    a.send({ type: "unsubscribe", friend: ben.id });
    await a2.next(leaves(ben.id, "unsubscribed"), "leave, by unsubscribe");
    expect(await ana.entry(ben)).toMatchObject({ muted: true });
    expect(await ana.patchFriend(ben, { muted: null })).toMatchObject({ muted: false });
    await a2.next(shows(ben.id), "the friend, by PATCH");
  });

  test("[FRIEND7] it is a merge patch; what is unknown or no value of the field is 400 and changes nothing", async ({
    world,
  }) => {
    const [ana, ben] = await world.friends();
    const steps: [object, object][] = [
      [{ visibility: "coarse" }, { visibility: "coarse", muted: false }],
      [{ muted: true }, { visibility: "coarse", muted: true }],
      [{}, { visibility: "coarse", muted: true }],
      [{ visibility: null }, { visibility: "exact", muted: true }],
      [
        { visibility: "hidden", muted: null },
        { visibility: "hidden", muted: false },
      ],
    ];
    for (const [patch, expected] of steps) expect(await ana.patchFriend(ben, patch)).toMatchObject(expected);
    const bad: [object, string][] = [
      [{ visibility: "blurred" }, "#/visibility"],
      [{ visibility: "Exact" }, "#/visibility"],
      [{ visibility: true }, "#/visibility"],
      [{ muted: "true", visibility: "exact" }, "#/muted"],
      [{ muted: 1 }, "#/muted"],
      [{ state: "friend", visibility: "exact" }, "#/state"],
      [{ id: ana.id }, "#/id"],
    ];
    for (const [patch, pointer] of bad) {
      const problem = expectProblem(await ana.api("PATCH", friendPath(ben), patch), 400, "bad_request");
      expect(problem.errors?.map((error) => error.pointer)).toEqual([pointer]);
    }
    expect(await ana.entry(ben)).toMatchObject({ visibility: "hidden", muted: false });
  });

  test("[FRIEND7] 404 for a stranger, for who only asked or was asked, and for oneself", async ({ world }) => {
    const [ana, ben, cleo] = [world.user("ana"), world.user("ben"), world.user("cleo")];
    await ana.put(ben);
    await cleo.put(ana);
    for (const other of [ben, cleo, world.user("dan"), ana]) {
      expectProblem(await ana.api("PATCH", friendPath(other), { visibility: "hidden" }), 404, "not_found");
    }
    expect(await ana.entry(ben)).toMatchObject({ state: "outgoing", visibility: "exact" });
  });

  test("[FRIEND7] a friendship that ends takes visibility and muting along", async ({ world }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    await ana.patchFriend(ben, { visibility: "coarse", muted: true });
    await coarse(b, ana);
    await ben.unfriend(ana);
    await b.next(leaves(ana.id, "unfriended"), "leave");
    await world.befriend(ben, ana);
    expect(await ana.entry(ben)).toMatchObject({ visibility: "exact", muted: false });
    expect((await b.next(shows(ana.id), "the friend, again")).friend).toMatchObject({ ...HOME, precision: "exact" });
    await a.until((view) => view.get(ben.id)?.precision === "exact", "the friend, not muted any more");
  });
});

describe("a pause with an end", { concurrent: true, timeout: 20_000 }, () => {
  test("[ME4] both leave at once, and are back when it is over, without a word of anybody", async ({ world }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    const pausedUntil = Math.floor(a.nowMs()) + 2_500;
    const answer = await ana.patchMe({ pausedUntil });
    expect(answer.body).toEqual({ user: ana.id, sharing: false, pausedUntil, discoverable: false });
    await Promise.all([
      b.next(leaves(ana.id, "paused"), "leave of who pauses"),
      a.next(leaves(ben.id, "paused"), "leave of the friend on the own client"),
    ]);
    await sleep(pausedUntil - 300 - a.nowMs());
    await b.never(speaksOf(ana.id), "news before the pause is over", 10);
    await Promise.all([b.next(shows(ana.id), "return"), a.next(shows(ben.id), "return of the friend")]);
    expect(a.nowMs()).toBeGreaterThanOrEqual(pausedUntil - 50);
    expect((await ana.api("GET", "/v1/me")).body).toEqual({ user: ana.id, sharing: true, discoverable: false });
  });

  test("[ME4] it ends for a user without a socket, too", async ({ world }) => {
    const [ana, ben] = await world.friends();
    await ana.api("POST", "/v1/location", { ...HOME, ts: Date.now() });
    const b = await ben.appear(NORTH);
    await b.until((view) => view.has(ana.id), "the friend");
    await ana.patchMe({ pausedUntil: Math.floor(b.nowMs()) + 1_500 });
    await b.next(leaves(ana.id, "paused"), "leave");
    await b.next(shows(ana.id), "return");
    expect((await ana.api("GET", "/v1/me")).body).toEqual({ user: ana.id, sharing: true, discoverable: false });
  });

  test("[ME4] it is ended early by sharing, and stays without end when the end is taken away", async ({ world }) => {
    const { ana, a, b } = await world.pair(HOME, NORTH);
    const until = (ms: number): number => Math.floor(a.nowMs()) + ms;
    await ana.patchMe({ pausedUntil: until(60_000) });
    await b.next(leaves(ana.id, "paused"), "leave");
    expect((await ana.patchMe({ sharing: true })).body).toEqual({ user: ana.id, sharing: true, discoverable: false });
    await b.next(shows(ana.id), "return");
    await ana.patchMe({ pausedUntil: until(1_000) });
    await b.next(leaves(ana.id, "paused"), "second leave");
    expect((await ana.patchMe({ pausedUntil: null })).body).toEqual({
      user: ana.id,
      sharing: false,
      discoverable: false,
    });
    await b.never(shows(ana.id), "return from a pause without an end", 1_500);
    await ana.patchMe({ sharing: null });
    await b.next(shows(ana.id), "second return");
  });

  test("[ME4] what is no time to come, or stands beside `sharing: true`, is 400", async ({ world }) => {
    const ana = world.user("ana");
    const now = Date.now();
    const [past, soon] = [now - 60_000, now + 60_000];
    const twoYears = now + 2 * 366 * 24 * 60 * 60 * 1000;
    const bad = [past, 0, -1, Math.floor(soon / 1000), twoYears, soon + 0.5, String(soon), true, [soon], {}];
    for (const pausedUntil of bad) {
      const problem = expectProblem(await ana.patchMe({ pausedUntil, name: "Ana" }), 400, "bad_request");
      expect(
        problem.errors?.map((error) => error.pointer),
        JSON.stringify(pausedUntil),
      ).toEqual(["#/pausedUntil"]);
    }
    expectProblem(await ana.patchMe({ pausedUntil: soon, sharing: true }), 400, "bad_request");
    expect((await ana.api("GET", "/v1/me")).body).toEqual({ user: ana.id, sharing: true, discoverable: false });
    expect((await ana.patchMe({ pausedUntil: soon, sharing: false })).body).toMatchObject({ sharing: false });
  });
});
