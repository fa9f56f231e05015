import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import type { Connection } from "./connection.ts";
import type { World } from "./helpers.ts";
import { test } from "./helpers.ts";
import { is, leaves, parseNearby, shows, speaksOf } from "./frames.ts";
import { HOME, offset } from "./places.ts";

/**
 * These tests wait for the deadline of activity several times. They need a server whose INACTIVE_AFTER_S is 2 to 5 (the
 * setup starts one; for a running server NEARBY_SHORT_URL names it), and fail with that message otherwise.
 */
const SHORTEST_S = 2;
const LONGEST_S = 5;
/** How late the end of activity may show: alarms have no exact time. */
const LATE_MS = 3_000;

/** The deadline of this server, ms. @throws Error that names the setting when it is too long to wait for */
async function deadlineMs(connection: Connection): Promise<number> {
  const { inactiveAfterS } = await connection.welcome();
  if (inactiveAfterS < SHORTEST_S || inactiveAfterS > LONGEST_S) {
    throw new Error(
      `this file needs a server with INACTIVE_AFTER_S from ${SHORTEST_S} to ${LONGEST_S} (NEARBY_SHORT_URL); this one has ${inactiveAfterS}`,
    );
  }
  return inactiveAfterS * 1000;
}

/** A connection that reports the same place again and again, so that its user stays active. @returns how to end it */
function keepActive(connection: Connection): () => void {
  const timer = setInterval(() => connection.isOpen && connection.move(HOME), 700);
  return () => clearInterval(timer);
}

/** Ana, who stays active, and Ben, who was active once; both near, and a's frames up to Ben's arrival are seen. */
async function watched(
  hasty: World,
): Promise<{ pair: Awaited<ReturnType<World["pair"]>>; waitMs: number; end: () => void }> {
  const probe = await hasty.user("probe").connect();
  const waitMs = await deadlineMs(probe);
  const pair = await hasty.pair(HOME, offset(HOME, { northM: 100 }));
  return { pair, waitMs, end: keepActive(pair.a) };
}

