import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { ANSWER_MS } from "./connection.ts";
import type { Connection } from "./connection.ts";
import type { User } from "./helpers.ts";
import { test } from "./helpers.ts";
import { is, leaves, shows, speaksOf } from "./frames.ts";
import type { Place } from "./places.ts";
import { HOME, RADIUS_M, metresBetween, offset } from "./places.ts";

/** The runtime hibernates an object after 10 s without an event. */
const HIBERNATED_MS = 12_000;

/** Two friends, both active, too far apart to see each other. */
async function apart(ana: User, ben: User, placeA: Place, placeB: Place): Promise<[Connection, Connection]> {
  const a = await ana.appear(placeA);
  const b = await ben.appear(placeB);
  await Promise.all([
    a.never(speaksOf(ben.id), "news of a friend out of reach"),
    b.never(speaksOf(ana.id), "news of a friend out of reach"),
  ]);
  expect([a.view.size, b.view.size]).toEqual([0, 0]);
  return [a, b];
}

describe("walking into and out of each other's circle", { concurrent: true, timeout: 30_000 }, () => {
  test("[VIS3] one moves in and out, both learn of it each time", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const [a, b] = await apart(ana, ben, HOME, offset(HOME, { eastM: 20_000 }));
    for (let round = 0; round < 3; round += 1) {
      b.move(offset(HOME, { eastM: 3_000 + round }));
      await Promise.all([a.next(shows(ben.id), "arrival"), b.next(shows(ana.id), "arrival")]);
      b.move(offset(HOME, { eastM: 15_000 + round }));
      await Promise.all([a.next(leaves(ben.id, "far"), "leave"), b.next(leaves(ana.id, "far"), "leave")]);
    }
  });

  test("[VIS3] both move towards each other, in small steps, and meet as soon as they are within the radius", async ({
    world,
  }) => {
    const [ana, ben] = await world.friends();
    const far = 2 * RADIUS_M;
    const [a, b] = await apart(ana, ben, HOME, offset(HOME, { northM: far }));
    let gapM = far;
    for (let step = 1; gapM > 0.8 * RADIUS_M; step += 1) {
      const placeA = offset(HOME, { northM: 420 * step });
      const placeB = offset(HOME, { northM: far - 410 * step });
      gapM = metresBetween(placeA, placeB);
      const met = gapM <= RADIUS_M;
      a.move(placeA);
      b.move(placeB);
      const seen = (view: ReadonlyMap<string, unknown>): boolean => view.size === (met ? 1 : 0);
      await Promise.all([a.until(seen, `view at ${gapM} m`), b.until(seen, `view at ${gapM} m`)]);
      // What is shown must be the latest, not the place where they met.
      if (met) {
        await a.until((view) => view.get(ben.id)?.lat === placeB.lat, "the latest place of the other");
        await b.until((view) => view.get(ana.id)?.lat === placeA.lat, "the latest place of the other");
      } else {
        await a.never((frame) => frame.type === "friend", "friend out of reach", 30);
      }
    }
  });

  test("[VIS3] one creeps up on a friend who rests, far away from both and near the edge", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const [a, b] = await apart(ana, ben, HOME, offset(HOME, { eastM: 30_000 }));
    // Each step is about half of the room that is left: the hard case for who is silent while far.
    for (let gapM = 30_000; gapM > RADIUS_M + 1; gapM = RADIUS_M + (gapM - RADIUS_M) / 2) {
      b.move(offset(HOME, { eastM: gapM }));
    }
    await a.never(speaksOf(ben.id), "news of a friend a metre outside");
    b.move(offset(HOME, { eastM: RADIUS_M - 2 }));
    await Promise.all([a.next(shows(ben.id), "arrival"), b.next(shows(ana.id), "arrival")]);
    b.move(offset(HOME, { eastM: RADIUS_M + 2 }));
    await Promise.all([a.next(leaves(ben.id, "far"), "leave"), b.next(leaves(ana.id, "far"), "leave")]);
  });

  test("[VIS3] crossing moves at the same moment leave both with the truth", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const [a, b] = await apart(ana, ben, HOME, offset(HOME, { northM: RADIUS_M + 300 }));
    for (let round = 0; round < 10; round += 1) {
      const near = round % 2 === 0;
      const placeA = offset(HOME, { northM: near ? 200 : -300 - round });
      const placeB = offset(HOME, { northM: RADIUS_M + (near ? 100 : 600) + round });
      a.move(placeA);
      b.move(placeB);
      const shown = metresBetween(placeA, placeB) <= RADIUS_M ? 1 : 0;
      await Promise.all([
        a.until((view) => view.size === shown, `round ${round}`),
        b.until((view) => view.size === shown, `round ${round}`),
      ]);
    }
  });

  test("[DOWN4] nobody leaves who was not shown", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const [a, b] = await apart(ana, ben, HOME, offset(HOME, { eastM: 20_000 }));
    b.move(offset(HOME, { eastM: 40_000 }));
    await ben.patchMe({ sharing: false });
    await ben.patchMe({ sharing: true });
    await ana.unfriend(ben);
    await a.never(is("gone"), "leave of a friend who was far away");
    await b.never(is("gone"), "leave of a friend who was far away", 10);
    expect(a.frames.filter(is("friendship"))).toHaveLength(1);
  });

  test("[VIS3] the antimeridian and the pole are no edges", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear({ lat: 10, lng: 179.99 });
    const b = await ben.appear({ lat: 10, lng: -179.99 });
    await a.next(shows(ben.id), "the friend beyond the antimeridian");
    a.move({ lat: 89.99, lng: 0 });
    b.move({ lat: 89.99, lng: 180 });
    await a.until((view) => view.get(ben.id)?.lat === 89.99, "the friend beyond the pole");
    expect(Math.abs((a.view.get(ben.id)?.distance ?? NaN) - 2_223.9)).toBeLessThan(0.2);
    b.move({ lat: 89.99 - 0.07, lng: 180 });
    await a.next(leaves(ben.id, "far"), "leave");
  });

  test("[VIS3] several friends, one circle: each comes and goes on its own", async ({ world }) => {
    const hub = world.user("hub");
    const others = [1, 2, 3, 4, 5, 6].map((n) => world.user(`f${n}`));
    for (const other of others) {
      await world.befriend(hub, other);
    }
    const center = await hub.appear(HOME);
    const sockets = await Promise.all(
      others.map((other, n) => other.appear(offset(HOME, { northM: n % 2 === 0 ? 1_000 + n : 12_000 + n }))),
    );
    await center.until((view) => view.size === 3, "three of six friends");
    for (const [n, socket] of sockets.entries()) {
      socket.move(offset(HOME, { northM: n % 2 === 0 ? 12_000 + n : 1_000 + n }));
    }
    const odd = new Set(others.filter((_, n) => n % 2 === 1).map((other) => other.id));
    await center.until((view) => view.size === 3 && [...view.keys()].every((id) => odd.has(id)), "the other three");
    // The friends are strangers to each other.
    expect(sockets.every((socket) => [...socket.view.keys()].every((id) => id === hub.id))).toBe(true);
  });

  test("[ORD1] the moves of a friend arrive in order, and the last one arrives", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, HOME);
    const sent = Array.from({ length: 25 }, (_, n) => offset(HOME, { northM: 10 * (n + 1) }));
    for (const place of sent) {
      b.move(place);
    }
    const last = sent[sent.length - 1];
    await a.until((view) => view.get(ben.id)?.lat === last?.lat, "the last move");
    const seen = a.frames.filter(is("friend")).map((frame) => frame.friend);
    const inOrder = seen.toSorted((x, y) => x.lat - y.lat || x.ts - y.ts);
    expect(seen).toEqual(inOrder);
    expect(seen.toSorted((x, y) => x.ts - y.ts)).toEqual(inOrder);
  });

  test("[DOWN2] each move of a nearby friend is delivered when it is sent on its own", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, HOME);
    for (let n = 1; n <= 20; n += 1) {
      const place = offset(HOME, { eastM: n });
      const ts = b.move(place);
      const shown = await a.next(shows(ben.id), `move ${n}`);
      expect(shown.friend).toMatchObject({ ...place, ts: Math.min(ts, shown.friend.ts) });
    }
  });

  test("[FAIL2] after a silence in which the runtime puts both to sleep, a move still arrives", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 50 }));
    const [cat, dan] = [world.user("cat"), world.user("dan")];
    await world.befriend(cat, dan);
    const [c, d] = await apart(cat, dan, HOME, offset(HOME, { eastM: 9_000 }));
    await sleep(HIBERNATED_MS);
    b.move(offset(HOME, { northM: 60 }));
    d.move(offset(HOME, { eastM: 7_700 }));
    await a.next(shows(ben.id), "move after the silence");
    await Promise.all([c.next(shows(dan.id), "arrival"), d.next(shows(cat.id), "arrival")]);
    b.move(offset(HOME, { northM: 20_000 }));
    await Promise.all([a.next(leaves(ben.id, "far"), "leave"), b.next(leaves(ana.id, "far"), "leave")]);
  });

  test("[FAIL4] a client that is cut off mid-frame disturbs nobody", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, HOME);
    const rude = await ben.connect();
    rude.sendRaw("{");
    rude.sendRaw(Buffer.from([1, 2, 3]));
    expect((await rude.closeInfo(ANSWER_MS)).code).toBe(1003);
    (await ben.connect()).cut();
    b.move(offset(HOME, { northM: 10 }));
    await a.next(shows(ben.id), "the move");
    await a.never((frame) => frame.type === "error" || frame.type === "gone", "trace of the rude client", 100);
  });

  test("[CLOSE3] a client's close is answered at once with its own code", async ({ world }) => {
    const connection = await world.user("ana").connect();
    await connection.welcome();
    const startedMs = Date.now();
    await connection.close();
    expect((await connection.closeInfo()).code).toBe(1000);
    expect(Date.now() - startedMs).toBeLessThan(2_000);
  });
});
