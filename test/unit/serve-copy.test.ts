/** One machine (docs/self-host.md): a copy of the state, and a proxy in front. Always against servers of its own. */
import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Backend, startBackend } from "../../scripts/serve/backend.ts";
import { request, type User, World } from "../blackbox/helpers.ts";
import type { Target } from "../blackbox/setup.ts";

/** Each of the tests starts several servers, beside other tests. */
const TIMEOUT_MS = 120_000;
const POINTS = 25;
const SECRET = randomBytes(32).toString("base64url");
const Device = v.looseObject({ password: v.string() });

let dir: string;
const running: Backend[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nearby-self-host-"));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
  rmSync(dir, { recursive: true, force: true });
});

async function serve(state: string): Promise<Target & { stop(): Promise<void> }> {
  const env = { AUTH_SECRET: SECRET };
  const backend = await startBackend({ port: 0, stateDir: join(dir, state), env });
  running.push(backend);
  return { url: backend.url, secret: SECRET, stop: () => backend.stop() };
}

/** People with something of every kind that the state keeps. */
interface Kept {
  readonly ana: string;
  readonly ben: string;
  readonly password: string;
}

async function live(target: Target): Promise<Kept> {
  const world = new World(target);
  const [ana, ben] = await world.friends();
  const eve = world.user("eve");
  await ana.patchMe({ name: "Ana Bek", discoverable: true });
  await ana.patchFriend(ben, { visibility: "coarse" });
  await ana.block(eve);
  const ts = Date.now() - POINTS * 1_000;
  const points = Array.from({ length: POINTS }, (_, i) => ({ lat: 37 + i / 10_000, lng: 127, ts: ts + i * 1_000 }));
  expect((await ana.api("POST", "/v1/location", { points })).status).toBe(202);
  expect((await ana.api("POST", "/v1/shares", { minutes: 60 })).status).toBe(201);
  expect((await ana.api("POST", "/v1/invites", {})).status).toBe(201);
  const device = await ana.api("POST", "/v1/devices", { app: "owntracks", name: "Phone" });
  const { password } = v.parse(Device, device.body);
  return { ana: ana.id, ben: ben.id, password };
}

/** Everything that Ana and Ben can ask for, as JSON; addresses have the port in them. */
async function everything(target: Target, { ana, ben }: Kept): Promise<Record<string, unknown>> {
  const world = new World(target);
  const paths = ["/v1/me", "/v1/friends", "/v1/blocks", "/v1/history", "/v1/shares", "/v1/invites", "/v1/devices"];
  const all: Record<string, unknown> = {};
  for (const user of [ana, ben].map((id) => world.userWithId(id))) {
    for (const path of paths) {
      const answer = await user.api("GET", path);
      expect(answer.status, answer.text).toBe(200);
      all[`${user.id} ${path}`] = withoutMoment(JSON.parse(answer.text.replaceAll(target.url, "")));
    }
  }
  return all;
}

/** How far back a history can reach moves with the clock. */
function withoutMoment(answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null || !("since" in answer)) return answer;
  return { ...answer, since: null };
}

async function expectWhole(target: Target, kept: Kept, before: Record<string, unknown>): Promise<void> {
  expect(await everything(target, kept)).toEqual(before);
  const report = { _type: "location", lat: 37.1, lon: 127, tst: Math.floor(Date.now() / 1000) };
  const as = (user: string) => {
    const authorization = `Basic ${Buffer.from(`${user}:${kept.password}`).toString("base64")}`;
    return request(target, "POST", "/owntracks", { body: report, headers: { authorization } });
  };
  expect((await as(kept.ana)).status, "the password of a device").toBe(200);
  expect((await as(kept.ben)).status, "somebody else's").toBe(401);
  const [ana, ben] = [kept.ana, kept.ben].map((id) => new World(target).userWithId(id)) as [User, User];
  await ben.api("POST", "/v1/location", { lat: 37.1, lng: 127.001, ts: Date.now() });
  const near = await ana.api("GET", "/v1/nearby");
  expect(near.text, "friends still meet").toContain(ben.id);
}

describe("a copy of the state", { timeout: TIMEOUT_MS }, () => {
  test("stop, copy, start elsewhere: everything is there", async () => {
    const first = await serve("a");
    const kept = await live(first);
    const before = await everything(first, kept);
    expect(JSON.stringify(before)).toContain("Ana Bek");
    await first.stop();
    cpSync(join(dir, "a"), join(dir, "b"), { recursive: true });
    const second = await serve("b");
    expect(second.url).not.toBe(first.url);
    await expectWhole(second, kept, before);
  });

  test("of a running server it needs the write-ahead logs: what was written last is nowhere else", async () => {
    const first = await serve("a");
    const kept = await live(first);
    const before = await everything(first, kept);
    // Nobody writes meanwhile, which is what a snapshot of the file system makes sure of.
    cpSync(join(dir, "a"), join(dir, "whole"), { recursive: true });
    cpSync(join(dir, "a"), join(dir, "torn"), { recursive: true, filter: (path) => !/-(?:wal|shm)$/.test(path) });
    await expectWhole(await serve("whole"), kept, before);
    const torn = await serve("torn");
    const friends = await new World(torn).userWithId(kept.ana).api("GET", "/v1/friends");
    expect(friends.text).not.toContain(kept.ben);
  });
});

describe("a proxy in front", { timeout: TIMEOUT_MS }, () => {
  test("that ended TLS: links and the addresses for phones are https, and sockets open", async () => {
    const target = await serve("a");
    const user = new World(target).user("ana");
    const token = await user.token();
    const asked = async (path: string, body: unknown, headers: Record<string, string>) =>
      (await request(target, "POST", path, { token, body, headers })).text;
    const proxied = { "x-forwarded-proto": "https", host: "nearby.example" };
    const secure = target.url.replace("http:", "https:");
    expect(await asked("/v1/invites", {}, proxied)).toContain(`"url":"${secure}/i/`);
    expect(await asked("/v1/devices", { app: "traccar" }, proxied)).toContain(`"endpoint":"${secure}/osmand"`);
    expect(await asked("/v1/invites", {}, {})).toContain(`"url":"${target.url}/i/`);
    expect(await asked("/v1/invites", {}, { "x-forwarded-proto": "ftp" })).toContain(`"url":"${target.url}/i/`);
    const socket = new WebSocket(`${target.url.replace("http", "ws")}/v1/connect`, ["nearby.v1", `bearer.${token}`], {
      headers: { "x-forwarded-proto": "https" },
    });
    const first = await new Promise<string>((done, failed) => {
      socket.once("message", (data: Buffer) => done(data.toString()));
      socket.once("error", failed);
    });
    socket.close();
    expect(first).toContain('"type":"welcome"');
  });
});
