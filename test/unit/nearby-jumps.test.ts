import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { bearingDeg, turnDeg } from "../../src/geo/course.ts";
import { EARTH_RADIUS_M } from "../../src/geo/distance.ts";
import type { Place } from "../../src/geo/place.ts";
import { type Current, judge, NO_TRACK, ROUGH_ABOVE_M, type Track, type Verdict } from "../../src/nearby/jumps.ts";

const OPTIONS = { speedMaxMps: 150, betterForMs: 570_000 };
const START_MS = 1_800_000_000_000;
const HOME = { lat: 37.77, lng: -122.42 };
const DEGREES_PER_M = 180 / (Math.PI * EARTH_RADIUS_M);

/** Metres north and east of HOME. */
function at(northM: number, eastM = 0): Place {
  const eastScale = Math.cos((HOME.lat * Math.PI) / 180);
  return { lat: HOME.lat + northM * DEGREES_PER_M, lng: HOME.lng + (eastM * DEGREES_PER_M) / eastScale };
}

function fix(place: Place, afterS: number, rough = false): Current & { pointTs: number } {
  return { ...place, ts: START_MS + afterS * 1000, rough, pointTs: START_MS + afterS * 1000 };
}

/** What becomes of fixes in a row, and which were confirmed or found to be jumps later. */
function play(fixes: readonly ReturnType<typeof fix>[], options = OPTIONS) {
  let current: Current | null = null;
  let track: Track = NO_TRACK;
  const kinds: Verdict["kind"][] = [];
  const real: number[] = [];
  const jumps: number[] = [];
  for (const one of fixes) {
    const verdict: Verdict = judge(current, track, one, options);
    if (track.held !== null && verdict.track.held !== track.held) {
      (verdict.confirms ? real : jumps).push((track.held.pointTs - START_MS) / 1000);
    }
    ({ track } = verdict);
    if (verdict.kind === "live") current = one;
    kinds.push(verdict.kind);
  }
  return { kinds, real, jumps, current, track };
}

describe("jumps", () => {
  test("[JUMP1] 150 m/s pass, more waits for the next fix", () => {
    for (const [speed, kind] of [
      [149.9, "live"],
      [150.1, "held"],
    ] as const) {
      expect(play([fix(HOME, 0), fix(at(speed * 30), 30)]).kinds).toEqual(["live", kind]);
    }
  });

  test("[JUMP1] a jump away and back: nobody sees it, and the point is an outlier", () => {
    const { kinds, jumps, real, current } = play([fix(HOME, 0), fix(at(40_000), 30), fix(at(20), 60)]);
    expect(kinds).toEqual(["live", "held", "live"]);
    expect([jumps, real]).toEqual([[30], []]);
    expect(current).toMatchObject(at(20));
  });

  test("[JUMP1] a fix that agrees with the one that was held shows that it was real", () => {
    const { kinds, jumps, real } = play([fix(HOME, 0), fix(at(40_000), 30), fix(at(40_050), 60)]);
    expect(kinds).toEqual(["live", "held", "live"]);
    expect([jumps, real]).toEqual([[], [30]]);
  });

  test("a second jump, elsewhere, is held in its turn", () => {
    const { kinds, jumps } = play([fix(HOME, 0), fix(at(40_000), 30), fix(at(-40_000), 60), fix(at(0), 90)]);
    expect(kinds).toEqual(["live", "held", "held", "live"]);
    expect(jumps).toEqual([30, 60]);
  });

  test("[JUMP1] what comes within five seconds is moved by hand, or another device's: it is not held", () => {
    const after = (s: number) => play([fix(HOME, 0), fix(at(40_000), s)]).kinds[1];
    expect([after(0), after(4.999), after(5)]).toEqual(["live", "live", "held"]);
  });

  test("two fixes within a second are measured as if a second apart", () => {
    const confirmed = (m: number) => play([fix(HOME, 0), fix(at(40_000), 30), fix(at(40_000 + m), 30.1)]).real;
    expect([confirmed(149), confirmed(151)]).toEqual([[30], []]);
  });

  test("[TIME1] an older fix is passed over, and what is held stays held", () => {
    const { kinds, track } = play([fix(HOME, 60), fix(at(40_000), 90), fix(at(10), 30)]);
    expect(kinds).toEqual(["live", "held", "passed_over"]);
    expect(track.held).toMatchObject(at(40_000));
  });

  test("0 lets everything pass", () => {
    expect(play([fix(HOME, 0), fix(at(4e6), 1)], { ...OPTIONS, speedMaxMps: 0 }).kinds).toEqual(["live", "live"]);
  });

  test("a train at 90 m/s passes, every fix of it", () => {
    const train = Array.from({ length: 20 }, (_, i) => fix(at(i * 90 * 30, i % 2), i * 30));
    expect(play(train).kinds).toEqual(train.map(() => "live"));
  });

  test.each([
    ["north", 1, 0],
    ["south-west", -0.7, -0.7],
  ])("a plane at 250 m/s, %s: one fix late, then every fix passes, and none is an outlier", (_, north, east) => {
    const plane = Array.from({ length: 20 }, (_step, i) => fix(at(i * 7_500 * north, i * 7_500 * east), i * 30));
    const { kinds, jumps, real } = play(plane);
    expect(kinds).toEqual(["live", "held", ...plane.slice(2).map(() => "live")]);
    expect([jumps, real]).toEqual([[], [30]]);
  });

  test("a plane that takes off, turns by 40 degrees at each fix, and lands", () => {
    const fixes = [fix(HOME, 0)];
    let [north, east, heading] = [0, 0, 0];
    for (const [i, mps] of [40, 90, 140, 180, 220, 250, 250, 250, 200, 140, 80, 10].entries()) {
      if (mps === 250) heading += (40 * Math.PI) / 180;
      north += Math.cos(heading) * mps * 30;
      east += Math.sin(heading) * mps * 30;
      fixes.push(fix(at(north, east), (i + 1) * 30));
    }
    const { kinds, jumps } = play(fixes);
    expect(kinds.filter((kind) => kind === "held")).toHaveLength(1);
    expect(jumps).toEqual([]);
  });

  test("turning back is no course, nor is twice as fast and more", () => {
    const back = play([fix(HOME, 0), fix(at(7_500), 30), fix(at(0), 60), fix(at(10), 90)]);
    expect(back.jumps).toEqual([30]);
    const faster = (second: number) => play([fix(HOME, 0), fix(at(7_500), 30), fix(at(7_500 + second), 60)]).kinds[2];
    expect([faster(14_900), faster(15_100)]).toEqual(["live", "held"]);
  });

  test("over the antimeridian and beside the pole a course is a course", () => {
    const east = [179.9, 179.98, -179.94, -179.86].map((lng, i) => fix({ lat: 0, lng }, i * 30));
    expect(play(east).kinds).toEqual(["live", "held", "live", "live"]);
    const polar = [
      { lat: 89.9, lng: 0 },
      { lat: 89.97, lng: 0 },
      { lat: 89.96, lng: 180 },
    ].map((place, i) => fix(place, i * 30));
    expect(play(polar).kinds).toEqual(["live", "held", "live"]);
  });
});

