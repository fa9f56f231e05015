import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { BLUR_ERROR_M, blurredPlace, COARSE_ERROR_M, coarsePlace } from "../../src/geo/coarse.ts";
import { distanceM } from "../../src/geo/distance.ts";

const lats = fc.oneof(
  fc.double({ min: -90, max: 90, noNaN: true }),
  fc.constantFrom(-90, 90, 0, 89.995, -89.999, 59.999_999_9),
);
const lngs = fc.oneof(fc.double({ min: -180, max: 180, noNaN: true }), fc.constantFrom(-180, 180, 0, 179.999_999_9));
const places = fc.record({ lat: lats, lng: lngs });

describe("the coarse grid", () => {
  test("[SEE1] a place is at most the stated error away from what is told, poles and antimeridian included", () => {
    let worstM = 0;
    fc.assert(
      fc.property(places, (place) => {
        worstM = Math.max(worstM, distanceM(place, coarsePlace(place)));
      }),
      { numRuns: 20_000 },
    );
    // Corners are the worst of a cell.
    for (let lat = -90; lat <= 90; lat += 0.01) {
      for (const lng of [0.003, 90, 179.999]) {
        for (const d of [-1e-6, 1e-6]) {
          const place = { lat: Math.max(-90, Math.min(90, lat + d)), lng };
          worstM = Math.max(worstM, distanceM(place, coarsePlace(place)));
        }
      }
    }
    expect(worstM).toBeLessThan(COARSE_ERROR_M);
    // And the bound is not far above it: a pair counts as near from that much further away.
    expect(worstM).toBeGreaterThan(0.9 * COARSE_ERROR_M);
  });

  test("[SEE1] what is told is a place of its own cell: telling it again tells the same", () => {
    fc.assert(
      fc.property(places, (place) => {
        const told = coarsePlace(place);
        expect(coarsePlace(told)).toEqual(told);
        expect(Math.abs(told.lat)).toBeLessThanOrEqual(90);
        expect(Math.abs(told.lng)).toBeLessThanOrEqual(180);
      }),
    );
  });

  test("[SEE1] everybody within a cell of about a kilometre is told alike, and the next cell is another", () => {
    const home = coarsePlace({ lat: 37.7749, lng: -122.4194 });
    const near = { lat: home.lat + 0.0049, lng: home.lng - 0.006 };
    expect(coarsePlace(near)).toEqual(home);
    const next = coarsePlace({ lat: home.lat + 0.0051, lng: home.lng });
    expect(distanceM(home, next)).toBeGreaterThan(1_000);
    expect(distanceM(home, next)).toBeLessThan(1_600);
    expect(coarsePlace({ lat: 10, lng: 180 })).toEqual(coarsePlace({ lat: 10, lng: -180 }));
  });
});

describe("the grid for strangers", () => {
  test("[DISC4] a place is at most 160 m away from what is told, and telling it again tells the same", () => {
    let worstM = 0;
    fc.assert(
      fc.property(places, (place) => {
        const told = blurredPlace(place);
        worstM = Math.max(worstM, distanceM(place, told));
        expect(blurredPlace(told)).toEqual(told);
      }),
      { numRuns: 20_000 },
    );
    for (let lat = -90; lat <= 90; lat += 0.01) {
      for (const d of [-1e-6, 1e-6]) {
        const place = { lat: Math.max(-90, Math.min(90, lat + d)), lng: 0.0009 };
        worstM = Math.max(worstM, distanceM(place, blurredPlace(place)));
      }
    }
    expect(worstM).toBeLessThan(BLUR_ERROR_M);
    expect(worstM).toBeGreaterThan(0.9 * BLUR_ERROR_M);
  });

  test("[DISC4] it does not average out: a thousand noisy fixes within a cell tell one place", () => {
    const home = blurredPlace({ lat: 37.7749, lng: -122.4194 });
    const told = new Set<string>();
    for (let i = 0; i < 1_000; i += 1) {
      const noise = { lat: home.lat + 0.0009 * Math.sin(i * 7), lng: home.lng + 0.0011 * Math.cos(i * 13) };
      told.add(JSON.stringify(blurredPlace(noise)));
    }
    expect([...told]).toEqual([JSON.stringify(home)]);
  });
});
