import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { distanceM } from "../../src/geo/distance.ts";
import { roundPlace } from "../../src/geo/place.ts";
import type { Place } from "../../src/geo/place.ts";
import { SLACK_MARGIN_M, slackM } from "../../src/geo/safe-region.ts";
import { byVectors, travel } from "./geo-oracle.ts";

/** The default radius of the service. */
const RADIUS_M = 8046.72;

/** Places everywhere, and more often than by chance at the poles and on the antimeridian. */
const anchors = fc.oneof(
  fc.record({
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lng: fc.double({ min: -180, max: 180, noNaN: true }),
  }),
  fc.record({
    lat: fc.constantFrom(90, -90, 89.999, -89.97, 89.9),
    lng: fc.double({ min: -180, max: 180, noNaN: true }),
  }),
  fc.record({
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lng: fc.constantFrom(180, -180, 179.9999, -179.99),
  }),
);
const bearings = fc.double({ min: 0, max: 2 * Math.PI, noNaN: true });
/** How far above the radius two people are: from a millimetre to across a country. */
const gaps = fc.oneof(
  fc.double({ min: 0.001, max: 2, noNaN: true }),
  fc.double({ min: 1, max: 5_000, noNaN: true }),
  fc.double({ min: 1_000, max: 2_000_000, noNaN: true }),
);

/** The bearing from one place to another, as `travel` takes it: by trying, since the oracle knows no bearings. */
function towards(from: Place, to: Place): number {
  let best = 0;
  let step = Math.PI / 4;
  const distance = (bearing: number): number => byVectors(travel(from, bearing, 1), to);
  for (let bearing = 0; bearing < 2 * Math.PI; bearing += step) {
    best = distance(bearing) < distance(best) ? bearing : best;
  }
  for (; step > 1e-7; step /= 2) {
    best = [best - step, best, best + step].reduce((one, other) => (distance(other) < distance(one) ? other : one));
  }
  return best;
}

describe("slackM", () => {
  test("[VIS3] while both stay within their slack, the distance stays above the radius", () => {
    fc.assert(
      fc.property(
        anchors,
        bearings,
        gaps,
        bearings,
        bearings,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (start, bearing, gap, moveA, moveB, shareA, shareB) => {
          const a = roundPlace(start);
          const b = roundPlace(travel(a, bearing, RADIUS_M + gap));
          // Rounding to the grid can bring a pair that is millimetres outside to the inside.
          fc.pre(distanceM(a, b) > RADIUS_M);
          const slack = slackM(distanceM(a, b), RADIUS_M);
          const a2 = roundPlace(travel(a, moveA, slack * shareA));
          const b2 = roundPlace(travel(b, moveB, slack * shareB));
          // What the code asks before it stays silent.
          fc.pre(distanceM(a, a2) <= slack && distanceM(b, b2) <= slack);
          expect(distanceM(a2, b2)).toBeGreaterThan(RADIUS_M);
          expect(byVectors(a2, b2)).toBeGreaterThan(RADIUS_M);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test("[VIS3] also when both walk straight towards each other, by all that they may", () => {
    fc.assert(
      fc.property(anchors, bearings, gaps, (start, bearing, gap) => {
        const a = roundPlace(start);
        const b = roundPlace(travel(a, bearing, RADIUS_M + gap));
        fc.pre(distanceM(a, b) > RADIUS_M);
        const slack = slackM(distanceM(a, b), RADIUS_M);
        // Places are stored on a grid of 11 mm: the last step that still counts as inside.
        const inside = Math.max(0, slack - 0.01);
        const a2 = roundPlace(travel(a, towards(a, b), inside));
        const b2 = roundPlace(travel(b, towards(b, a), inside));
        expect(distanceM(a, a2)).toBeLessThanOrEqual(slack + 0.01);
        expect(byVectors(a2, b2)).toBeGreaterThan(RADIUS_M);
      }),
      { numRuns: 300 },
    );
  });

  test("[VIS3] it is worth having: all but half a metre of the room is used", () => {
    fc.assert(
      fc.property(gaps, (gap) => {
        const slack = slackM(RADIUS_M + gap, RADIUS_M);
        expect(2 * slack).toBeLessThanOrEqual(gap);
        expect(2 * slack).toBeGreaterThan(gap - 2 * SLACK_MARGIN_M - 0.2 - 1e-6);
      }),
    );
  });

  test("[VIS3] around the radius there is no room", () => {
    for (const metres of [0, RADIUS_M - 1, RADIUS_M - 0.001, RADIUS_M, RADIUS_M + 0.001, RADIUS_M + 0.19]) {
      expect(slackM(metres, RADIUS_M), String(metres)).toBe(0);
    }
    expect(slackM(RADIUS_M + 0.39, RADIUS_M)).toBe(0);
    expect(slackM(RADIUS_M + 0.41, RADIUS_M)).toBe(0.1);
    expect(slackM(RADIUS_M + 1, RADIUS_M)).toBe(0.4);
    expect(slackM(RADIUS_M + 20_000, RADIUS_M)).toBe(9_999.9);
  });

  test("[VIS3] it is in whole decimetres, so that both sides compute the same", () => {
    fc.assert(
      fc.property(gaps, (gap) => {
        const decimetres = slackM(RADIUS_M + gap, RADIUS_M) * 10;
        expect(Math.abs(decimetres - Math.round(decimetres))).toBeLessThan(1e-6);
      }),
    );
  });

  test("[VIS3] an unknown distance gives no room: NaN never keeps anybody silent", () => {
    const slack = slackM(NaN, RADIUS_M);
    for (const movedM of [0, 5, 1e9]) {
      expect(movedM <= slack).toBe(false);
    }
  });
});
