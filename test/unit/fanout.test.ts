/** Replays of tracks that are small enough to be worked out by hand. */
import { describe, expect, test } from "vitest";
import { drawEdges, edgeCount, type Edge } from "../../scripts/fanout/edges.ts";
import { Fleet } from "../../scripts/fanout/fleet.ts";
import { Oracle } from "../../scripts/fanout/oracle.ts";
import { makePeople } from "../../scripts/fanout/people.ts";
import { type Mode, replay } from "../../scripts/fanout/replay.ts";
import { makeReport } from "../../scripts/fanout/report.ts";
import { Spread } from "../../scripts/fanout/spread.ts";
import { Updates } from "../../scripts/fanout/updates.ts";
import { seededRandom } from "../../scripts/town/random.ts";
import type { Tracks } from "../../scripts/town/tracks.ts";
import { east, INACTIVE_AFTER_MS, RADIUS_M, START_MS } from "./nearby-world.ts";

const START_S = START_MS / 1000;
const STEP_S = 30;

/** Seconds after the start, metres east. */
type Walk = readonly (readonly [number, number])[];

function tracksOf(...walks: Walk[]): Tracks {
  const fixes = walks.flatMap((points, entity) =>
    points.map(([atS, metres]) => ({ entity, atS: START_S + atS, ...east(metres) })),
  );
  return { entities: walks.map((_, n) => `p${n}`), fixes };
}

function walk(steps: number, metres: (step: number) => number): Walk {
  return Array.from({ length: steps }, (_, step) => [step * STEP_S, metres(step)] as const);
}

function run(mode: Mode, tracks: Tracks, edges: readonly Edge[] = [[0, 1]]) {
  return replay({
    tracks,
    edges,
    mode,
    stepMs: STEP_S * 1000,
    radiusM: RADIUS_M,
    inactiveAfterMs: INACTIVE_AFTER_MS,
    // Everybody reports at the moment of the fix, in the order of the tracks.
    random: () => 0,
  });
}

const WRONG = { wrongViews: 0, overBound: 0 };

describe("two friends", () => {
  const near = tracksOf(
    walk(20, (step) => step),
    walk(20, (step) => 1000 + step),
  );
  const far = tracksOf(
    walk(20, (step) => 10 * step),
    walk(20, () => 40_000),
  );

  test("near each other: one call per update, in exact and in naive", () => {
    const sums = { updates: 40, active: 39, nearby: 39, ...WRONG };
    expect(run("exact", near)).toMatchObject({ ...sums, meetings: 39, activationCalls: 1 });
    expect(run("naive", near)).toMatchObject({ ...sums, meetings: 39, activationCalls: 0 });
  });

  test("near each other at a slow walk: economy tells within five minutes", () => {
    // At 0 s the second calls; at 270 s the first does, whose update comes first: the next one would be at 300 s.
    expect(run("economy", near)).toMatchObject({
      updates: 40,
      meetings: 3,
      activationCalls: 1,
      errorM: { max: expect.closeTo(8, 0) },
      quietS: { p99: 240, max: 240 },
      lateS: { p99: null, max: null },
      ...WRONG,
    });
  });

  test("far apart: met once, then silent", () => {
    for (const mode of ["exact", "economy"] as const) {
      expect(run(mode, far)).toMatchObject({ active: 39, nearby: 0, meetings: 1, activationCalls: 1, ...WRONG });
    }
    expect(run("naive", far)).toMatchObject({ active: 39, nearby: 0, meetings: 39 });
  });

  test("one walks through the other's circle: the screens are right at every update", () => {
    const through = tracksOf(
      walk(100, (step) => 300 * step - 15_000),
      walk(100, () => 0),
    );
    const figures = run("exact", through);
    expect(figures).toMatchObject(WRONG);
    expect(figures.nearby).toBeGreaterThan(90);
    expect(figures.meetings).toBeGreaterThanOrEqual(figures.nearby);
    expect(figures.meetings).toBeLessThan(1.2 * figures.nearby);
  });

  test("one goes silent: inactive ten minutes after the last update, the last update ten minutes after the last fix", () => {
    const silent = tracksOf(
      walk(1, () => 0),
      walk(60, () => 100),
    );
    // Updates at 0, 30, ..., 570 s: active until 1170 s. The other is told at 0 to 1140 s, in 39 updates.
    expect(run("exact", silent)).toMatchObject({ updates: 20 + 60, active: 19 + 39, nearby: 19 + 39, ...WRONG });
  });

  test("coming back asks everybody again", () => {
    const back = tracksOf(
      [
        [0, 0],
        [3000, 0],
      ],
      walk(101, () => 100),
    );
    expect(run("exact", back)).toMatchObject({ updates: 20 + 101 + 1, activationCalls: 1, ...WRONG });
  });
});