describe("rough fixes", () => {
  test("[JUMP2] do not replace a better one of the last ten minutes, less one update", () => {
    const after = (s: number) => play([fix(HOME, 0), fix(at(3_000), s, true)]).kinds[1];
    expect([after(30), after(569), after(570)]).toEqual(["passed_over", "passed_over", "live"]);
  });

  test("[JUMP2] with none they are live, and a better one follows without being measured against them", () => {
    expect(play([fix(at(9_000), 0, true), fix(at(7_000), 30, true), fix(HOME, 31)]).kinds).toEqual([
      "live",
      "live",
      "live",
    ]);
  });

  test("what is held waits on: a rough fix says nothing about it", () => {
    const { kinds, track } = play([fix(HOME, 0), fix(at(40_000), 30), fix(at(40_000), 60, true)]);
    expect(kinds).toEqual(["live", "held", "passed_over"]);
    expect(track.held).not.toBeNull();
  });

  test("are those worse than the named accuracy", () => {
    expect(ROUGH_ABOVE_M).toBe(500);
  });
});

test("whatever comes: a live fix is never older than the one before, and at most one is held", () => {
  const fixes = fc.array(
    fc.record({
      n: fc.integer({ min: -60_000, max: 60_000 }),
      s: fc.integer({ min: 0, max: 900 }),
      rough: fc.boolean(),
    }),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(fixes, (list) => {
      let current: Current | null = null;
      let track: Track = NO_TRACK;
      for (const { n, s, rough } of list) {
        const next = fix(at(n), s, rough);
        const verdict: Verdict = judge(current, track, next, OPTIONS);
        const isHeldDropped: boolean = track.held !== null && verdict.track.held !== track.held;
        // Only a fix that was held can be confirmed.
        if (verdict.confirms) expect(isHeldDropped).toBe(true);
        if (verdict.kind === "held") expect(verdict.track.held).toMatchObject({ ts: next.ts });
        if (verdict.kind === "live") {
          expect(verdict.track.held).toBeNull();
          if (current !== null) expect(next.ts).toBeGreaterThanOrEqual(current.ts);
          current = next;
        }
        ({ track } = verdict);
      }
    }),
  );
});

describe("course", () => {
  test.each([
    [{ lat: 0, lng: 0 }, { lat: 1, lng: 0 }, 0],
    [{ lat: 0, lng: 0 }, { lat: 0, lng: 1 }, 90],
    [{ lat: 0, lng: 179.5 }, { lat: 0, lng: -179.5 }, 90],
    [{ lat: 1, lng: 0 }, { lat: 0, lng: 0 }, 180],
    // Movable Type Scripts: Baghdad to Osaka sets out at 60.2 degrees.
    [{ lat: 35, lng: 45 }, { lat: 35, lng: 135 }, 60.16],
  ])("the bearing from %o to %o is %d degrees", (from, to, expected) => {
    expect(bearingDeg(from, to)).toBeCloseTo(expected, 1);
  });

  test("a turn is 0 straight on along a great circle, 180 back, and the same both ways", () => {
    const [a, b] = [
      { lat: 60, lng: 0 },
      { lat: 65, lng: 30 },
    ];
    expect(turnDeg(a, b, a)).toBeCloseTo(180, 6);
    expect(turnDeg({ lat: 80, lng: 0 }, { lat: 89, lng: 0 }, { lat: 89, lng: 180 })).toBeCloseTo(0, 6);
    expect(turnDeg(at(-100), HOME, at(0, 100))).toBeCloseTo(90, 1);
    expect(turnDeg(at(0, 100), HOME, at(-100))).toBeCloseTo(90, 1);
  });
});
