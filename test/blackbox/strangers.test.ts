import { describe, expect } from "vitest";
import type { Connection } from "./connection.ts";
import { is, shows, speaksOf } from "./frames.ts";
import type { FrameOf } from "./frames.ts";
import { test } from "./helpers.ts";
import type { User, World } from "./helpers.ts";
import { metresBetween, offset, onGrid, RADIUS_M } from "./places.ts";
import type { Place } from "./places.ts";

/** Half of the diagonal of the grid's cells, and a little. */
const BLUR_M = 160;

let places = 0;

/** Where no other test has strangers, nor an earlier run on the same server: each test has some 50 km for itself. */
function somewhere(world: World): Place {
  places += 1;
  const spot = Number.parseInt(world.unique.slice(0, 8), 16);
  return onGrid({ lat: -50 + (spot % 200) * 0.5, lng: -170 + ((Math.floor(spot / 200) + places * 37) % 340) });
}

type People = FrameOf<"people">["people"];

const isEmpty = is("people", ({ people }) => people.length === 0);

/** Connected, active, discoverable and opted in. */
async function stranger(user: User, place: Place): Promise<Connection> {
  await user.patchMe({ discoverable: true });
  const connection = await user.connect();
  await connection.welcome();
  connection.send({ type: "discover", on: true });
  connection.move(place);
  await connection.nearby();
  return connection;
}