describe("many people", () => {
  const random = seededRandom(7);
  const walks = Array.from({ length: 30 }, () => {
    let metres = random() * 60_000;
    return walk(200, () => (metres += (random() - 0.5) * 1500));
  });
  const tracks = tracksOf(...walks);
  const edges = drawEdges(30, 8, random);
  const exact = run("exact", tracks, edges);

  test("exact: no view is ever wrong, and silence saves calls", () => {
    expect(exact).toMatchObject({ updates: 6000, ...WRONG });
    expect(exact.nearby).toBeGreaterThan(0);
    expect(exact.meetings).toBeLessThan(exact.active / 2);
  });

  test("economy: within its bounds, and no more calls than exact", () => {
    const economy = run("economy", tracks, edges);
    expect(economy).toMatchObject({ updates: 6000, nearby: exact.nearby, overBound: 0 });
    expect(economy.meetings).toBeLessThanOrEqual(exact.meetings);
    expect(economy.errorM.max).toBeLessThanOrEqual(RADIUS_M / 100);
    expect(economy.quietS.max).toBeLessThan(300);
  });

  test("the same seed gives the same figures, whatever the mode", () => {
    expect(run("exact", tracks, edges)).toEqual(exact);
    expect(run("naive", tracks, edges)).toMatchObject({ active: exact.active, nearby: exact.nearby });
  });
});

describe("the oracle", () => {
  const option = { radiusM: RADIUS_M, exact: true };

  /** Two friends who have told each other everything, `metres` apart. */
  function pair(metres: number) {
    const people = makePeople(2, [[0, 1]]);
    const fleet = new Fleet(people, { radiusM: RADIUS_M });
    for (const [n, person] of people.entries()) {
      const activeUntil = START_MS + INACTIVE_AFTER_MS;
      person.moveTo(east(n * metres), activeUntil);
      fleet.position(person, { ...person.place, ts: START_MS, activeUntil }, START_MS + n);
    }
    const [a, b] = people;
    const [mine, theirs] = [a?.sides[0], b?.sides[0]];
    if (a === undefined || b === undefined || mine === undefined || theirs === undefined) throw new Error("no pair");
    return { people, a, b, mine, theirs };
  }

  test("finds nothing wrong where nothing is", () => {
    for (const metres of [0, 1000, RADIUS_M - 0.1, RADIUS_M + 0.1, 50_000]) {
      const { a, b } = pair(metres);
      const oracle = new Oracle(option);
      for (const person of [a, b]) oracle.check(person, START_MS + 1);
      expect(oracle.wrongViews, `${metres} m`).toBe(0);
    }
  });

  test("notices a friend who is missing, for how long, and one who should not be there", () => {
    const { people, a, b, mine, theirs } = pair(1000);
    const oracle = new Oracle(option);
    const { shown } = mine;
    mine.shown = null;
    oracle.check(a, START_MS + 1_000);
    oracle.check(b, START_MS + 2_000);
    mine.shown = shown;
    oracle.check(b, START_MS + 8_500);
    expect(oracle.wrongViews).toBe(2);
    expect(oracle.lateS.figures()).toEqual({ p99: 7.5, max: 7.5 });
    expect(oracle.lateM.figures().max).toBeCloseTo(RADIUS_M - 1000, 1);

    const later = new Oracle(option);
    b.moveTo(east(RADIUS_M + 500), b.activeUntil);
    later.check(b, START_MS + 9_000);
    later.end(people, START_MS + 19_000);
    expect(later.wrongViews).toBe(1);
    expect(later.lateS.figures().max).toBe(10);
    expect(later.lateM.figures().max).toBeCloseTo(500, 1);
    expect([mine.wrongSince, theirs.wrongSince]).toEqual([null, null]);
  });

  test("notices an old position in exact, and one beyond the bound in economy", () => {
    for (const [metres, overBound] of [
      [0, 0],
      [20, 0],
      [30, 1],
    ] as const) {
      const { a } = pair(1000);
      a.moveTo(east(metres), a.activeUntil);
      const [exact, economy] = [new Oracle(option), new Oracle({ ...option, exact: false })];
      for (const oracle of [exact, economy]) oracle.check(a, START_MS + 1);
      expect([exact.wrongViews, economy.wrongViews], `${metres} m`).toEqual([metres > 0 ? 1 : 0, 0]);
      expect([economy.overBound, economy.errorM.figures().max]).toEqual([overBound, expect.closeTo(metres, 1)]);
    }
  });

  test("notices somebody who is shown after the end of activity", () => {
    const { a } = pair(1000);
    const oracle = new Oracle(option);
    oracle.check(a, a.activeUntil);
    expect(oracle.wrongViews).toBe(1);
  });
});

