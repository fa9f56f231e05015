import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EARTH_RADIUS_M, distanceM } from "../../src/geo/distance.ts";
import { PLACE_DECIMALS, roundPlace } from "../../src/geo/place.ts";
import type { Place } from "../../src/geo/place.ts";
import { byVectors, byVincenty, travel } from "./geo-oracle.ts";

const HALF_EARTH_M = Math.PI * EARTH_RADIUS_M;
/** Haversine loses digits near antipodes only: asin is steep at 1. */
const NEAR_ERROR_M = 1e-5;
const ANTIPODE_ERROR_M = 0.5;

const anywhere = fc.record({
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lng: fc.double({ min: -180, max: 180, noNaN: true }),
});

describe("distanceM", () => {
  test("[DOWN1] agrees with two other formulas within 10 micrometres up to 1,000 km, anywhere", () => {
    fc.assert(
      fc.property(
        anywhere,
        fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }),
        fc.double({ min: 0, max: 1_000_000, noNaN: true }),
        (a, bearing, metres) => {
          const b = travel(a, bearing, metres);
          expect(Math.abs(distanceM(a, b) - byVectors(a, b))).toBeLessThan(NEAR_ERROR_M);
          expect(Math.abs(distanceM(a, b) - byVincenty(a, b))).toBeLessThan(NEAR_ERROR_M);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("[DOWN1] agrees with two other formulas at any distance, to half a metre even at antipodes", () => {
    fc.assert(
      fc.property(anywhere, anywhere, (a, b) => {
        const metres = distanceM(a, b);
        const far = metres > 0.99 * HALF_EARTH_M;
        expect(Math.abs(metres - byVectors(a, b))).toBeLessThan(far ? ANTIPODE_ERROR_M : 1e-3);
        expect(Math.abs(metres - byVincenty(a, b))).toBeLessThan(far ? ANTIPODE_ERROR_M : 1e-3);
      }),
      { numRuns: 2_000 },
    );
  });

  test("[DOWN1] is symmetric, never negative, at most half the Earth, and obeys the triangle inequality", () => {
    fc.assert(
      fc.property(anywhere, anywhere, anywhere, (a, b, c) => {
        expect(distanceM(a, b)).toBe(distanceM(b, a));
        expect(distanceM(a, b)).toBeGreaterThanOrEqual(0);
        expect(distanceM(a, b)).toBeLessThanOrEqual(HALF_EARTH_M);
        expect(distanceM(a, c)).toBeLessThanOrEqual(distanceM(a, b) + distanceM(b, c) + ANTIPODE_ERROR_M);
      }),
    );
  });

  test("[DOWN1] is zero for the same place, however it is written", () => {
    for (const [a, b] of [
      [
        { lat: 0, lng: 0 },
        { lat: -0, lng: 0 },
      ],
      [
        { lat: 52.1, lng: 180 },
        { lat: 52.1, lng: -180 },
      ],
      [
        { lat: 90, lng: 17 },
        { lat: 90, lng: -121 },
      ],
      [
        { lat: -90, lng: 0 },
        { lat: -90, lng: 180 },
      ],
      [
        { lat: 37.7749, lng: -122.4194 },
        { lat: 37.7749, lng: -122.4194 },
      ],
    ] satisfies [Place, Place][]) {
      expect(distanceM(a, b), JSON.stringify([a, b])).toBeLessThan(1e-8);
    }
  });

  test("[DOWN1] two people on one grid step of a stored position are a centimetre apart, not zero", () => {
    const step = 10 ** -PLACE_DECIMALS;
    for (const lat of [0, 37.7749, -89.9999]) {
      expect(distanceM({ lat, lng: 5 }, { lat: lat + step, lng: 5 })).toBeCloseTo(0.011_119_5, 6);
    }
    expect(distanceM({ lat: 60, lng: 5 }, { lat: 60, lng: 5 + step })).toBeCloseTo(0.005_559_7, 6);
  });

  test("[DOWN1] does not notice the antimeridian or the poles", () => {
    const degreeM = (Math.PI / 180) * EARTH_RADIUS_M;
    expect(distanceM({ lat: 0, lng: 179.5 }, { lat: 0, lng: -179.5 })).toBeCloseTo(degreeM, 6);
    expect(distanceM({ lat: 89.5, lng: 0 }, { lat: 89.5, lng: 180 })).toBeCloseTo(degreeM, 6);
    expect(distanceM({ lat: -89.5, lng: -90 }, { lat: -89.5, lng: 90 })).toBeCloseTo(degreeM, 6);
    expect(distanceM({ lat: 89.5, lng: 10 }, { lat: 90, lng: -77 })).toBeCloseTo(degreeM / 2, 6);
  });

  test("[DOWN1] antipodes are half the Earth apart and never NaN", () => {
    fc.assert(
      fc.property(anywhere, (a) => {
        const opposite = { lat: -a.lat, lng: a.lng > 0 ? a.lng - 180 : a.lng + 180 };
        expect(Math.abs(distanceM(a, opposite) - HALF_EARTH_M)).toBeLessThan(ANTIPODE_ERROR_M);
      }),
    );
    expect(distanceM({ lat: 90, lng: 0 }, { lat: -90, lng: 0 })).toBeCloseTo(HALF_EARTH_M, 3);
  });

  test("[UP2] what is no place has no distance: NaN and infinities stay NaN, they never look near", () => {
    const home = { lat: 37.7749, lng: -122.4194 };
    for (const bad of [NaN, Infinity, -Infinity]) {
      for (const place of [
        { lat: bad, lng: 0 },
        { lat: 0, lng: bad },
        { lat: bad, lng: bad },
      ]) {
        expect(distanceM(home, place)).toBeNaN();
        expect(distanceM(place, home)).toBeNaN();
        expect(distanceM(place, place)).toBeNaN();
      }
    }
  });
});

describe("roundPlace", () => {
  test("[UP5] moves a place by less than a centimetre and is stable", () => {
    fc.assert(
      fc.property(anywhere, (place) => {
        const rounded = roundPlace(place);
        expect(Math.abs(rounded.lat - place.lat)).toBeLessThanOrEqual(0.5e-7 + 1e-14);
        expect(Math.abs(rounded.lng - place.lng)).toBeLessThanOrEqual(0.5e-7 + 1e-13);
        expect(distanceM(place, rounded)).toBeLessThan(0.008);
        expect(roundPlace(rounded)).toEqual(rounded);
        expect(String(Math.abs(rounded.lat)).replace(/^\d+\.?|e.*$/g, "").length).toBeLessThanOrEqual(PLACE_DECIMALS);
      }),
    );
  });

  test("[UP5] keeps the edges of the globe and NaN", () => {
    expect(roundPlace({ lat: 90, lng: -180 })).toEqual({ lat: 90, lng: -180 });
    expect(roundPlace({ lat: -89.999_999_99, lng: 179.999_999_99 })).toEqual({ lat: -90, lng: 180 });
    expect(roundPlace({ lat: NaN, lng: NaN })).toEqual({ lat: NaN, lng: NaN });
  });
});
