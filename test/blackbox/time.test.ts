import { describe, expect } from "vitest";
import { test } from "./helpers.ts";
import { leaves, shows } from "./frames.ts";
import { HOME, offset } from "./places.ts";

const HOUR_MS = 3_600_000;
/** `ts` of what is shown against this machine's clock, corrected by `welcome.now`: the way of one frame. */
const CLOCK_MS = 500;

describe("time", { concurrent: true, timeout: 20_000 }, () => {
  test("[TIME1] an older position never overwrites a newer one", async ({ world }) => {
    const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    const now = Math.floor(b.nowMs());
    const current = offset(HOME, { northM: 200 });
    b.move(current, { ts: now });
    await a.next(shows(ben.id), "the move");
    b.move(offset(HOME, { northM: 300 }), { ts: now - 1 });
    b.move(offset(HOME, { northM: 30_000 }), { ts: now - 10_000 });
    b.send({ type: "locations", points: [{ ...offset(HOME, { northM: 400 }), ts: now - 5 }] });
    await a.never((frame) => frame.type === "friend" || frame.type === "gone", "effect of an older position");
    const again = await ana.connect();
    expect((await again.nearby()).friends[0]).toMatchObject({ id: ben.id, ...current, ts: now });
  });

  test("[TIME1] a position with the same ts replaces it", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    const now = Math.floor(b.nowMs());
    b.move(offset(HOME, { northM: 200 }), { ts: now });
    await a.next(shows(ben.id), "the move");
    const later = offset(HOME, { northM: 210 });
    b.move(later, { ts: now });
    expect((await a.next(shows(ben.id), "the second move")).friend).toMatchObject({ ...later, ts: now });
  });

  test("[TIME1] it holds across devices", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    const b2 = await ben.connect({ device: "tablet" });
    await b2.welcome();
    const now = Math.floor(b.nowMs());
    b.move(offset(HOME, { northM: 200 }), { ts: now });
    await a.next(shows(ben.id), "the move");
    b2.move(offset(HOME, { northM: 300 }), { ts: now - 2_000 });
    await a.never(shows(ben.id), "older position of another device");
    const newer = offset(HOME, { northM: 400 });
    b2.move(newer, { ts: Math.max(now + 1, Math.floor(b2.nowMs())) });
    expect((await a.next(shows(ben.id), "newer position of the other device")).friend).toMatchObject(newer);
  });

  test("[TIME2] a phone whose clock is ahead is shown with the moment of arrival", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, HOME);
    for (const aheadMs of [1_500, HOUR_MS, 23 * HOUR_MS]) {
      b.move(offset(HOME, { northM: aheadMs / HOUR_MS }), { ts: Math.floor(b.nowMs()) + aheadMs });
      const { friend } = await a.next(shows(ben.id), `position ${aheadMs} ms ahead`);
      expect(friend.ts).toBeLessThanOrEqual(a.nowMs() + CLOCK_MS);
      expect(friend.ts).toBeGreaterThan(a.nowMs() - CLOCK_MS - 1_000);
    }
  });

  test("[TIME2] after a phone with a clock ahead, one with a right clock still moves its user", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, HOME);
    b.move(offset(HOME, { northM: 10 }), { ts: Math.floor(b.nowMs()) + 5 * HOUR_MS });
    await a.next(shows(ben.id), "position of the phone with a clock ahead");
    const right = await ben.connect({ device: "right" });
    await right.welcome();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const there = offset(HOME, { northM: 20 });
    right.move(there, { ts: Math.ceil(right.nowMs()) });
    expect((await a.next(shows(ben.id), "position of the right phone")).friend).toMatchObject(there);
  });

  test("[ACT3] a phone whose clock is days behind is active, and shown with its own ts", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear(HOME);
    const b = await ben.connect();
    await b.welcome();
    const ts = Math.floor(b.nowMs()) - 72 * HOUR_MS;
    b.move(HOME, { ts });
    await b.nearby();
    expect((await a.next(shows(ben.id), "the friend with the slow clock")).friend.ts).toBe(ts);
    expect([...b.view.keys()]).toEqual([ana.id]);
    b.move(offset(HOME, { northM: 5 }), { ts: ts + 30_000 });
    expect((await a.next(shows(ben.id), "the next position")).friend.ts).toBe(ts + 30_000);
    await a.never(leaves(ben.id), "leave of a friend with a slow clock");
  });
});
