/**
 * Real objects and a real Redis that refuses, hangs, answers garbage, loses all keys, and is stopped and started, while
 * people wake: after the next renewal everybody sees everybody.
 */
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "vitest";

import { sendLines } from "../../scripts/import/send.ts";
import { type Backend, startBackend } from "../../scripts/serve/backend.ts";
import { startBridge } from "../../scripts/services/bridge.ts";
import { connectRedis, startRedis } from "../../scripts/services/redis.ts";
import { seededRandom } from "../../scripts/town/random.ts";
import { signToken as sign } from "../../src/auth/token.ts";
import { OPEN_MS } from "../../src/presence/breaker.ts";
import { signToken } from "../blackbox/helpers.ts";
import { SdkPhone } from "./phones.ts";

const PEOPLE = 8;
/** A renewal in each, so that a test can wait for some. */
const INACTIVE_AFTER_S = 3;
const EVERY_MS = 500;
/** Two renewals, and what a machine that does other things adds. */
const HEALED_WITHIN_MS = 15_000;
const INACTIVE_WITHIN_MS = 15_000;
const TIMEOUT_MS = 150_000;
const SECRET = "a-secret-that-only-tests-know-0123456789";
const TOKEN = "token-of-this-test";

type Fault = "refuses" | "hangs" | "garbage" | "loses all keys" | "is stopped and started";

