import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { COARSE_ERROR_M, coarsePlace } from "../../src/geo/coarse.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import { readSettings } from "../../src/settings.ts";
import {
  ask,
  callerOf,
  Client,
  closeAll,
  HOME,
  INACTIVE_AFTER_MS,
  later,
  nearbyOf,
  north,
  objectOf,
  settled,
  stopClock,
  twoNear,
} from "../objects/people.ts";

const STEP_MS = 30_000;
const AWAY = north(40_000);

beforeEach(stopClock);
afterEach(closeAll);

async function historyOf(user: string): Promise<readonly HistoryPoint[]> {
  const { points } = await objectOf(user).history(callerOf(user), { from: 0, to: Date.now() + 1, limit: 1000 });
  return points;
}

function outliersOf(points: readonly HistoryPoint[]): (HistoryPoint["outlier"] | null)[] {
  return points.map(({ outlier = null }) => outlier);
}

function evict(user: string): Promise<void> {
  return evictDurableObject(objectOf(user), { webSockets: "hibernate" });
}

test("the limit is the one that is shipped", () => {
  expect(readSettings(env).speedMaxMps).toBe(150);
});

describe("a jump of the receiver", () => {
  test("[JUMP1] away and back: friends see neither, and the point is an outlier", async () => {
    const { ann, bob } = await twoNear();
    bob.frames.length = 0;
    for (const place of [AWAY, north(10)]) {
      later(STEP_MS);
      ann.move(place);
      await settled();
    }
    expect(bob.frames).toEqual([
      expect.objectContaining({ type: "friend", friend: expect.objectContaining(north(10)) }),
    ]);
    expect(outliersOf(await historyOf(ann.user))).toEqual([null, true, null]);
  });

  test("[JUMP1] real: the next fix says so, friends learn it then, and nothing is an outlier", async () => {
    const { ann, bob } = await twoNear();
    later(STEP_MS);
    ann.move(AWAY);
    await settled();
    expect(await ask(ann.user, bob.user)).toMatchObject({ kind: "active", sighting: HOME });
    expect(outliersOf(await historyOf(ann.user))).toEqual([null, true]);
    later(STEP_MS);
    ann.move(north(40_100));
    expect(await bob.next("gone")).toMatchObject({ id: ann.user, reason: "far" });
    expect(await ask(ann.user, bob.user)).toMatchObject({ kind: "active", sighting: north(40_100) });
    expect(outliersOf(await historyOf(ann.user))).toEqual([null, null, null]);
  });

  test("[JUMP1][FAIL2] what is held, and the course of a plane, outlive a hibernation", async () => {
    const { ann, bob } = await twoNear();
    const plane = Array.from({ length: 5 }, (_, i) => north((i + 1) * 7_500));
    const told = [];
    for (const place of plane) {
      later(STEP_MS);
      ann.move(place);
      await settled();
      await evict(ann.user);
      told.push(await ask(ann.user, bob.user));
    }
    const shown = [HOME, ...plane.slice(1)];
    expect(told).toEqual(shown.map((place) => expect.objectContaining({ sighting: expect.objectContaining(place) })));
    expect(outliersOf(await historyOf(ann.user))).toEqual([null, null, null, null, null, null]);
  });

  test("[JUMP1] over HTTP and without a socket: held in the row, and marked there", async () => {
    const { ann, bob } = await twoNear();
    await ann.close();
    const report = async (place: typeof HOME) => {
      later(STEP_MS);
      const answer = await objectOf(ann.user).report(callerOf(ann.user), [{ ...place, ts: Date.now() }]);
      await evictDurableObject(objectOf(ann.user));
      return answer;
    };
    expect([await report(AWAY), await report(north(20))]).toEqual([{ live: false }, { live: true }]);
    expect(await ask(ann.user, bob.user)).toMatchObject({ sighting: north(20) });
    expect(outliersOf(await historyOf(ann.user))).toEqual([null, true, null]);
  });

  test("[JUMP1][SAVE4] the twentieth point waits for its verdict before it is stored", async () => {
    const ann = await Client.open(callerOf("ann-20").user);
    for (let i = 0; i < 19; i++) {
      ann.move(north(i));
      later(STEP_MS);
    }
    ann.move(AWAY);
    await settled();
    expect(ann.frames.filter(({ type }) => type === "saved")).toEqual([]);
    later(STEP_MS);
    ann.move(north(40_010));
    expect(await ann.next("saved")).toMatchObject({ count: 21 });
    expect(outliersOf(await historyOf(ann.user)).filter((one) => one !== null)).toEqual([]);
  });

  test("[JUMP1][ACT1] what is held does not extend activity", async () => {
    const { ann, bob } = await twoNear();
    later(INACTIVE_AFTER_MS - 1);
    ann.move(north(200_000));
    bob.move(HOME);
    await settled();
    later(1);
    expect(await ask(ann.user, bob.user)).toMatchObject({ kind: "away", reason: "inactive" });
  });
});

describe("a rough position", () => {
  test("[JUMP2] does not replace a better one; with none it is live, and coarse for everybody", async () => {
    const { ann, bob } = await twoNear();
    later(STEP_MS);
    ann.send({ type: "location", ...north(2_000), ts: Date.now(), accuracy: 501 });
    await settled();
    expect(await ask(ann.user, bob.user)).toMatchObject({ sighting: { ...HOME, errorM: 0 } });
    expect(outliersOf(await historyOf(ann.user))).toEqual([null, null]);

    later(INACTIVE_AFTER_MS - STEP_MS);
    bob.move(HOME);
    await settled();
    later(1);
    ann.send({ type: "location", ...north(2_000), ts: Date.now(), accuracy: 501 });
    expect(await bob.next("friend", ({ friend }) => friend.precision === "coarse")).toMatchObject({
      friend: { id: ann.user, ...coarsePlace(north(2_000)), precision: "coarse" },
    });
    await evict(ann.user);
    expect(await ask(ann.user, bob.user)).toMatchObject({
      sighting: { ...coarsePlace(north(2_000)), errorM: COARSE_ERROR_M },
    });
    expect(await nearbyOf(bob.user)).toEqual([ann.user]);
  });

  test("[JUMP2] 500 m are good enough, and a good one replaces a rough one at once", async () => {
    const { ann, bob } = await twoNear();
    for (const [accuracy, metres, errorM] of [
      [500, 300, 0],
      [5_000, 300, 0],
    ] as const) {
      later(STEP_MS);
      ann.send({ type: "location", ...north(metres), ts: Date.now(), accuracy });
      await settled();
      expect(await ask(ann.user, bob.user)).toMatchObject({ sighting: { ...north(metres), errorM } });
    }
    later(INACTIVE_AFTER_MS);
    ann.send({ type: "location", ...north(6_000), ts: Date.now(), accuracy: 5_000 });
    bob.move(HOME);
    await settled();
    // His words of this moment have counted on.
    later(10);
    expect(await ask(ann.user, bob.user)).toMatchObject({ sighting: { errorM: COARSE_ERROR_M } });
    later(STEP_MS);
    ann.move(north(1));
    await settled();
    expect(await ask(ann.user, bob.user)).toMatchObject({ sighting: { ...north(1), errorM: 0 } });
  });
});
