import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { type Chance, Members, type Report } from "../../src/strangers/members.ts";
import { hashText, insert, merge, rankOf, type Seen } from "../../src/strangers/sample.ts";
import { shardOf } from "../../src/strangers/shards.ts";
import { distanceM } from "../../src/geo/distance.ts";

const HOME = { lat: 37.7749, lng: -122.4194 };
const RADIUS_M = 8046.72;
const NOW = Date.UTC(2026, 10, 28, 12);
const LIMIT = 20;

/** Chance from a seed: splitmix32. */
function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const bits = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let t = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
  return { bits, id: () => `p${bits().toString(36)}-${bits().toString(36)}` };
}

function reportOf(user: string, more: Partial<Report> = {}): Report {
  return { user, ...HOME, ts: NOW, until: NOW + 600_000, limit: LIMIT, ...more };
}

/** The 99.9 % quantile of chi-square with so many degrees of freedom (Wilson, Hilferty 1931; within 0.3 % above 20). */
function chiSquareLimit(freedom: number): number {
  const c = 2 / (9 * freedom);
  return freedom * (1 - c + 3.0902 * Math.sqrt(c)) ** 3;
}

/**
 * How far counts are from all being alike.
 *
 * @param share of those whom a viewer can be shown that one sample takes: drawn without putting back, they vary less by that
 */
function chiSquare(counts: readonly number[], share: number): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const sum = counts.reduce((total, count) => total + (count - mean) ** 2 / mean, 0);
  return sum / (1 - share);
}

const PEOPLE = 2_000;
const SHARDS = 4;
/** A quarter of the people is in the cell next door, which is no crowd. */
const CROWD = (PEOPLE * 3) / 4;

type Parts = readonly { members: Members; share: number }[];

/**
 * How often each of 2,000 people is in a sample of those in the crowded cell, each of whom asks their own shard of it, and
 * the cell next door.
 */
function counted(sampleOf: (viewer: string, parts: Parts) => readonly Seen[]): number[] {
  const chance = chanceOf(8);
  const shards = Array.from({ length: SHARDS }, () => new Members(RADIUS_M));
  const other = new Members(RADIUS_M);
  const shardFor = (user: string): Members => {
    const shard = shards[shardOf("9q8y", 2, user).index];
    if (shard === undefined) throw new Error("no such shard");
    return shard;
  };
  const counts = new Map<string, number>();
  for (let i = 0; i < PEOPLE; i += 1) {
    const user = `user-${i}`;
    counts.set(user, 0);
    (i < CROWD ? shardFor(user) : other).put(reportOf(user, { lat: HOME.lat + (i % 10) * 0.002 }), NOW, chance);
  }
  for (let i = 0; i < CROWD; i += 1) {
    const viewer = `user-${i}`;
    const parts = [
      { members: shardFor(viewer), share: 1 / SHARDS },
      { members: other, share: 1 },
    ];
    for (const { user } of sampleOf(viewer, parts)) counts.set(user, (counts.get(user) ?? 0) + 1);
  }
  return [...counts.values()];
}

/** 20 of those in a shard and next door, where the ones in the shard stand for four times as many. */
const SHARE = LIMIT / (PEOPLE / SHARDS);

function fairSample(viewer: string, parts: Parts): Seen[] {
  return merge(
    parts.map(({ members, share }) => members.sample(reportOf(viewer), share, NOW)),
    LIMIT,
    () => true,
  );
}

