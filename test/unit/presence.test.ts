/** The index of active friends: its contract without a Redis, what it makes of bad answers, and the breaker before it. */
import { createServer, type ServerResponse } from "node:http";
import { once } from "node:events";
import { afterEach, describe, expect, test, vi } from "vitest";

import { startBridge } from "../../scripts/services/bridge.ts";
import { MemoryRedis } from "../../scripts/services/memory-redis.ts";
import { Breaker, OPEN_MS } from "../../src/presence/breaker.ts";
import { NONE } from "../../src/presence/none.ts";
import { openPresence } from "../../src/presence/open.ts";
import { ANSWER_MAX_MS, type Entries, type Presence } from "../../src/presence/presence.ts";
import { Upstash } from "../../src/presence/upstash.ts";
import { readSettings } from "../../src/settings.ts";
import { presenceContract } from "../services/presence-contract.ts";

const TOKEN = "token-of-this-test";
const ME = { user: "ann", rev: 5, ttlMs: 60_000 };

presenceContract("none", {
  kind: "cannot tell",
  open: () => Promise.resolve({ presence: NONE, close: async () => {} }),
});

presenceContract("upstash, on a map behind the REST of Upstash", {
  kind: "knows",
  async open() {
    const bridge = await startBridge({ redis: new MemoryRedis(), token: TOKEN });
    const env = { AUTH_SECRET: "s".repeat(32), UPSTASH_REDIS_REST_URL: bridge.url, UPSTASH_REDIS_REST_TOKEN: TOKEN };
    return { presence: openPresence(readSettings(env)), close: () => bridge.stop() };
  },
});

test("without settings there is none; with them all objects share one", () => {
  const secret = { AUTH_SECRET: "s".repeat(32) };
  expect(openPresence(readSettings(secret))).toBe(NONE);
  const upstash = { UPSTASH_REDIS_REST_URL: "https://x.upstash.io", UPSTASH_REDIS_REST_TOKEN: "t" };
  const [one, two] = [readSettings({ ...secret, ...upstash }), readSettings({ ...secret, ...upstash })];
  expect(openPresence(one)).toBe(openPresence(two));
});

const stops: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(stops.splice(0).map((stop) => stop())));