describe("updates", () => {
  test("once a step, at an own moment, with the last fix while it is younger than ten minutes", () => {
    const tracks = tracksOf([[0, 7]], [[45, 0]], [[1000, 0]]);
    const moments = [0, 0.5, 0.1];
    const random = () => moments.shift() ?? 0;
    const updates = new Updates(tracks, { stepMs: 30_000, staleAfterMs: INACTIVE_AFTER_MS, random });
    const all = Array.from({ length: updates.steps }, (_, step) => [...updates.of(step)]).flat();
    const timesOf = (who: number) =>
      all.filter(({ person }) => person === who).map(({ atMs }) => (atMs - updates.startMs) / 1000);
    expect(timesOf(0)).toEqual(Array.from({ length: 20 }, (_, n) => 30 * n));
    expect(timesOf(1)).toEqual(Array.from({ length: 20 }, (_, n) => 45 + 30 * n));
    // Its next moment is after the end of the tracks.
    expect(timesOf(2)).toEqual([]);
    expect(all.map(({ atMs }) => atMs)).toEqual(all.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    expect(all[0]).toEqual({ person: 0, atMs: START_MS, fixMs: START_MS, place: east(7) });
  });
});

describe("friends", () => {
  test("are drawn: distinct, as many as asked for on average, by the seed", () => {
    for (const [people, friends] of [
      [2, 1],
      [10, 9],
      [11, 3],
      [500, 40],
    ] as const) {
      const edges = drawEdges(people, friends, seededRandom(1));
      expect(edges).toHaveLength(edgeCount(people, friends));
      expect(new Set(edges.map(String)).size).toBe(edges.length);
      expect(edges.every(([a, b]) => a >= 0 && a < b && b < people)).toBe(true);
      expect(drawEdges(people, friends, seededRandom(1))).toEqual(edges);
    }
    expect(drawEdges(500, 40, seededRandom(2))).not.toEqual(drawEdges(500, 40, seededRandom(1)));
  });

  test("everybody of ten with nine friends is a friend of everybody", () => {
    expect(makePeople(10, drawEdges(10, 9, seededRandom(3))).map(({ sides }) => sides.length)).toEqual(
      Array(10).fill(9),
    );
  });
});

describe("figures", () => {
  test("percentiles by nearest rank, in tenths", () => {
    const spread = new Spread(50);
    expect(spread.figures()).toEqual({ p99: null, max: null });
    for (let n = 1; n <= 200; n++) spread.add(n / 10);
    expect(spread.figures()).toEqual({ p99: 19.8, max: 20 });
    for (let n = 0; n < 10; n++) spread.add(1234.5);
    expect(spread.figures()).toEqual({ p99: 1234.5, max: 1234.5 });
    const zeros = new Spread(50);
    zeros.add(0);
    expect(zeros.figures()).toEqual({ p99: 0, max: 0 });
  });

  test("the bounds are part of the document in economy only; nobody near makes no share of the floor", () => {
    const setup = {
      seed: 1,
      stepS: 30,
      people: 2,
      friendsPerPerson: 1,
      edgesUsed: 1,
      edgesLeftOut: 0,
      edgesRepeated: 0,
      seconds: 0,
    };
    const figures = run(
      "economy",
      tracksOf(
        walk(3, () => 0),
        walk(3, () => 50_000),
      ),
    );
    expect(makeReport({ ...setup, mode: "economy" }, figures)).toMatchObject({
      updates: 6,
      activePerUpdate: 0.833,
      meetingsOfFloor: null,
      errorM: { p99: null, max: null },
      lateS: { p99: null, max: null },
    });
    expect(makeReport({ ...setup, mode: "exact" }, figures)).not.toHaveProperty("errorM");
  });
});
