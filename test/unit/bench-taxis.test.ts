/** The workload of taxis: what is sent, and what is taken for a wrong screen. */
import { describe, expect, test } from "vitest";

import type { Person } from "../../scripts/bench/people.ts";
import { planTaxis, PROBE_PAIRS, probePlace } from "../../scripts/bench/taxis/plan.ts";
import { judge, Screens } from "../../scripts/bench/taxis/screens.ts";
import { distanceM } from "../../src/geo/distance.ts";
import { ERROR_MIN_M } from "../../src/nearby/economy.ts";

const RADIUS_M = 8_046.72;
const HERE = { lat: 37.7, lng: -122.4 };
/** Metres of a degree of latitude, to a few centimetres. */
const M_PER_DEG = 111_195.08;
const north = (metres: number) => ({ lat: HERE.lat + metres / M_PER_DEG, lng: HERE.lng });

describe("the plan", () => {
  const tracks = {
    entities: ["a", "b", "c"],
    fixes: [0, 1, 2].flatMap((entity) =>
      Array.from({ length: 60 }, (_, minute) => ({ entity, atS: 1_200_000_000 + 60 * minute, ...north(minute * 10) })),
    ),
  };

  test("every taxi reports each 30 s where its newest fix is, in order of time", () => {
    const { moves, start, people, taxis } = planTaxis(tracks, { friends: 2, count: 30 });
    expect([taxis, moves.length, people.length, start.length]).toEqual([3, 30, 3 + 2 * PROBE_PAIRS, people.length]);
    const ofFirst = moves.filter(({ taxi }) => taxi === 0).map(({ place }) => place.lat);
    expect(ofFirst).toHaveLength(10);
    // Two reports for each fix: the second one says the same again.
    expect(new Set(ofFirst).size).toBeLessThanOrEqual(6);
    expect(ofFirst.toSorted((a, b) => a - b)).toEqual(ofFirst);
  });

  test("the same tracks make the same plan", () => {
    const ask = { friends: 2, count: 100 };
    expect(planTaxis(tracks, ask)).toEqual(planTaxis(tracks, ask));
  });

  test("friends are on both sides, and probes come in pairs of their own", () => {
    const { people, taxis } = planTaxis(tracks, { friends: 2, count: 10 });
    for (const [index, { friends }] of people.entries()) {
      for (const friend of friends) expect(people[friend]?.friends).toContain(index);
    }
    expect(people[taxis]?.friends).toEqual([taxis + 1]);
    expect(people[taxis + 1]?.friends).toEqual([taxis]);
  });

  test("too few taxis, or too short tracks, are said to be so", () => {
    expect(() => planTaxis(tracks, { friends: 3, count: 10 })).toThrow("3 people of the tracks cannot have 3 friends");
    expect(() => planTaxis(tracks, { friends: 2, count: 10_000 })).toThrow(/the tracks have \d+ updates, and 10000/);
  });

  test("a probe's move is one that has to be told, in economy too", () => {
    expect(distanceM(probePlace(HERE, 0), probePlace(HERE, 1))).toBeGreaterThan(2 * ERROR_MIN_M);
    expect(probePlace(HERE, 2)).toEqual(probePlace(HERE, 0));
  });
});

describe("screens", () => {
  const people: Person[] = [
    { id: "ana", friends: [1] },
    { id: "ben", friends: [0] },
  ];
  const at = (place: typeof HERE, id: string) => ({ id, ts: 1, ...place });
  /** Both screens, when the two are `awayM` apart; `offM`: how far each shows the other from where that one is. */
  function verdictOf(mode: "exact" | "economy", awayM: number, offM: number | null) {
    const screens = new Screens(2);
    const places = [HERE, north(awayM)];
    if (offM !== null) {
      screens.take(0, { type: "friend", friend: at(north(awayM + offM), "ben") });
      screens.take(1, { type: "friend", friend: at(north(offM), "ana") });
    }
    return judge(screens, { people, places, radiusM: RADIUS_M }, mode);
  }

  test("exact: the last place of who is near, and nobody else", () => {
    expect(verdictOf("exact", 100, 0)).toMatchObject({ near: 2, wrong: 0, examples: [] });
    expect(verdictOf("exact", 9_000, null)).toMatchObject({ near: 0, wrong: 0 });
    expect(verdictOf("exact", 100, null).wrong).toBe(2);
    expect(verdictOf("exact", 9_000, 0).wrong).toBe(2);
    const displaced = verdictOf("exact", 100, 1);
    expect(displaced.wrong).toBe(2);
    expect(displaced.worstM).toBeCloseTo(1, 2);
    expect(displaced.examples[0]).toContain("ben is 100.0 m from ana and shown 1.0 m off");
  });

  test("economy: off by at most what is allowed at the distance", () => {
    expect(verdictOf("economy", 100, ERROR_MIN_M - 0.5)).toMatchObject({ wrong: 0 });
    expect(verdictOf("economy", 100, ERROR_MIN_M + 0.5).wrong).toBe(2);
    // 1 % of 6 km.
    expect(verdictOf("economy", 6_000, 59).wrong).toBe(0);
    expect(verdictOf("economy", 6_000, 62).wrong).toBe(2);
  });

  test("economy: near the circle either may be, far from it only one", () => {
    expect(verdictOf("economy", RADIUS_M - 150, null).wrong).toBe(0);
    expect(verdictOf("economy", RADIUS_M + 150, 0).wrong).toBe(0);
    expect(verdictOf("economy", RADIUS_M - 170, null).wrong).toBe(2);
    expect(verdictOf("economy", RADIUS_M + 170, 0).wrong).toBe(2);
  });

  test("frames are taken as an app takes them", () => {
    const screens = new Screens(2);
    screens.take(0, { type: "friend", friend: at(HERE, "ben") });
    screens.take(0, { type: "nearby", friends: [at(HERE, "cem")] });
    expect([screens.shownTo(0, "ben"), screens.shownTo(0, "cem")?.lat]).toEqual([undefined, HERE.lat]);
    screens.take(0, { type: "gone", id: "cem" });
    screens.take(0, { type: "saved", count: 1 });
    expect(screens.shownTo(0, "cem")).toBeUndefined();
    expect(screens.deliveries).toBe(1);
  });
});