/** A server that answers each request as `answer` does. @returns its URL and how many came */
async function serve(answer: (response: ServerResponse) => void): Promise<{ url: string; requests: () => number }> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume();
    answer(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}`, requests: () => requests };
}

const json = (body: unknown) => (response: ServerResponse) =>
  void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("answers that no Redis gives", () => {
  test.each([
    ["no JSON", (response: ServerResponse) => void response.end("<html>")],
    ["an empty body", (response: ServerResponse) => void response.end()],
    ["half of it", (response: ServerResponse) => void response.end('[{"result":null},{"res')],
    ["an object", json({ result: "OK" })],
    ["no list of values", json([{ result: null }, { result: base64("5") }])],
    ["too few answers", json([{ result: null }])],
    ["too many answers", json([{ result: null }, { result: [null] }, { result: [null] }])],
    ["too few values", json([{ result: null }, { result: [] }])],
    ["too many values", json([{ result: null }, { result: [null, null] }])],
    ["a value that is no rev", json([{ result: null }, { result: [base64("-1")] }])],
    ["a rev beyond all time", json([{ result: null }, { result: [base64("9".repeat(17))] }])],
    ["a number where there is text", json([{ result: 5 }, { result: [5] }])],
    ["an error for one command", json([{ result: null }, { error: "WRONGTYPE" }])],
    ["nulls", json([null, null])],
    ["500", (response: ServerResponse) => void response.writeHead(500).end('{"error":"down"}')],
    ["429", (response: ServerResponse) => void response.writeHead(429).end("slow down")],
    [
      "a redirect in a circle",
      (response: ServerResponse) => void response.writeHead(307, { location: "/pipeline" }).end(),
    ],
    ["a cut connection", (response: ServerResponse) => void response.destroy()],
  ])("%s: everybody is asked, and the next question is not even tried", async (_name, answer) => {
    const server = await serve(answer);
    const log = vi.fn();
    const breaker = new Breaker({ source: new Upstash({ url: server.url, token: TOKEN }), log });
    expect(await breaker.announce(ME, ["bob"], { redisCommands: 0 })).toBeNull();
    const tried = server.requests();
    expect(await breaker.announce(ME, ["bob"], { redisCommands: 0 })).toBeNull();
    expect(server.requests()).toBe(tried);
    expect(log).toHaveBeenCalledTimes(1);
    // What the client says of a failure repeats the command, with everybody in it.
    expect(JSON.stringify(log.mock.calls)).not.toMatch(/ann|bob|active:/);
  });

  test("a wrong token, and nobody there", async () => {
    const bridge = await startBridge({ redis: new MemoryRedis(), token: TOKEN });
    const ask = (token: string) => new Upstash({ url: bridge.url, token }).announce(ME, ["bob"], { redisCommands: 0 });
    await expect(ask("another")).rejects.toThrow("Unauthorized");
    expect(await ask(TOKEN)).toEqual({ wasListed: false, revs: new Map() });
    await bridge.stop();
    await expect(ask(TOKEN)).rejects.toThrow("fetch failed");
  });

  test.each(["nothing at all", "headers and no end"])("%s: after a second nobody waits any more", async (what) => {
    const server = await serve((response) => {
      if (what === "headers and no end") response.writeHead(200).write("[");
    });
    const started = performance.now();
    await expect(
      new Upstash({ url: server.url, token: TOKEN }).announce(ME, ["bob"], { redisCommands: 0 }),
    ).rejects.toThrow();
    const tookMs = performance.now() - started;
    expect(tookMs).toBeGreaterThan(ANSWER_MAX_MS - 50);
    expect(tookMs).toBeLessThan(ANSWER_MAX_MS + 900);
    expect(server.requests()).toBe(1);
  });
});

describe("the breaker", () => {
  const ENTRIES: Entries = { wasListed: true, revs: new Map() };

  function broken() {
    let now = 1_000_000;
    const state = { fails: true, asked: 0 };
    const source: Presence = {
      announce: () => {
        state.asked += 1;
        return state.fails ? Promise.reject(new TypeError("ann is not to be logged")) : Promise.resolve(ENTRIES);
      },
    };
    const log = vi.fn();
    const logEnd = vi.fn();
    const breaker = new Breaker({ source, log, logEnd, now: () => now });
    const ask = () => breaker.announce(ME, [], { redisCommands: 0 });
    return { breaker, state, log, logEnd, ask, later: (ms: number) => (now += ms) };
  }

  test("opens at the first failure, for its time: n - 1, n, n + 1", async () => {
    for (const [waitMs, asked] of [
      [OPEN_MS - 1, 1],
      [OPEN_MS, 2],
      [OPEN_MS + 1, 2],
    ] as const) {
      const { state, ask, later } = broken();
      expect(await ask()).toBeNull();
      later(waitMs);
      expect(await ask()).toBeNull();
      expect(state.asked).toBe(asked);
    }
  });

  test("then tries one question, while the others go on without", async () => {
    const { state, ask, later } = broken();
    await ask();
    later(OPEN_MS);
    state.fails = false;
    const [first, second] = [ask(), ask()];
    expect([await first, await second, state.asked]).toEqual([ENTRIES, null, 2]);
    expect(await ask()).toBe(ENTRIES);
  });

  test("logs an outage once, however many ask and however long it lasts, and the next one again", async () => {
    const { breaker, state, log, logEnd, ask, later } = broken();
    expect(breaker.isDown).toBe(false);
    await Promise.all(Array.from({ length: 50 }, ask));
    for (let i = 0; i < 5; i += 1) {
      later(OPEN_MS);
      await ask();
    }
    expect(log.mock.calls).toEqual([
      ["index_unavailable", { setting: "UPSTASH_REDIS_REST_URL", reason: "TypeError", retryAfterMs: OPEN_MS }],
    ]);
    expect([breaker.isDown, logEnd.mock.calls]).toEqual([true, []]);
    state.fails = false;
    later(OPEN_MS);
    await ask();
    await ask();
    expect(breaker.isDown).toBe(false);
    expect(logEnd.mock.calls).toEqual([["index_available", { setting: "UPSTASH_REDIS_REST_URL" }]]);
    state.fails = true;
    await ask();
    expect(log).toHaveBeenCalledTimes(2);
  });
});