describe("the end of activity", { concurrent: true, timeout: 30_000 }, () => {
  test("[ACT1] who sends nothing for so long leaves with gone/inactive, not before", async ({
    hasty,
    onTestFinished,
  }) => {
    const { pair, waitMs, end } = await watched(hasty);
    onTestFinished(end);
    const { a, b, ana, ben } = pair;
    b.move(offset(HOME, { northM: 110 }));
    const sentMs = Date.now();
    await a.next(shows(ben.id), "the last position");
    await a.next(leaves(ben.id, "inactive"), "leave of the silent friend", waitMs + LATE_MS);
    expect(Date.now() - sentMs).toBeGreaterThanOrEqual(waitMs - 50);
    expect(parseNearby((await ana.api("GET", "/v1/nearby")).body)).toEqual([]);
    const again = await ana.connect();
    expect((await again.nearby()).friends).toEqual([]);
  });

  test("[ACT2] on the silent user's own client everybody leaves with gone/inactive", async ({
    hasty,
    onTestFinished,
  }) => {
    const { pair, waitMs, end } = await watched(hasty);
    onTestFinished(end);
    const { b, ana, ben } = pair;
    await b.next(leaves(ana.id, "inactive"), "leave on the silent user's own client", waitMs + LATE_MS);
    await b.never(speaksOf(ana.id), "news for somebody who is inactive", 1_500);
    expect(parseNearby((await ben.api("GET", "/v1/nearby")).body)).toEqual([]);
    const again = await ben.connect();
    await again.welcome();
    await again.never((frame) => frame.type !== "error", "frame for somebody who is inactive");
  });

  test("[ACT1] who keeps sending, even the same place, stays", async ({ hasty, onTestFinished }) => {
    const { pair, waitMs, end } = await watched(hasty);
    onTestFinished(end);
    const { a, b, ben } = pair;
    onTestFinished(keepActive(b));
    await a.never(leaves(ben.id), "leave of a friend who keeps sending", 2 * waitMs);
    expect(a.view.has(ben.id)).toBe(true);
  });

  test("[ACT4] a closed connection does not end activity, silence after it does", async ({ hasty, onTestFinished }) => {
    const { pair, waitMs, end } = await watched(hasty);
    onTestFinished(end);
    const { a, b, ana, ben } = pair;
    b.move(offset(HOME, { northM: 120 }));
    const sentMs = Date.now();
    await a.next(shows(ben.id), "the last position");
    await b.close();
    await sleep(waitMs / 2);
    expect(a.frames.filter(leaves(ben.id))).toEqual([]);
    const late = await ana.connect();
    expect((await late.nearby()).friends.map((friend) => friend.id)).toEqual([ben.id]);
    await a.next(leaves(ben.id, "inactive"), "leave after the deadline", waitMs + LATE_MS);
    expect(Date.now() - sentMs).toBeGreaterThanOrEqual(waitMs - 50);
  });

  test("[ACT4] with both sides closed, each finds the truth on coming back", async ({ hasty }) => {
    const probe = await hasty.user("probe").connect();
    const waitMs = await deadlineMs(probe);
    const { a, b, ana } = await hasty.pair(HOME, offset(HOME, { northM: 100 }));
    await Promise.all([a.close(), b.close()]);
    await sleep(waitMs + 1_000);
    const again = await ana.appear(HOME);
    expect(again.view.size).toBe(0);
  });

  test("[ACT5] the next live position brings both sides back", async ({ hasty, onTestFinished }) => {
    const { pair, waitMs, end } = await watched(hasty);
    onTestFinished(end);
    const { a, b, ana, ben } = pair;
    await a.next(leaves(ben.id, "inactive"), "leave", waitMs + LATE_MS);
    await b.until((view) => view.size === 0, "empty view of the silent user", LATE_MS);
    const there = offset(HOME, { northM: 130 });
    b.move(there);
    await a.until((view) => view.get(ben.id)?.lat === there.lat, "the friend who is back");
    await b.until((view) => view.has(ana.id), "the friend of who is back");
  });

  test("[ACT5] two friends who fell silent together find each other again", async ({ hasty }) => {
    const probe = await hasty.user("probe").connect();
    const waitMs = await deadlineMs(probe);
    const { a, b, ana, ben } = await hasty.pair(HOME, offset(HOME, { northM: 100 }));
    await sleep(waitMs + 1_000);
    await a.until((view) => view.size === 0, "empty view", LATE_MS);
    await b.until((view) => view.size === 0, "empty view", LATE_MS);
    a.move(HOME);
    b.move(offset(HOME, { northM: 5 }));
    await a.until((view) => view.has(ben.id), "the friend");
    await b.until((view) => view.has(ana.id), "the friend");
  });

  test("[ACT3] a phone with a wrong clock stays active as long as it sends", async ({ hasty, onTestFinished }) => {
    const { pair, waitMs, end } = await watched(hasty);
    onTestFinished(end);
    const { a, ana } = pair;
    const cat = hasty.user("cat");
    await hasty.befriend(cat, ana);
    const c = await cat.connect();
    await c.welcome();
    const lagMs = 26 * 3_600_000;
    const tick = (): unknown => c.move(offset(HOME, { eastM: 5 }), { ts: Math.floor(c.nowMs()) - lagMs });
    tick();
    const timer = setInterval(tick, 500);
    onTestFinished(() => clearInterval(timer));
    await a.until((view) => view.has(cat.id), "the friend with the slow clock");
    await a.never(leaves(cat.id), "leave of a friend who keeps sending", waitMs + 1_000);
    clearInterval(timer);
    await a.next(leaves(cat.id, "inactive"), "leave after the last position", waitMs + LATE_MS);
  });

  test("[ACT6] older positions do not keep anybody active", async ({ hasty, onTestFinished }) => {
    const { pair, waitMs, end } = await watched(hasty);
    onTestFinished(end);
    const { a, b, ben } = pair;
    const ts = Math.floor(b.nowMs());
    b.move(offset(HOME, { northM: 140 }), { ts });
    await a.next(shows(ben.id), "the last newer position");
    const timer = setInterval(() => b.move(HOME, { ts: ts - 1_000 }), 700);
    onTestFinished(() => clearInterval(timer));
    await a.next(leaves(ben.id, "inactive"), "leave of a friend who only sends old positions", waitMs + LATE_MS);
  });

  test("[UP7] the newest point of a backlog is live up to the deadline, and not beyond", async ({ hasty }) => {
    const probe = await hasty.user("probe").connect();
    const waitMs = await deadlineMs(probe);
    const fresh = await hasty.user("fresh").connect();
    await fresh.welcome();
    fresh.send({ type: "locations", points: [{ ...HOME, ts: Math.floor(fresh.nowMs()) - waitMs + 1_000 }] });
    await fresh.nearby();
    const stale = await hasty.user("stale").connect();
    await stale.welcome();
    stale.send({ type: "locations", points: [{ ...HOME, ts: Math.floor(stale.nowMs()) - waitMs - 500 }] });
    await stale.never(is("nearby"), "snapshot for a backlog that is too old");
  });
});