/** The next list of so many people; the user moves on the spot until it comes, since others may not have been taken in yet. */
async function listed(connection: Connection, place: Place, count: number): Promise<People> {
  for (let tries = 0; tries < 10; tries += 1) {
    connection.move(place);
    await connection.ping();
    const found = connection.frames.findLast(is("people"));
    if (found?.people.length === count) return found.people;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no list of ${count} people\n${connection.log()}`);
}

describe("nearby strangers", () => {
  test("[DISC1][DISC2][DISC4] two who opted in see each other at blurred places, and nobody else does", async ({
    world,
  }) => {
    const home = somewhere(world);
    const there = offset(home, { northM: 1_000, eastM: 500 });
    const [ana, ben, cem] = [world.user("ana"), world.user("ben"), world.user("cem")];
    const a = await stranger(ana, home);
    const b = await stranger(ben, there);
    const c = await cem.appear(home);
    const [shown] = await listed(a, home, 1);
    if (shown === undefined) throw new Error("nobody is listed");
    expect(metresBetween(shown, there)).toBeLessThan(BLUR_M);
    expect(shown.distance).toBeCloseTo(metresBetween(home, shown), 0);
    expect(shown.ts).toBeLessThanOrEqual(a.nowMs() + 1);
    const [back] = await listed(b, there, 1);
    if (back === undefined) throw new Error("nobody is listed");
    expect(metresBetween(back, home)).toBeLessThan(BLUR_M);
    for (const connection of [a, b, c]) {
      const heard = JSON.stringify(connection.frames.filter(({ type }) => type !== "welcome"));
      for (const { id } of [ana, ben, cem]) expect(heard).not.toContain(id);
    }
    expect(c.frames.filter(is("people"))).toEqual([]);
    // A few metres on, within the same 200 m, tell nothing.
    const same = offset(there, { northM: 0.1 });
    expect((await listed(b, same, 1)).length).toBe(1);
    const [still] = await listed(a, home, 1);
    expect([still?.lat, still?.lng, still?.id]).toEqual([shown.lat, shown.lng, shown.id]);
  });

  test("[DISC5] within the radius and not beyond it, also across borders: cells, the antimeridian, 89.9 degrees north", async ({
    world,
  }) => {
    const minute = Number.parseInt(world.unique.slice(0, 6), 16) / 0xffffff;
    const homes: Place[] = [
      somewhere(world),
      onGrid({ lat: -40 + 80 * minute, lng: 179.99 }),
      onGrid({ lat: 89.9, lng: 360 * minute - 180 }),
    ];
    for (const [at, home] of homes.entries()) {
      const a = await stranger(world.user(`ana${at}`), home);
      const near: Connection[] = [];
      // Due north and due east, and 300 m from the rim, which is more than both blurs together.
      for (const [i, move] of [{ northM: RADIUS_M - 330 }, { eastM: 7_500 }].entries()) {
        const place = at === 2 ? walkAtPole(home, i) : offset(home, move);
        expect(metresBetween(home, place)).toBeLessThan(RADIUS_M - 320);
        near.push(await stranger(world.user(`near${at}${i}`), place));
      }
      const outside =
        at === 2 ? onGrid({ lat: 89.9 - 0.08, lng: home.lng }) : offset(home, { northM: -RADIUS_M - 400 });
      await stranger(world.user(`far${at}`), outside);
      const list = await listed(a, home, near.length);
      for (const { distance } of list) expect(distance).toBeLessThan(RADIUS_M + 320);
    }
  });

  test("[DISC7] the id is a pseudonym: another one after coming back", async ({ world }) => {
    const home = somewhere(world);
    const a = await stranger(world.user("ana"), home);
    const b = await stranger(world.user("ben"), home);
    const [first] = await listed(a, home, 1);
    b.send({ type: "discover", on: false });
    await listed(a, home, 0);
    b.send({ type: "discover", on: true });
    const [second] = await listed(a, home, 1);
    expect(second?.id).not.toBe(first?.id);
  });

  test("[DISC8] discover off, not discoverable, a pause and a lost connection each end it, on both sides", async ({
    world,
  }) => {
    const home = somewhere(world);
    const a = await stranger(world.user("ana"), home);
    const ends: ((user: User, connection: Connection) => Promise<unknown>)[] = [
      async (_user, connection) => connection.send({ type: "discover", on: false }),
      (user) => user.patchMe({ discoverable: false }),
      (user) => user.patchMe({ sharing: false }),
      async (_user, connection) => connection.cut(),
    ];
    for (const [at, end] of ends.entries()) {
      const ben = world.user(`ben${at}`);
      const b = await stranger(ben, home);
      await listed(a, home, 1);
      await listed(b, home, 1);
      b.skip();
      await end(ben, b);
      if (at < 3) expect((await b.next(isEmpty, "the empty list")).people).toEqual([]);
      await listed(a, home, 0);
    }
  });

  test("[DISC8] an inactive user is on no list, and sees none", async ({ hasty }) => {
    const home = somewhere(hasty);
    const a = await stranger(hasty.user("ana"), home);
    const b = await stranger(hasty.user("ben"), home);
    await listed(a, home, 1);
    await listed(b, home, 1);
    // Ben says nothing for longer than the deadline of this server; Ana goes on.
    for (let i = 0; i < 10 && (b.frames.findLast(is("people"))?.people.length ?? 0) > 0; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      a.move(home);
    }
    expect(b.frames.findLast(is("people"))?.people).toEqual([]);
    await listed(a, home, 0);
  });

  // The runtime forgets an idle object after 10 s, and phones report every 30.
  test("[DISC2] who reported 12 s ago is still there for whoever comes, though nobody has asked meanwhile", async ({
    world,
  }) => {
    const home = somewhere(world);
    await stranger(world.user("ana"), home);
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    const b = await stranger(world.user("ben"), home);
    expect((await b.next(is("people"), "the first list")).people).toHaveLength(1);
  }, 30_000);

  test("[DISC9] friends and blocked people are on no list, in either direction", async ({ world }) => {
    const home = somewhere(world);
    const [ana, ben, cem] = [world.user("ana"), world.user("ben"), world.user("cem")];
    const a = await stranger(ana, home);
    const b = await stranger(ben, home);
    const c = await stranger(cem, home);
    await listed(a, home, 2);
    await world.befriend(ana, ben);
    await a.next(shows(ben.id), "the new friend");
    await listed(a, home, 1);
    await listed(b, home, 1);
    a.skip();
    await ana.block(cem);
    expect((await a.next(isEmpty, "the list without the blocked")).people).toEqual([]);
    // Ben is left to Cem; Ana is not.
    await listed(c, home, 1);
    await listed(b, home, 1);
  });

  test("[DISC6] with more than 20 nearby, 20 are shown, the same ones each time", async ({ world }) => {
    const home = somewhere(world);
    const others = Array.from({ length: 22 }, (_, i) => world.user(`one${i}`));
    for (const user of others) await stranger(user, home);
    const a = await stranger(world.user("ana"), home);
    const ids = async (): Promise<string[]> => (await listed(a, home, 20)).map(({ id }) => id).toSorted();
    await listed(a, home, 20);
    const first = await ids();
    expect(new Set(first).size).toBe(20);
    expect(await ids()).toEqual(first);
  });

  test("[DISC10] strangers change nothing about friends", async ({ world }) => {
    const home = somewhere(world);
    const { ana, ben, a, b } = await world.pair(home, offset(home, { northM: 200 }));
    await ben.patchMe({ discoverable: true });
    b.send({ type: "discover", on: true });
    await stranger(world.user("cem"), home);
    b.move(home);
    await a.next(shows(ben.id), "the friend who moved");
    await listed(b, home, 1);
    expect(b.view.has(ana.id)).toBe(true);
    expect(a.frames.filter(is("people"))).toEqual([]);
    expect(a.frames.some(speaksOf(ben.id))).toBe(true);
  });
});

/** Around the pole east is soon the other side of it: a few kilometres are tens of degrees. */
function walkAtPole({ lng }: Place, which: number): Place {
  const on = which === 0 ? { lat: 89.9, lng: lng + 25 } : { lat: 89.95, lng: lng - 30 };
  return onGrid({ lat: on.lat, lng: on.lng > 180 ? on.lng - 360 : on.lng < -180 ? on.lng + 360 : on.lng });
}
