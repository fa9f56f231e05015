import { describe, expect } from "vitest";
import { expectProblem, test } from "./helpers.ts";
import { leaves, parseNearby, shows } from "./frames.ts";
import { HOME, offset } from "./places.ts";

/** Of the contract, and the default of POSITION_BURST. */
const POINTS_MAX = 100;
const AHEAD_MAX_MS = 24 * 60 * 60 * 1000;
const POSITION_BURST = 30;
/** Requests that report positions, before ten a second. */
const REQUEST_BURST = 100;

describe("POST /v1/location and GET /v1/nearby", { concurrent: true, timeout: 20_000 }, () => {
  test("[LOC1] a point over HTTP counts as live like the socket's", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear(HOME);
    const there = offset(HOME, { northM: 200 });
    const answer = await ben.api("POST", "/v1/location", { ...there, ts: Date.now(), accuracy: 5 });
    expect(answer.status, answer.text).toBe(202);
    expect((await a.next(shows(ben.id), "the friend without a socket")).friend).toMatchObject(there);
    expect(parseNearby((await ben.api("GET", "/v1/nearby")).body).map((friend) => friend.id)).toEqual([ana.id]);
    await ben.api("POST", "/v1/location", { ...offset(HOME, { northM: 20_000 }), ts: Date.now() });
    await a.next(leaves(ben.id, "far"), "leave");
  });

  test("[LOC1] of several points the newest counts as live", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear(HOME);
    const now = Date.now();
    const points = [3, 9, 1, 7].map((n) => ({ ...offset(HOME, { eastM: 100 * n }), ts: now - 10_000 + n }));
    const answer = await ben.api("POST", "/v1/location", { points });
    expect(answer.status, answer.text).toBe(202);
    expect((await a.next(shows(ben.id), "the friend")).friend).toMatchObject(offset(HOME, { eastM: 900 }));
    expect(a.view.size).toBe(1);
  });

  test("[LOC1] a hundred points are taken, and a socket of the same user learns what they changed", async ({
    world,
  }) => {
    const [ana, ben] = await world.friends();
    const b = await ben.connect();
    await b.welcome();
    await ana.appear(HOME);
    const now = Date.now();
    for (const count of [POINTS_MAX - 1, POINTS_MAX]) {
      const points = Array.from({ length: count }, (_, n) => ({ ...offset(HOME, { eastM: n }), ts: now - 1_000 + n }));
      const answer = await ben.api("POST", "/v1/location", { points });
      expect(answer.status, answer.text).toBe(202);
    }
    await b.until((view) => view.has(ana.id), "the friend");
  });

  test("[LOC1] points that are too old are stored and make nobody active", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear(HOME);
    const ts = Date.now() - 3_600_000;
    const answer = await ben.api("POST", "/v1/location", { points: [{ ...HOME, ts }] });
    expect(answer.status, answer.text).toBe(202);
    await a.never((frame) => frame.type === "friend", "friend who is not active");
  });

  test("[LOC2] bad points are refused with a pointer, and none of the request is applied", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear(HOME);
    const now = Date.now();
    const good = { ...HOME, ts: now };
    const cases: [unknown, string][] = [
      [{ ...good, lat: 90.0001 }, "#/lat"],
      [{ ...good, lng: -180.0001 }, "#/lng"],
      [{ ...good, lat: "1" }, "#/lat"],
      [{ ...good, lng: null }, "#/lng"],
      [{ lat: 1, ts: now }, "#/lng"],
      [{ ...good, ts: 5 }, "#/ts"],
      [{ ...good, ts: now + 0.5 }, "#/ts"],
      [{ ...good, ts: now + AHEAD_MAX_MS + 60_000 }, "#/ts"],
      [{ lat: 1, lng: 1 }, "#/ts"],
      [{ ...good, accuracy: -1 }, "#/accuracy"],
      [{ ...good, heading: 361 }, "#/heading"],
      ['{"lat":1e400,"lng":1,"ts":1700000000000}', "#/lat"],
      [{ points: [good, { ...good, lat: 91 }] }, "#/points/1/lat"],
      [{ points: [good, good, { ...good, ts: "x" }] }, "#/points/2/ts"],
      [{ points: [good, 5] }, "#/points/1"],
      [{ points: [] }, "#/points"],
      [{ points: {} }, "#/points"],
      [{ points: null }, "#/points"],
      [{ points: Array.from({ length: POINTS_MAX + 1 }, () => good) }, "#/points"],
    ];
    for (const [body, pointer] of cases) {
      const answer = await ben.api("POST", "/v1/location", body);
      const problem = expectProblem(answer, 400, "bad_request");
      expect(
        problem.errors?.map((error) => error.pointer),
        `${JSON.stringify(body).slice(0, 90)} ${answer.text}`,
      ).toContain(pointer);
    }
    expectProblem(await ben.api("POST", "/v1/location", {}), 400, "bad_request");
    await a.never((frame) => frame.type === "friend", "friend whose points were all refused");
  });

  test("[LOC3] positions beyond the burst go to the history only", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear(HOME);
    const now = Date.now();
    const report = async (n: number) => {
      const answer = await ben.api("POST", "/v1/location", { ...offset(HOME, { northM: n }), ts: now - 1000 + n });
      expect(answer.status, answer.text).toBe(202);
      return answer.body;
    };
    for (let n = 1; n <= POSITION_BURST; n += 1) {
      expect(await report(n), `position ${n}, with POSITION_BURST of 30`).toEqual({ live: true });
    }
    expect(await report(POSITION_BURST + 1)).toEqual({ live: false });
    const last = offset(HOME, { northM: POSITION_BURST });
    await a.until((view) => view.get(ben.id)?.lat === last.lat, "the last position of the burst");
    const history = await ben.api("GET", "/v1/history");
    expect(history.body).toMatchObject({
      points: Array.from({ length: POSITION_BURST + 1 }, (_, n) => ({ ts: now - 1000 + n + 1 })),
    });
  });

  test("[LOC4] a flood of requests is 429, says when to come back, and leaves nothing", async ({ world }) => {
    const ana = world.user("ana");
    const now = Date.now();
    const ts = Array.from({ length: REQUEST_BURST + 50 }, (_, n) => now - 60_000 + n);
    // All at once: one after the other, a slow machine would stay below 10 a second.
    const answers = await Promise.all(ts.map((at) => ana.api("POST", "/v1/location", { ...HOME, ts: at })));
    const taken = ts.filter((_, n) => answers[n]?.status === 202);
    expect(taken.length).toBeGreaterThanOrEqual(REQUEST_BURST);
    expect(taken.length).toBeLessThan(ts.length);
    for (const answer of answers.filter(({ status }) => status !== 202)) {
      expectProblem(answer, 429, "rate_limited");
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    }
    const history = await ana.api("GET", "/v1/history");
    expect(history.body).toMatchObject({ points: taken.map((at) => ({ ts: at })) });
  });

  test("[NEAR1] nobody is near who is inactive, far, a stranger or paused", async ({ world }) => {
    const ana = world.user("ana");
    const [near, far, asleep, paused] = ["near", "far", "asleep", "paused"].map((label) => world.user(label));
    if (near === undefined || far === undefined || asleep === undefined || paused === undefined) {
      throw new Error("four friends were made");
    }
    for (const friend of [near, far, asleep, paused]) {
      await world.befriend(ana, friend);
    }
    await near.patchMe({ name: "Near" });
    await near.appear(offset(HOME, { northM: 500 }));
    await far.appear(offset(HOME, { northM: 30_000 }));
    await paused.appear(HOME);
    await paused.patchMe({ sharing: false });
    await world.user("stranger").appear(HOME);
    await ana.api("POST", "/v1/location", { ...HOME, ts: Date.now() });
    const answer = await ana.api("GET", "/v1/nearby");
    expect(answer.status, answer.text).toBe(200);
    const friends = parseNearby(answer.body);
    expect(friends).toHaveLength(1);
    expect(friends[0]).toMatchObject({
      id: near.id,
      name: "Near",
      ...offset(HOME, { northM: 500 }),
      precision: "exact",
    });
    expect(Math.abs((friends[0]?.distance ?? NaN) - 500)).toBeLessThan(0.2);
  });

  test("[NEAR1] without a position of one's own it is empty", async ({ world }) => {
    const [ana, ben] = await world.friends();
    await ben.appear(HOME);
    const answer = await ana.api("GET", "/v1/nearby");
    expect(answer.status, answer.text).toBe(200);
    expect(parseNearby(answer.body)).toEqual([]);
  });
});
