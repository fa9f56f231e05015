import { describe, expect, test } from "vitest";

import { Cell } from "../../src/strangers/cell.ts";
import type { Report } from "../../src/strangers/members.ts";
import {
  heard,
  LEASE_MS,
  LEVEL_MAX,
  levelAt,
  MEMBERS_MAX,
  needOf,
  readShardName,
  REQUESTS_PER_S_MAX,
  RequestRate,
  shardName,
  shardOf,
  SYNC_EVERY_MS,
  UNSPLIT,
} from "../../src/strangers/shards.ts";

const NOW = Date.UTC(2026, 10, 28, 12);
const CELL = "9q8y";
const HOME = { lat: 37.7749, lng: -122.4194 };

let drawn = 0;
const CHANCE = { id: () => `p${(drawn += 1)}`, bits: () => (drawn += 1) };

function reportOf(user: string, now = NOW): Report {
  return { user, ...HOME, ts: now, until: now + 600_000, limit: 20 };
}

describe("shards of a cell", () => {
  test("have names that say all of them", () => {
    for (const level of [0, 1, 5, LEVEL_MAX]) {
      const shard = shardOf(CELL, level, "ann");
      expect(shard.index).toBeLessThan(2 ** level);
      expect(readShardName(shardName(shard))).toEqual(shard);
    }
    expect(shardName(shardOf(CELL, 0, "ann"))).toBe(CELL);
    for (const bad of ["9q8y/", "9q8y/01/0", "9q8y/0/0", "9q8y/1/x", "9q8y/1/0/0"]) {
      expect(() => readShardName(bad), bad).toThrow("no name of a cell");
    }
  });

  test("hold about as many each, and fall into two of the next level", () => {
    const sizes = new Map<number, number>();
    for (let i = 0; i < 8_000; i += 1) {
      const { index } = shardOf(CELL, 3, `user-${i}`);
      sizes.set(index, (sizes.get(index) ?? 0) + 1);
      expect(shardOf(CELL, 4, `user-${i}`).index >> 1).toBe(index);
    }
    expect(sizes.size).toBe(8);
    for (const size of sizes.values()) expect(Math.abs(size - 1_000)).toBeLessThan(120);
  });

  test("are needed above 4,000 people or 250 requests a second, and worth keeping from a quarter on", () => {
    const need = (members: number, requestsPerS: number): string => needOf({ members, requestsPerS });
    expect([MEMBERS_MAX - 1, MEMBERS_MAX, MEMBERS_MAX + 1].map((n) => need(n, 0))).toEqual(["keep", "keep", "more"]);
    expect([REQUESTS_PER_S_MAX - 1, REQUESTS_PER_S_MAX, REQUESTS_PER_S_MAX + 1].map((n) => need(0, n))).toEqual([
      "keep",
      "keep",
      "more",
    ]);
    expect([999, 1_000, 1_001].map((n) => need(n, 0))).toEqual(["less", "keep", "keep"]);
  });

  test("a level ends by itself when no shard has spoken for it, one at a time", () => {
    const split = heard(UNSPLIT, { level: 0, need: "more" }, NOW);
    expect(split).toEqual({ level: 1, keptAt: NOW });
    const twice = heard(split, { level: 1, need: "more" }, NOW + 1);
    expect(levelAt(twice, NOW + LEASE_MS)).toBe(2);
    expect(levelAt(twice, NOW + 1 + LEASE_MS)).toBe(1);
    expect(levelAt(twice, NOW + 1 + 2 * LEASE_MS)).toBe(0);
    expect(levelAt(twice, NOW + 99 * LEASE_MS)).toBe(0);
    // A clock that was set back ends nothing.
    expect(levelAt(twice, NOW - LEASE_MS)).toBe(2);
    const kept = heard(twice, { level: 2, need: "keep" }, NOW + LEASE_MS);
    expect(levelAt(kept, NOW + LEASE_MS + 2)).toBe(2);
  });

  test("what a shard of another level says changes nothing, and no more than a line a minute is written", () => {
    const held = { level: 2, keptAt: NOW };
    for (const level of [0, 1, 3]) expect(heard(held, { level, need: "more" }, NOW + 1)).toBe(held);
    expect(heard(held, { level: 2, need: "less" }, NOW + 90_000)).toBe(held);
    expect(heard(held, { level: 2, need: "keep" }, NOW + 59_999)).toBe(held);
    expect(heard(held, { level: 2, need: "keep" }, NOW + 60_000)).toEqual({ level: 2, keptAt: NOW + 60_000 });
    const last = { level: LEVEL_MAX, keptAt: NOW };
    expect(heard({ ...last, level: LEVEL_MAX - 1 }, { level: LEVEL_MAX - 1, need: "more" }, NOW)).toEqual(last);
    expect(heard(last, { level: LEVEL_MAX, need: "more" }, NOW + 1)).toBe(last);
  });

  test("requests a second are those of the last whole window", () => {
    const rate = new RequestRate();
    for (let i = 0; i < 1_500; i += 1) rate.count(NOW + i * (10_000 / 1_500));
    expect(rate.perS).toBeCloseTo(150, 0);
    rate.count(NOW + 60_000);
    expect(rate.perS).toBe(0);
  });
});

