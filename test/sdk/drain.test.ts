/** A drain as people notice it: real clients of the SDK on a server of their own, positions all the while. */
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type Backend, startBackend } from "../../scripts/serve/backend.ts";
import { signToken } from "../../src/auth/token.ts";
import { createNearbyClient, type NearbyClient } from "../../src/client/index.ts";
import { DrainingSchema, StatsSchema } from "../../src/protocol/admin.ts";
import { readSettings } from "../../src/settings.ts";

const SECRET = "a-secret-that-only-this-test-knows-0123456789";
const CLIENTS = 200;
const POINTS = 6;
const POINT_EVERY_MS = 1_000;
const WINDOW_S = 3;
const AWAY_MAX_MS = 5_000;
const { auth } = readSettings({ AUTH_SECRET: SECRET });

let backend: Backend;

beforeAll(async () => {
  const env = { AUTH_SECRET: SECRET, POSITION_BURST: "1000" };
  backend = await startBackend({ port: 0, memory: true, env });
}, 60_000);

afterAll(() => backend.stop());

async function tokenOf(user: string, role?: "admin"): Promise<string> {
  if (auth.kind !== "hs256") throw new Error("the secret signs");
  const subject = role === undefined ? { user } : { user, role };
  return (await signToken(auth, subject, { nowMs: Date.now(), lifetimeS: 3_600 })).token;
}

/** A client with its absences: from the close of a connection to the next that is online. */
class Walker {
  readonly user: string;
  readonly client: NearbyClient;
  readonly awayMs: number[] = [];
  readonly sent: number[] = [];
  readonly reasons = new Set<string>();
  #leftAt: number | null = null;

  constructor(user: string) {
    this.user = user;
    this.client = createNearbyClient({ url: backend.url, token: () => tokenOf(user) });
    this.client.on("status", (status) => {
      if (status.state === "waiting") {
        this.reasons.add(`${status.code} ${status.reason}`);
        this.#leftAt ??= performance.now();
      }
      if (status.state !== "online" || this.#leftAt === null) return;
      this.awayMs.push(performance.now() - this.#leftAt);
      this.#leftAt = null;
    });
  }

  step(at: number): void {
    // Times differ, so that each is a point of its own.
    const ts = Date.now() + at;
    this.sent.push(ts);
    this.client.send({ lat: 48 + at / 10_000, lng: 11, ts });
  }
}

test("[CLOSE2][ADMIN8] nobody is away for more than 5 s, and no point is lost", { timeout: 90_000 }, async () => {
  const walkers = Array.from({ length: CLIENTS }, (_, at) => new Walker(`walker-${at}`));
  const headers = { authorization: `Bearer ${await tokenOf("operator", "admin")}` };
  await expect.poll(() => walkers.filter(({ client }) => client.status.state === "online").length, wait).toBe(CLIENTS);
  let drained: Promise<Response> | null = null;
  for (let at = 0; at < POINTS; at += 1) {
    for (const walker of walkers) walker.step(at);
    if (at === 1) drained = fetch(`${backend.url}/v1/admin/drain`, drainRequest(headers));
    await sleep(POINT_EVERY_MS);
  }
  const { users } = v.parse(DrainingSchema, await (await drained)?.json());
  expect(users).toBe(CLIENTS);
  await expect.poll(() => walkers.filter(({ awayMs }) => awayMs.length > 0).length, wait).toBe(CLIENTS);
  const longestMs = Math.max(...walkers.flatMap(({ awayMs }) => awayMs));
  process.stderr.write(`drain: ${CLIENTS} clients, longest absence ${Math.round(longestMs)} ms\n`);
  expect(longestMs).toBeLessThanOrEqual(AWAY_MAX_MS);
  for (const { reasons } of walkers) expect([...reasons]).toEqual(["1012 restarting, connect again within 3 s"]);
  for (const walker of walkers) {
    const own = { authorization: `Bearer ${await tokenOf(walker.user)}` };
    await expect.poll(async () => storedBy(own), wait).toEqual(walker.sent);
    walker.client.close();
  }
  const stats = v.parse(StatsSchema, await (await fetch(`${backend.url}/v1/admin/stats`, { headers })).json());
  expect(stats).toMatchObject({ draining: { left: 0 }, users: { active: CLIENTS } });
});

const wait = { timeout: 30_000, interval: 100 };

function drainRequest(headers: Record<string, string>): RequestInit {
  const body = JSON.stringify({ windowS: WINDOW_S });
  return { method: "POST", headers: { ...headers, "content-type": "application/json" }, body };
}

async function storedBy(headers: Record<string, string>): Promise<number[]> {
  const Page = v.object({ points: v.array(v.object({ ts: v.number() })) });
  const response = await fetch(`${backend.url}/v1/history`, { headers });
  return v.parse(Page, await response.json()).points.map(({ ts }) => ts);
}