describe("the sample of strangers", () => {
  test("[DISC6] in 1,500 samples each of 2,000 people is shown alike, also across cells and shards (chi-square, 99.9 %)", () => {
    const counts = counted(fairSample);
    const value = chiSquare(counts, SHARE);
    console.log(
      `chi-square ${value.toFixed(1)}, limit ${chiSquareLimit(PEOPLE - 1).toFixed(1)}, mean ${(CROWD * LIMIT) / PEOPLE}`,
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(CROWD * LIMIT);
    expect(value).toBeLessThan(chiSquareLimit(PEOPLE - 1));
  });

  test("[DISC6] the same test refuses samplers that are unfair: by distance, by order, without the share of a shard", () => {
    const unfair: Record<string, typeof fairSample> = {
      nearest: (viewer, parts) =>
        parts
          .flatMap(({ members }) => members.sample(reportOf(viewer, { limit: PEOPLE }), 1, NOW))
          .toSorted((a, b) => distanceM(HOME, a) - distanceM(HOME, b))
          .slice(0, LIMIT),
      first: (viewer, parts) =>
        parts.flatMap(({ members, share }) => members.sample(reportOf(viewer), share, NOW)).slice(0, LIMIT),
      noShare: (viewer, parts) =>
        fairSample(
          viewer,
          parts.map(({ members }) => ({ members, share: 1 })),
        ),
    };
    for (const [name, sampleOf] of Object.entries(unfair)) {
      expect(chiSquare(counted(sampleOf), SHARE), name).toBeGreaterThan(2 * chiSquareLimit(PEOPLE - 1));
    }
  });

  test("[DISC6] leaving people out afterwards leaves a uniform sample of the others, which is the same each time", () => {
    const isOut = (user: string): boolean => Number(user.slice(5)) % 2 === 0;
    const sampleOf: typeof fairSample = (viewer, parts) =>
      merge(
        parts.map(({ members, share }) => members.sample(reportOf(viewer, { limit: 4 * LIMIT }), share, NOW)),
        LIMIT,
        (user) => !isOut(user),
      );
    const counts = counted(sampleOf).filter((_count, i) => !isOut(`user-${i}`));
    expect(chiSquare(counts, 2 * SHARE)).toBeLessThan(chiSquareLimit(counts.length - 1));
    const seen = new Set<string>();
    counted((viewer, parts) => {
      const [once, twice] = [sampleOf(viewer, parts), sampleOf(viewer, parts)];
      expect(twice).toEqual(once);
      for (const { user } of once) seen.add(user);
      return once;
    });
    expect([...seen].filter(isOut)).toEqual([]);
  });

  test("[DISC6] the lowest ranks are kept, whatever the order in which they come", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        fc.integer({ min: 1, max: 8 }),
        (ranks, limit) => {
          const sample: { rank: number }[] = [];
          for (const rank of ranks) insert(sample, { rank }, limit);
          expect(sample.map(({ rank }) => rank)).toEqual(ranks.toSorted((a, b) => a - b).slice(0, limit));
        },
      ),
    );
  });

  test("whoever is in two cells on the way is one person, the newer one", () => {
    const at = (ts: number, rank: number): Seen => ({ user: "ann", id: `a${ts}`, ...HOME, ts, rank });
    expect(merge([[at(1, 0.1)], [at(2, 0.9)]], LIMIT, () => true)).toEqual([at(2, 0.9)]);
    expect(merge([[at(2, 0.9)], [at(1, 0.1)]], LIMIT, () => true)).toEqual([at(2, 0.9)]);
  });

  test("a rank depends on both, and is spread evenly", () => {
    const viewer = hashText("ann");
    expect(rankOf(viewer, 7)).not.toBe(rankOf(hashText("bob"), 7));
    const bins = Array.from({ length: 50 }, () => 0);
    for (let salt = 0; salt < 50_000; salt += 1) {
      const bin = Math.floor(rankOf(viewer, salt) * bins.length);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    expect(chiSquare(bins, 0)).toBeLessThan(chiSquareLimit(bins.length - 1));
  });
});

describe("the people of a cell", () => {
  const chance = chanceOf(1);
  const usersOf = (members: Members, now = NOW, viewer = "viewer"): string[] =>
    members
      .sample(reportOf(viewer), 1, now)
      .map(({ user }) => user)
      .toSorted();

  test("[DISC8] are found until their time is over, and then forgotten although nobody asks", () => {
    const members = new Members(RADIUS_M);
    members.put(reportOf("ann", { until: NOW + 1_000 }), NOW, chance);
    members.put(reportOf("bob", { until: NOW + 60_000 }), NOW, chance);
    expect(usersOf(members, NOW + 999)).toEqual(["ann", "bob"]);
    expect(usersOf(members, NOW + 1_000)).toEqual(["bob"]);
    expect(members.size).toBe(2);
    expect(members.sweep(NOW + 1_000)).toBe(NOW + 60_000);
    expect(members.size).toBe(1);
    // Reports alone do it, too: nobody has to look.
    members.put(reportOf("cem", { until: NOW + 200_000 }), NOW + 61_000, chance);
    expect(members.size).toBe(1);
    expect(members.sweep(NOW + 200_000)).toBeNull();
  });

  test("[DISC4] are within the radius or not, and nobody meets themselves", () => {
    const members = new Members(RADIUS_M);
    members.put(reportOf("in", { lat: HOME.lat + 0.0723 }), NOW, chance);
    members.put(reportOf("out", { lat: HOME.lat + 0.0725 }), NOW, chance);
    members.put(reportOf("viewer"), NOW, chance);
    expect(usersOf(members)).toEqual(["in"]);
    members.remove("in");
    expect(usersOf(members)).toEqual([]);
  });

  test("[DISC7] keep a pseudonym for the day, and get another one the next day and when they come back", () => {
    const members = new Members(RADIUS_M);
    const idAt = (now: number): string => {
      members.put(reportOf("ann", { until: now + 600_000 }), now, chance);
      return members.sample(reportOf("viewer"), 1, now)[0]?.id ?? "";
    };
    const morning = idAt(NOW);
    expect(idAt(NOW + 300_000)).toBe(morning);
    expect(morning).not.toContain("ann");
    const silent = idAt(NOW + 3_600_000);
    expect(silent).not.toBe(morning);
    members.remove("ann");
    const back = idAt(NOW + 3_600_001);
    expect(back).not.toBe(silent);
    const lastOfDay = Date.UTC(2026, 10, 28, 23, 59, 59);
    expect(idAt(lastOfDay + 1_000)).not.toBe(idAt(lastOfDay));
  });

  test("answer with as many as are asked for, at 0, 1, limit and above", () => {
    const members = new Members(RADIUS_M);
    for (const n of [0, 1, LIMIT - 1, LIMIT, LIMIT + 1]) {
      while (members.size < n) members.put(reportOf(`user-${members.size}`), NOW, chance);
      expect(usersOf(members)).toHaveLength(Math.min(n, LIMIT));
    }
  });
});
