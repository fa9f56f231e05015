import { describe, expect } from "vitest";
import * as v from "valibot";

import { Description } from "./api-description.ts";
import { shows, leaves } from "./frames.ts";
import { request, test } from "./helpers.ts";
import type { Answer, User } from "./helpers.ts";
import { HOME, offset } from "./places.ts";
import type { Place } from "./places.ts";
import { rawRequest } from "./raw-http.ts";

const RADIUS_M = 8046.72;
const INACTIVE_AFTER_MS = 600_000;
/** OwnTracks at rest reports every quarter of an hour. */
const REST_MS = 900_000;

const NewDevice = v.looseObject({
  id: v.string(),
  password: v.string(),
  endpoint: v.string(),
  url: v.string(),
  qr: v.string(),
});

async function newDevice(user: User, app = "owntracks") {
  const answer = await user.api("POST", "/v1/devices", { app });
  expect(answer.status, answer.text).toBe(201);
  return v.parse(NewDevice, answer.body);
}

function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${btoa(`${user}:${password}`)}` };
}

const location = ({ lat, lng }: Place, more: object = {}) => ({
  _type: "location",
  lat,
  lon: lng,
  tst: Math.floor(Date.now() / 1000),
  ...more,
});

function report(user: User, password: string, body: unknown): Promise<Answer> {
  return request(user.target, "POST", "/owntracks", { body, headers: basic(user.id, password) });
}

describe("OwnTracks", () => {
  test("[DOWN8] a friend's clients learn until when a phone that lies still is shown; of others nothing is said", async ({
    world,
  }) => {
    const [ana, ben] = await world.friends();
    const { password } = await newDevice(ana);
    const b = await ben.appear(HOME);
    const sentMs = Date.now();
    await report(ana, password, location(HOME));
    const { friend } = await b.next(shows(ana.id), "the phone");
    expect(friend.activeUntil).toBeGreaterThanOrEqual(sentMs + REST_MS + INACTIVE_AFTER_MS);
    expect(friend.activeUntil).toBeLessThanOrEqual(Date.now() + REST_MS + INACTIVE_AFTER_MS);
    const a = await ana.connect();
    expect((await a.nearby()).friends).toEqual([expect.not.objectContaining({ activeUntil: expect.anything() })]);
  });

  test("[PHONE5][PHONE2] two phones show each other, and a web page sees both at once", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const [anas, bens] = [await newDevice(ana), await newDevice(ben)];
    const [placeA, placeB] = [HOME, offset(HOME, { northM: 500 })];
    expect((await report(ana, anas.password, location(placeA))).body).toEqual([]);
    const answer = await report(ben, bens.password, location(placeB));
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.body).toEqual([
      { _type: "card", tid: "AN", name: ana.id },
      { _type: "location", tid: "AN", lat: placeA.lat, lon: placeA.lng, tst: expect.any(Number) },
    ]);
    const description = new Description((await request(world.target, "GET", "/openapi.json")).body);
    const operation = description.operations.find(({ id }) => id === "ownTracks");
    if (operation === undefined) throw new Error("POST /owntracks is not described");
    const headers = { "content-type": "application/json" };
    expect(description.faults(operation, { status: 200, headers, text: answer.text })).toEqual([]);

    const page = await ana.connect();
    expect((await page.nearby()).friends).toMatchObject([{ id: ben.id, ...placeB }]);
    const next = offset(HOME, { northM: 900 });
    await report(ben, bens.password, location(next));
    expect((await page.next(shows(ben.id), "the move of a phone")).friend).toMatchObject(next);
    await report(ben, bens.password, location(offset(HOME, { northM: RADIUS_M + 100 })));
    await page.next(leaves(ben.id, "far"), "the leave of a phone");
    expect((await report(ana, anas.password, location(placeA))).body).toEqual([]);
  });

  test("[PHONE5] who pauses is shown to no phone, and is shown nobody", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const [anas, bens] = [await newDevice(ana), await newDevice(ben)];
    await report(ana, anas.password, location(HOME));
    expect((await report(ben, bens.password, location(HOME))).body).toHaveLength(2);
    await ana.patchMe({ sharing: false });
    expect((await report(ben, bens.password, location(HOME))).body).toEqual([]);
    expect((await report(ana, anas.password, location(HOME))).body).toEqual([]);
  });

  test("[PHONE2] what was kept while offline is history, and junk is answered like the rest", async ({ world }) => {
    const ana = world.user("ana");
    const { password } = await newDevice(ana);
    const old = Math.floor(Date.now() / 1000) - 3 * 3600;
    for (const body of [
      location(HOME, { tst: old, acc: 12, vel: 36, cog: 90 }),
      [location(HOME, { tst: old + 60 }), { _type: "lwt", tst: old }],
      location(HOME, { tst: 0 }),
      { _type: "transition", event: "enter", tst: old },
      "{",
      "",
    ]) {
      const answer = await report(ana, password, body);
      expect([answer.status, answer.text]).toEqual([200, "[]"]);
    }
    expect((await ana.api("GET", "/v1/history")).body).toMatchObject({
      points: [
        { ...HOME, ts: old * 1000, accuracy: 12, speed: 10, heading: 90 },
        { ...HOME, ts: (old + 60) * 1000 },
      ],
    });
  });

  test("[PHONE8] a body that is too long is thrown away, and the connection goes on", async ({ world }) => {
    const ana = world.user("ana");
    const { password } = await newDevice(ana);
    for (const bytes of [1024 * 1024 + 1, 3 * 1024 * 1024]) {
      const answer = await report(ana, password, `{"_type":"location","x":"${"x".repeat(bytes)}"}`);
      expect([answer.status, answer.text]).toEqual([200, "[]"]);
      expect((await report(ana, password, location(HOME))).status).toBe(200);
    }
  });

  test("[PHONE8] above 20 reports a second it is 503 with Retry-After, and all is well after that", async ({
    world,
  }) => {
    const ana = world.user("ana");
    const { password } = await newDevice(ana);
    const body = JSON.stringify(location(HOME));
    const headers = { ...basic(ana.id, password), "content-type": "application/json" };
    const send = () => rawRequest(world.target, { method: "POST", path: "/owntracks", headers, body });
    const answers = await Promise.all(Array.from({ length: 60 }, send));
    const late = answers.filter(({ status }) => status === 503);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(20);
    expect(late.length).toBeGreaterThan(0);
    expect(late.length + answers.filter(({ status }) => status === 200).length).toBe(60);
    for (const { headers: got } of late) expect(got["retry-after"]).toBe("1");
    await expect.poll(async () => (await send()).status, { timeout: 5_000, interval: 200 }).toBe(200);
  });
});

describe("Traccar Client", () => {
  test("[PHONE3] a friend on a page sees where the phone is", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const page = await ana.appear(HOME);
    const { password } = await newDevice(ben, "traccar");
    const { lat, lng } = offset(HOME, { northM: 300 });
    const answer = await request(world.target, "GET", `/osmand?id=${password}&lat=${lat}&lon=${lng}&speed=1`);
    expect([answer.status, answer.text]).toEqual([200, ""]);
    expect((await page.next(shows(ben.id), "the phone")).friend).toMatchObject({ lat, lng });
  });

  test("[PHONE1][PASS4] a password that is bad or was ended is 401, which is all that the app can show", async ({
    world,
  }) => {
    const ana = world.user("ana");
    const { id, password } = await newDevice(ana, "traccar");
    const send = (one: string) => request(world.target, "POST", `/osmand?id=${one}&lat=1&lon=2`);
    expect((await send(password)).status).toBe(200);
    for (const bad of [ana.id, `${password}x`, password.slice(0, -2), "%00"]) {
      const answer = await send(bad);
      expect(answer.status, bad).toBe(401);
      expect(answer.headers.get("www-authenticate")).toMatch(/^Basic /);
    }
    expect((await ana.api("DELETE", `/v1/devices/${id}`)).status).toBe(204);
    expect((await send(password)).status).toBe(401);
  });
});

describe("deadlines", { timeout: 30_000 }, () => {
  test("[PHONE9] OwnTracks outlasts the deadline of the others, and Traccar Client does not", async ({ hasty }) => {
    const [ana, ben, cleo] = [hasty.user("ana"), hasty.user("ben"), hasty.user("cleo")];
    await hasty.befriend(ana, ben);
    await hasty.befriend(ana, cleo);
    const page = await ana.connect();
    const { inactiveAfterS } = await page.welcome();
    page.move(HOME);
    const alive = setInterval(() => page.isOpen && page.move(HOME), 500);
    try {
      const { password } = await newDevice(cleo, "traccar");
      await report(ben, (await newDevice(ben)).password, location(HOME));
      await request(hasty.target, "GET", `/osmand?id=${password}&lat=${HOME.lat}&lon=${HOME.lng}`);
      await page.until((view) => view.has(ben.id) && view.has(cleo.id), "both phones");
      await page.next(leaves(cleo.id, "inactive"), "the leave of Traccar Client", inactiveAfterS * 1000 + 3_000);
      await page.never(leaves(ben.id), "leave of OwnTracks at rest", inactiveAfterS * 1000);
    } finally {
      clearInterval(alive);
    }
  });
});
