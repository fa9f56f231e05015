import { describe, expect, test } from "vitest";
import { castTown, PEOPLE, STOPS, VISITOR_PLACE } from "../../scripts/town/cast.ts";
import { seededRandom } from "../../scripts/town/random.ts";
import { advance, away, leg, placeAt, TOWN_PACE, type Walker } from "../../scripts/town/walkers.ts";
import { distanceM } from "../../src/geo/distance.ts";
import { isUserId } from "../../src/protocol/user-id.ts";

const START_MS = 1_800_000_000_000;
const RADIUS_M = 8046.72;
const A = { lat: 37.55, lng: 126.98 };
const B = { lat: 37.56, lng: 126.98 };

function walker(extra: Partial<Walker> = {}): Walker {
  return { id: "w", name: "W", mode: "walk", plan: [], activity: leg("walk", A, B, START_MS), ...extra };
}

describe("movement", () => {
  test("a leg takes its distance at the speed of the mode and the pace of the town", () => {
    const { endMs } = leg("bus", A, B, START_MS);
    expect((endMs - START_MS) / 1000).toBeCloseTo(distanceM(A, B) / (9 * TOWN_PACE), 2);
    expect(leg("walk", A, A, START_MS).endMs).toBe(START_MS + 1);
  });

  test("between two stops the place goes straight from one to the other", () => {
    const w = walker();
    const middle = (START_MS + w.activity.endMs) / 2;
    expect(placeAt(w, START_MS)).toEqual(A);
    expect(placeAt(w, middle)).toEqual({ lat: 37.555, lng: 126.98 });
    expect(placeAt(w, w.activity.endMs)).toEqual(B);
  });

  test("an activity that has not ended is kept, one that has is followed from where it ended", () => {
    const w = walker();
    const random = () => 0.99;
    expect(advance(w, STOPS, w.activity.endMs - 1, random)).toBe(w);
    const later = advance(w, STOPS, w.activity.endMs, random);
    expect(later.activity).toMatchObject({ kind: "moving", from: B, startMs: w.activity.endMs });
  });

  test("what is planned comes before chance", () => {
    const w = walker({ plan: ["paused", "quiet"] });
    const paused = advance(w, STOPS, w.activity.endMs, () => 0);
    expect(paused).toMatchObject({ activity: { kind: "paused", place: B }, plan: ["quiet"] });
    const quiet = advance(paused, STOPS, paused.activity.endMs, () => 0);
    expect(quiet).toMatchObject({ activity: { kind: "quiet", place: B }, plan: [] });
    expect(advance(quiet, STOPS, quiet.activity.endMs, () => 0).activity.kind).toBe("moving");
  });

  test("a walker does not cross the city, and moves also when no stop is within reach", () => {
    const random = seededRandom(7);
    for (let i = 0; i < 200; i += 1) {
      const { activity } = advance(
        walker({ activity: { kind: "resting", place: A, endMs: START_MS } }),
        STOPS,
        START_MS,
        random,
      );
      if (activity.kind === "moving") expect(distanceM(activity.from, activity.to)).toBeLessThanOrEqual(2_500);
    }
    const far = [{ lat: 37.9, lng: 127.4 }];
    const w = advance(walker({ activity: { kind: "resting", place: A, endMs: START_MS } }), far, START_MS, random);
    expect(w.activity).toMatchObject({ kind: "moving", to: far[0] });
  });

  test("speed never exceeds the mode's, whatever happens for ten minutes", () => {
    const random = seededRandom(3);
    let w = walker({ mode: "bike" });
    let before = placeAt(w, START_MS);
    for (let ms = START_MS; ms < START_MS + 600_000; ms += 2_000) {
      w = advance(w, STOPS, ms, random);
      const place = placeAt(w, ms);
      // Half a percent for straight lines in degrees.
      expect(distanceM(before, place)).toBeLessThanOrEqual(5 * TOWN_PACE * 2 * 1.005);
      before = place;
    }
  });

  test("away goes as far as it says, in that direction", () => {
    expect(distanceM(A, away(A, 90, 5_000))).toBeCloseTo(5_000, -1);
    expect(away(A, 0, 1_000).lng).toBe(A.lng);
    expect(away(A, 180, 1_000).lat).toBeLessThan(A.lat);
  });
});

describe("cast", () => {
  test("sixty people with ids that a server accepts, none twice", () => {
    expect(PEOPLE).toHaveLength(60);
    expect(new Set(PEOPLE.map((person) => person.id)).size).toBe(60);
    expect(PEOPLE.every((person) => isUserId(person.id) && person.name !== "")).toBe(true);
  });

  test("the same seed gives the same town", () => {
    const cast = (seed: number) => castTown(START_MS, RADIUS_M, seededRandom(seed));
    expect(cast(1)).toEqual(cast(1));
    expect(cast(1)).not.toEqual(cast(2));
  });

  test("within a minute several come, several go, somebody pauses and somebody falls quiet", () => {
    const random = seededRandom(11);
    let town = castTown(START_MS, RADIUS_M, random);
    const inside = (w: Walker, ms: number) => distanceM(VISITOR_PLACE, placeAt(w, ms)) <= RADIUS_M;
    const seen = { came: 0, went: 0 };
    const kinds = new Set<string>();
    for (let ms = START_MS; ms <= START_MS + 60_000; ms += 1_000) {
      const before = town;
      town = town.map((w) => advance(w, STOPS, ms, random));
      for (const [i, w] of town.entries()) {
        const old = before[i];
        if (old === undefined) continue;
        const was = inside(old, Math.min(old.activity.endMs, ms - 1_000));
        if (!was && inside(w, ms)) seen.came += 1;
        if (was && !inside(w, ms)) seen.went += 1;
        kinds.add(w.activity.kind);
      }
    }
    expect(seen.came).toBeGreaterThanOrEqual(5);
    expect(seen.went).toBeGreaterThanOrEqual(5);
    expect([...kinds].toSorted()).toEqual(["moving", "paused", "quiet", "resting"]);
  });
});

describe("dice", () => {
  test("stay in [0, 1) and spread", () => {
    const random = seededRandom(5);
    const draws = Array.from({ length: 10_000 }, random);
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThan(1);
    expect(draws.reduce((sum, value) => sum + value, 0) / draws.length).toBeCloseTo(0.5, 1);
  });
});
