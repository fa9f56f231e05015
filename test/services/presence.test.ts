/** The index of active friends on a real Redis, behind the REST of Upstash. */
import { expect, inject, test } from "vitest";

import { type Bridge, startBridge } from "../../scripts/services/bridge.ts";
import { connectRedis, type RedisConnection } from "../../scripts/services/redis.ts";
import { MGET_KEYS_MAX, Upstash } from "../../src/presence/upstash.ts";
import { FRIENDS_MAX } from "../../src/protocol/limits.ts";
import { presenceContract } from "./presence-contract.ts";

const TOKEN = "token-of-this-test";

async function openBridge(): Promise<{ redis: RedisConnection; bridge: Bridge; close: () => Promise<void> }> {
  const redis = await connectRedis(inject("redisUrl"));
  const bridge = await startBridge({ redis, token: TOKEN });
  const close = async () => {
    await bridge.stop();
    await redis.close();
  };
  return { redis, bridge, close };
}

presenceContract("upstash, on a real Redis", {
  kind: "knows",
  async open() {
    const { bridge, close } = await openBridge();
    return { presence: new Upstash({ url: bridge.url, token: TOKEN }), close };
  },
});

test("in Redis stands the id, the rev, and when it ends; nothing else is written", async () => {
  const { redis, bridge, close } = await openBridge();
  const user = `ann.${crypto.randomUUID()}`;
  const meter = { redisCommands: 0 };
  await new Upstash({ url: bridge.url, token: TOKEN }).announce({ user, rev: 17, ttlMs: 1_500_000 }, ["bob"], meter);
  expect(await redis.command(["GET", `active:${user}`])).toBe("17");
  expect(await redis.command(["TTL", `active:${user}`])).toBe(1_500);
  expect(await redis.command(["KEYS", `*${user}*`])).toEqual([`active:${user}`]);
  await close();
});

test("commands and requests are what is counted", async () => {
  const { bridge, close } = await openBridge();
  const friends = Array.from({ length: FRIENDS_MAX }, (_, i) => `friend-${i}`);
  const meter = { redisCommands: 0 };
  await new Upstash({ url: bridge.url, token: TOKEN }).announce({ user: "ann", rev: 1, ttlMs: 60_000 }, friends, meter);
  expect(bridge.counts).toEqual({ commands: 1 + FRIENDS_MAX / MGET_KEYS_MAX, requests: 1 });
  expect(meter.redisCommands).toBe(bridge.counts.commands);
  await close();
});

test("keys that hold something else: the index cannot tell", async () => {
  const { redis, bridge, close } = await openBridge();
  const [ann, bob] = [`ann.${crypto.randomUUID()}`, `bob.${crypto.randomUUID()}`];
  const me = { user: ann, rev: 1, ttlMs: 60_000 };
  const ask = () => new Upstash({ url: bridge.url, token: TOKEN }).announce(me, [bob], { redisCommands: 0 });
  await redis.command(["SET", `active:${bob}`, "hello", "EX", "60"]);
  await expect(ask()).rejects.toThrow("no rev");
  await redis.command(["DEL", `active:${bob}`, `active:${ann}`]);
  // MGET passes over what is no text; SET does not.
  await redis.command(["RPUSH", `active:${bob}`, "5"]);
  expect((await ask()).revs.size).toBe(0);
  await redis.command(["DEL", `active:${ann}`]);
  await redis.command(["RPUSH", `active:${ann}`, "5"]);
  await expect(ask()).rejects.toThrow("WRONGTYPE");
  await redis.command(["DEL", `active:${bob}`, `active:${ann}`]);
  await close();
});

test("the bridge refuses what Upstash refuses", async () => {
  const { bridge, close } = await openBridge();
  const post = async (path: string, body: string, token = TOKEN) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${bridge.url}${path}`, { method: "POST", headers, body });
    return [answer.status, await answer.json()];
  };
  expect(await post("/", '["SET","bridge:a","ä","EX",60]')).toEqual([200, { result: "OK" }]);
  expect(await post("/multi-exec", '[["GET","bridge:a"],["DEL","bridge:a"]]')).toEqual([
    200,
    [{ result: "ä" }, { result: 1 }],
  ]);
  expect(await post("/pipeline", '[["GET","bridge:a"],["NO","SUCH"]]')).toEqual([
    200,
    [{ result: null }, { error: expect.stringContaining("unknown command") }],
  ]);
  expect(await post("/", "[]")).toMatchObject([400, { error: expect.stringContaining("ERR") }]);
  expect(await post("/pipeline", "{")).toMatchObject([400, { error: expect.stringContaining("ERR") }]);
  expect(await post("/", '["PING"]', "other")).toMatchObject([401, { error: "Unauthorized" }]);
  expect((await post("/nothing", '["PING"]'))[0]).toBe(404);
  await close();
});
