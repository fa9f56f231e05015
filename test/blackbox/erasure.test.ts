import { once } from "node:events";
import * as v from "valibot";
import { describe, expect } from "vitest";
import { WebSocket } from "ws";
import { ANSWER_MS } from "./connection.ts";
import { befriends, expectProblem, request, test } from "./helpers.ts";
import type { User } from "./helpers.ts";
import { is, leaves, parseNearby, shows, speaksOf } from "./frames.ts";
import { HOME, offset } from "./places.ts";

const NORTH = offset(HOME, { northM: 1_000 });
const NOT_FOUND = 404;

const link = v.looseObject({ code: v.string(), url: v.string() });
const historyPage = v.looseObject({ points: v.array(v.unknown()) });

async function remove(user: User): Promise<void> {
  const answer = await user.api("DELETE", "/v1/me");
  expect([answer.status, answer.text]).toEqual([204, ""]);
}

async function makeLink(user: User, kind: "invites" | "shares"): Promise<string> {
  const answer = await user.api("POST", `/v1/${kind}`, { minutes: 30 });
  expect(answer.status, answer.text).toBe(201);
  return v.parse(link, answer.body).code;
}

async function historyOf(user: User): Promise<unknown[]> {
  return v.parse(historyPage, (await user.api("GET", "/v1/history")).body).points;
}

describe("DELETE /v1/me", { concurrent: true, timeout: 20_000 }, () => {
  test("[ME5][END1] friends see the user leave, every socket of the user closes with 4410", async ({ world }) => {
    const { ana, ben, a, b } = await world.pair(HOME, NORTH);
    const a2 = await ana.connect({ device: "tablet" });
    await a2.nearby();
    await remove(ana);
    await Promise.all([
      b.next(leaves(ana.id, "unfriended"), "leave"),
      b.next(befriends(ana, "removed"), "the end of the friendship"),
    ]);
    expect([(await a.closeInfo()).code, (await a2.closeInfo()).code]).toEqual([4410, 4410]);
    b.move(offset(NORTH, { northM: 5 }));
    await b.never(speaksOf(ana.id), "news of who is gone");
    expect(await ben.friends()).toEqual([]);
    expect(parseNearby((await ben.api("GET", "/v1/nearby")).body)).toEqual([]);
  });

  test("[ME5] a later token starts an empty account: no profile, friend, request, block, link or history", async ({
    world,
  }) => {
    const [ana, ben] = await world.friends();
    const [cleo, dan, eve] = [world.user("cleo"), world.user("dan"), world.user("eve")];
    await ana.patchMe({ name: "Ana", avatar: "https://example.com/ana.png", sharing: false });
    await ana.patchFriend(ben, { visibility: "hidden", muted: true });
    await cleo.put(ana);
    await ana.put(dan);
    await ana.block(eve);
    await makeLink(ana, "invites");
    await makeLink(ana, "shares");
    expect((await ana.api("POST", "/v1/location", { ...HOME, ts: Date.now() })).status).toBe(202);
    expect(await historyOf(ana)).toHaveLength(1);
    await remove(ana);
    expect((await ana.api("GET", "/v1/me")).body).toEqual({ user: ana.id, sharing: true, discoverable: false });
    expect([await ana.friends(), await historyOf(ana)]).toEqual([[], []]);
    expect((await ana.api("GET", "/v1/blocks")).body).toEqual({ blocks: [] });
    expect((await ana.api("GET", "/v1/invites")).body).toEqual({ invites: [] });
    expect((await ana.api("GET", "/v1/shares")).body).toEqual({ shares: [] });
    for (const other of [ben, cleo, dan]) expect(await other.entry(ana)).toBeUndefined();
    // And it works like a new one: shares, and as exactly as by default.
    await world.befriend(ben, ana);
    const a = await ana.appear(HOME);
    const b = await ben.appear(NORTH);
    await a.next(shows(ben.id), "the friend, not muted");
    await b.until((view) => view.get(ana.id)?.precision === "exact", "the new account, exactly");
    expect(b.view.get(ana.id)).not.toHaveProperty("name");
    expect(await historyOf(ana)).toHaveLength(1);
    // Whoever was blocked by the old account may ask the new one.
    expect((await eve.put(ana)).status).toBe(201);
    await a.next(befriends(eve, "incoming"), "the request");
  });

  test("[ME5] what a phone kept from before is not stored again", async ({ world }) => {
    const ana = world.user("ana");
    const points = [3_000, 2_000, 1_000].map((agoMs) => ({ ...HOME, ts: Date.now() - agoMs }));
    await ana.api("POST", "/v1/location", { points });
    await remove(ana);
    expect((await ana.api("POST", "/v1/location", { points })).status).toBe(202);
    expect(await historyOf(ana)).toEqual([]);
    const later = { ...HOME, ts: Date.now() + 1_000 };
    await ana.api("POST", "/v1/location", later);
    expect(await historyOf(ana)).toEqual([later]);
  });

  test("[ME5] links end: an invite is unknown, a viewer of a share is closed with 4404", async ({ world }) => {
    const [ana, ben] = [world.user("ana"), world.user("ben")];
    const a = await ana.appear(HOME);
    const [invite, share] = [await makeLink(ana, "invites"), await makeLink(ana, "shares")];
    const address = new URL(`/s/${share}/connect`, world.target.url.replace(/^http/, "ws"));
    const viewer = new WebSocket(address, { handshakeTimeout: ANSWER_MS });
    try {
      const closed = once(viewer, "close");
      const [first] = await once(viewer, "message");
      expect(JSON.parse(String(first))).toMatchObject({ type: "share", ...HOME });
      // workerd lets go at once of a client only if it has sent something.
      viewer.send("ping");
      await remove(ana);
      expect((await closed)[0]).toBe(4404);
    } finally {
      viewer.terminate();
    }
    expect((await a.closeInfo()).code).toBe(4410);
    expectProblem(await ben.api("POST", `/v1/invites/${invite}`), NOT_FOUND, "not_found");
    for (const path of [`/i/${invite}`, `/s/${share}`]) {
      expect((await request(world.target, "GET", path)).status).toBe(NOT_FOUND);
    }
    expect(await ben.friends()).toEqual([]);
  });

  test("[ME5] again, or without an account, is 204; only with a token, and only the own", async ({ world }) => {
    const { ana, ben, a } = await world.pair(HOME, NORTH);
    await remove(world.user("nobody"));
    await remove(ben);
    await remove(ben);
    await a.next(befriends(ben, "removed"), "the end of the friendship");
    expectProblem(await request(world.target, "DELETE", "/v1/me"), 401, "unauthorized");
    const cleo = world.user("cleo");
    for (const path of [`/v1/me?user=${ana.id}`, `/v1/me?id=${ana.id}`]) {
      const body = { user: ana.id };
      expect((await request(world.target, "DELETE", path, { token: await cleo.token(), body })).status).toBe(204);
    }
    expectProblem(await cleo.api("DELETE", `/v1/me/${ana.id}`), NOT_FOUND, "not_found");
    await a.never(is("friendship"), "a second removal");
    await a.ping();
    expect(a.isOpen).toBe(true);
  });
});