async function openWorld() {
  // In the order of opening; ended in the other, also when a later one does not open.
  const ends: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  };
  try {
    return { ...(await openParts(ends)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openParts(ends: (() => Promise<void> | void)[]) {
  const server = await startRedis(() => {});
  ends.push(() => server.close());
  const redis = await connectRedis(server.url);
  ends.push(() => redis.close());
  const state: { fault: Fault | null; struck: number } = { fault: null, struck: 0 };
  const bridge = await startBridge({
    redis,
    token: TOKEN,
    meddle(response) {
      if (state.fault === "refuses") response.destroy();
      if (state.fault === "garbage") response.end('[{"result":"\u2603"}]');
      const isStruck = state.fault === "refuses" || state.fault === "garbage" || state.fault === "hangs";
      if (isStruck) state.struck += 1;
      return isStruck;
    },
  });
  ends.push(() => bridge.stop());
  // What the runtime says of an index that fails on purpose is not what this is about.
  const logFd = openSync("/dev/null", "a");
  ends.push(() => closeSync(logFd));
  const backend = await startBackend({
    port: 0,
    memory: true,
    logFd,
    env: {
      AUTH_SECRET: SECRET,
      HISTORY_SINKS: "",
      INACTIVE_AFTER_S: String(INACTIVE_AFTER_S),
      // Everybody is near everybody.
      RADIUS_M: "100000",
      POSITION_BURST: "1000000",
      POSITION_MIN_S: "0",
      UPSTASH_REDIS_REST_URL: bridge.url,
      UPSTASH_REDIS_REST_TOKEN: TOKEN,
    },
  });
  ends.push(() => backend.stop());
  const phones = await befriended(backend);
  ends.push(() => {
    for (const phone of phones) phone.close();
  });
  return { server, redis, bridge, state, phones };
}

async function befriended({ url }: Backend): Promise<SdkPhone[]> {
  const target = { url, secret: SECRET };
  const users = Array.from({ length: PEOPLE }, (_, i) => `person-${i}`);
  const pairs = users.flatMap((a, i) => users.slice(i + 1).map((b) => JSON.stringify({ a, b })));
  const never = new AbortController().signal;
  const operator = { user: "operator", role: "admin" } as const;
  const at = { nowMs: Date.now(), lifetimeS: 3_600 };
  const auth = { kind: "hs256", secrets: [new TextEncoder().encode(SECRET)] } as const;
  const token = async () => (await sign(auth, operator, at)).token;
  const { accepted } = await sendLines({ url, token, stop: never, cut: never }, pairs.join("\n"));
  if (accepted !== pairs.length) throw new Error(`${accepted} of ${pairs.length} friendships were made`);
  const random = seededRandom(1);
  return Promise.all(
    users.map(async (user) => new SdkPhone({ url, user, token: await signToken(target, user), random })),
  );
}

/** Those who are awake report until the walk is stopped. */
function walk(phones: readonly SdkPhone[], isAwake: (index: number) => boolean) {
  const stopped = new AbortController();
  const done = (async () => {
    while (!stopped.signal.aborted) {
      for (const [i, phone] of phones.entries()) if (isAwake(i)) phone.move();
      await sleep(EVERY_MS, undefined, { signal: stopped.signal }).catch(() => {});
    }
  })();
  return async () => {
    stopped.abort();
    await done;
  };
}

const isSleeper = (index: number): boolean => index % 2 === 1;

describe("a Redis", { concurrent: true }, () => {
  test.for<Fault>(["refuses", "hangs", "garbage", "loses all keys", "is stopped and started"])(
    "that %s while people wake",
    { timeout: TIMEOUT_MS },
    // Several run at once: each has an `expect` of its own.
    async (fault, { expect }) => {
      const { server, redis, bridge, state, phones, close } = await openWorld();
      let areAsleep = false;
      const stop = walk(phones, (index) => !areAsleep || !isSleeper(index));
      const views = () => phones.map(({ client }) => client.friends.map(({ id }) => id).toSorted());
      const everybody = phones.map((me) => phones.filter((one) => one !== me).map(({ user }) => user));
      const awake = phones.filter((_, i) => !isSleeper(i)).map(({ user }) => user);
      const awakeSeen = phones.map(({ user }, i) => (isSleeper(i) ? [] : awake.filter((one) => one !== user)));
      const seesAll = (withinMs: number) => expect.poll(views, { timeout: withinMs, interval: 100 }).toEqual(everybody);
      const entries = async () =>
        (await redis.command(["KEYS", "active:*"]).then((keys) => (Array.isArray(keys) ? keys.length : 0))) === PEOPLE;
      try {
        await seesAll(HEALED_WITHIN_MS);
        const healthy = bridge.counts.commands;
        expect(healthy).toBeGreaterThanOrEqual(2 * PEOPLE);
        areAsleep = true;
        await expect.poll(views, { timeout: INACTIVE_WITHIN_MS, interval: 100 }).toEqual(awakeSeen);

        state.fault = fault;
        if (fault === "loses all keys") {
          expect(await redis.command(["DBSIZE"])).toBeGreaterThan(0);
          expect(await redis.command(["FLUSHALL"])).toBe("OK");
          state.struck += 1;
        }
        if (fault === "is stopped and started") await server.stop();
        const reached = bridge.counts.requests;
        areAsleep = false;
        await seesAll(HEALED_WITHIN_MS);
        if (fault === "is stopped and started") state.struck += bridge.counts.requests - reached;
        expect(state.struck).toBeGreaterThan(0);

        state.fault = null;
        if (fault === "is stopped and started") await server.start();
        // The breaker tries again, and renewals enter everybody.
        const asked = bridge.counts.requests;
        const isBack = () => bridge.counts.requests >= asked + PEOPLE;
        await expect.poll(isBack, { timeout: OPEN_MS + HEALED_WITHIN_MS, interval: 200 }).toBe(true);
        await expect.poll(entries, { timeout: HEALED_WITHIN_MS, interval: 200 }).toBe(true);
        areAsleep = true;
        await expect.poll(views, { timeout: INACTIVE_WITHIN_MS, interval: 100 }).toEqual(awakeSeen);
        const before = bridge.counts.commands;
        areAsleep = false;
        await seesAll(HEALED_WITHIN_MS);
        expect(bridge.counts.commands - before).toBeGreaterThanOrEqual(PEOPLE);
      } finally {
        await stop();
        await close();
      }
    },
  );
});