describe("a cell that becomes a crowd", () => {
  const rootOf = (): Cell => new Cell({ cell: CELL, level: 0, index: 0 }, 8046.72, UNSPLIT);

  test("[DISC10] takes 4,000 people in, and sends the next ones to two shards; who reports again is no longer here", () => {
    const root = rootOf();
    for (let i = 0; i <= MEMBERS_MAX; i += 1)
      expect(root.report(reportOf(`user-${i}`), NOW, CHANCE)).toHaveProperty("people");
    expect(root.size).toBe(MEMBERS_MAX + 1);
    expect(root.report(reportOf("one-more"), NOW, CHANCE)).toEqual({ moved: 1 });
    expect(root.ask(reportOf("neighbour"), NOW)).toEqual({ moved: 1 });
    expect(root.report(reportOf("user-0"), NOW, CHANCE)).toEqual({ moved: 1 });
    expect(root.size).toBe(MEMBERS_MAX);
    expect(root.held).toEqual({ level: 1, keptAt: NOW });
  });

  test("[DISC10] a shard that was reset, and one that has not heard of a change, are right again with the next report", () => {
    const root = rootOf();
    for (let i = 0; i <= MEMBERS_MAX; i += 1) root.report(reportOf(`user-${i}`), NOW, CHANCE);
    root.report(reportOf("one-more"), NOW, CHANCE);
    const shard = new Cell({ cell: CELL, level: 1, index: 1 }, 8046.72, UNSPLIT);
    expect(shard.report(reportOf("ann"), NOW, CHANCE)).toHaveProperty("people");
    const question = shard.question(NOW);
    expect(question).toEqual({ level: 1, need: "less" });
    expect(shard.question(NOW + SYNC_EVERY_MS - 1)).toBeNull();
    // The cell has been split once more meanwhile: what the shard is told, it tells those who report.
    root.hear({ level: 1, need: "more" }, NOW);
    shard.told(root.hear({ level: 1, need: "less" }, NOW));
    expect(shard.report(reportOf("ann"), NOW, CHANCE)).toEqual({ moved: 2 });
    expect(shard.size).toBe(0);
    // After a reset it believes in its own level until it is told.
    const again = new Cell({ cell: CELL, level: 1, index: 1 }, 8046.72, UNSPLIT);
    expect(again.ask(reportOf("ann"), NOW)).toHaveProperty("people");
    again.told(root.hear(again.question(NOW) ?? { level: -1, need: "less" }, NOW));
    expect(again.ask(reportOf("ann"), NOW)).toEqual({ moved: 2 });
    expect(() => shard.hear({ level: 1, need: "keep" }, NOW)).toThrow("only the object of level 0");
  });

  test("[DISC10] a shard that is too full says so at once, but not with every report", () => {
    const shard = new Cell({ cell: CELL, level: 1, index: 0 }, 8046.72, UNSPLIT);
    shard.report(reportOf("first"), NOW, CHANCE);
    expect(shard.question(NOW)).not.toBeNull();
    for (let i = 0; i < MEMBERS_MAX; i += 1) shard.report(reportOf(`user-${i}`, NOW + 6_000), NOW + 6_000, CHANCE);
    shard.report(reportOf("user-0", NOW + 6_000), NOW + 6_000, CHANCE);
    expect(shard.question(NOW + 6_000)).toEqual({ level: 1, need: "more" });
    shard.report(reportOf("user-0", NOW + 7_000), NOW + 7_000, CHANCE);
    expect(shard.question(NOW + 7_000)).toBeNull();
  });
});
