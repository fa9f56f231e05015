import { expect, test } from "vitest";

import type { EraseTask } from "../../src/history/message.ts";
import { retryDelayS, RETRY_MAX_S } from "../../src/history/retry.ts";
import { sha256Hex, tombstoneOf } from "../../src/history/sinks/tombstone.ts";

const ALL: EraseTask = { kind: "erase", user: "a:b@c.d", from: 0, to: Number.MAX_SAFE_INTEGER, at: 1_700_000_000_000 };

test("a tombstone says whose points of which time are erased, and when", async () => {
  const { json } = await tombstoneOf(ALL);
  expect(JSON.parse(json)).toEqual({
    user_id: "a:b@c.d",
    from: 0,
    to: 9_007_199_254_740_991,
    erased_at: 1_700_000_000_000,
  });
});

test("a tombstone has the same name each time, and another for another erasure", async () => {
  const changed: Partial<EraseTask>[] = [{}, { user: "a:b@c.e" }, { from: 1 }, { to: 1 }, { at: 1 }];
  const names = await Promise.all(changed.map(async (part) => (await tombstoneOf({ ...ALL, ...part })).name));
  expect(new Set(names).size).toBe(changed.length);
  expect((await tombstoneOf({ ...ALL })).name).toBe(names[0]);
});

test("a tombstone's name is good in every file system, whatever the user and the range", async () => {
  const { name } = await tombstoneOf({ ...ALL, from: -Number.MAX_SAFE_INTEGER });
  expect(name).toMatch(/^erased\/[\w-]+\.json$/);
  // 255 bytes are what common file systems take.
  expect(name.length).toBeLessThan(200);
});

test("texts are hashed by SHA-256", async () => {
  // FIPS 180-2, appendix B.1.
  expect(await sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("a message waits twice as long after each attempt, and never longer than an hour", () => {
  expect([1, 2, 3, 7, 8, 100].map(retryDelayS)).toEqual([30, 60, 120, 1_920, RETRY_MAX_S, RETRY_MAX_S]);
});
