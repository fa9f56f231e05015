import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { cellOf, cellsAround } from "../../src/geo/cells.ts";
import { distanceM, EARTH_RADIUS_M } from "../../src/geo/distance.ts";
import { encodeGeohash } from "../../src/geo/geohash.ts";
import type { Place } from "../../src/geo/place.ts";

const RADIUS_M = 8046.72;
/** Height of a cell for this radius. */
const CELL_DEG = 180 / 1024;
const PLACEMENTS = 10_000;
const RADIANS = Math.PI / 180;

/** Where a great circle ends that begins at `from` with this bearing: independent of the cells' own arithmetic. */
function walk(from: Place, bearing: number, metres: number): Place {
  const d = metres / EARTH_RADIUS_M;
  const lat = from.lat * RADIANS;
  const sinLat = Math.sin(lat) * Math.cos(d) + Math.cos(lat) * Math.sin(d) * Math.cos(bearing);
  const east = Math.sin(bearing) * Math.sin(d) * Math.cos(lat);
  const lng = from.lng + Math.atan2(east, Math.cos(d) - Math.sin(lat) * sinLat) / RADIANS;
  return {
    lat: Math.asin(Math.max(-1, Math.min(1, sinLat))) / RADIANS,
    lng: ((((lng + 180) % 360) + 360) % 360) - 180,
  };
}

/** Uniform numbers from a seed (mulberry32). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Places that break such code: edges and corners of cells, the antimeridian, the poles; and any others. */
function placement(random: () => number, i: number): Place {
  const anyLat = Math.asin(2 * random() - 1) / RADIANS;
  const anyLng = random() * 360 - 180;
  const jitter = (random() - 0.5) * 1e-6;
  switch (i % 8) {
    case 0:
      return { lat: Math.round(anyLat / CELL_DEG) * CELL_DEG + jitter, lng: anyLng };
    case 1:
      return { lat: anyLat, lng: Math.round(anyLng / (2 * CELL_DEG)) * 2 * CELL_DEG };
    case 2:
      return { lat: anyLat, lng: random() < 0.5 ? 180 : -180 + random() * 0.1 };
    case 3:
      return { lat: (random() < 0.5 ? -1 : 1) * 89.9, lng: anyLng };
    case 4:
      return { lat: (random() < 0.5 ? -1 : 1) * (64 + random() * 26), lng: anyLng };
    case 5:
      return { lat: (random() < 0.5 ? -1 : 1) * (88.8 + random() * 0.4), lng: anyLng };
    case 6:
      return { lat: 80 + random() * 10, lng: Math.round(anyLng / 5.625) * 5.625 };
    default:
      return { lat: anyLat, lng: anyLng };
  }
}

/** People at random places within and just within the radius, found by brute force: is each in a cell that is asked? */
function unreachable(random: () => number, radiusM: number): { missed: number; most: number; total: number } {
  const sums = { missed: 0, most: 0, total: 0 };
  for (let i = 0; i < PLACEMENTS; i += 1) {
    const viewer = placement(random, i);
    const cells = cellsAround(viewer, radiusM);
    sums.most = Math.max(sums.most, cells.length);
    sums.total += cells.length;
    for (let k = 0; k < 20; k += 1) {
      // Those at the rim are the ones that such code misses; the four points of the compass among them.
      const bearing = k < 8 ? (k * Math.PI) / 4 : random() * 2 * Math.PI;
      const other = walk(viewer, bearing, radiusM * (k < 16 ? 1 : Math.sqrt(random())));
      if (distanceM(viewer, other) > radiusM) continue;
      if (!cells.includes(cellOf(other, radiusM))) sums.missed += 1;
    }
  }
  return sums;
}

describe("cells", () => {
  test("[DISC5] of 10,000 placements, cell edges, antimeridian and 89.9 degrees included, nobody is unreachable in at most four cells", () => {
    const { missed, most, total } = unreachable(uniform(20_261_128), RADIUS_M);
    console.log(
      `cells met by a circle of ${RADIUS_M} m: ${(total / PLACEMENTS).toFixed(2)} on average, at most ${most}`,
    );
    expect(missed).toBe(0);
    expect(most).toBe(4);
  });

  test.for([1, 500, 9_700, 9_800, 20_000, 50_000, 100_000])("[DISC5] the same with a radius of %d m", (radiusM) => {
    const { missed, most } = unreachable(uniform(radiusM), radiusM);
    expect(missed).toBe(0);
    expect(most).toBeLessThanOrEqual(4);
  });

  test("the own cell comes first, and 180 is -180", () => {
    const places = fc.record({
      lat: fc.double({ min: -90, max: 90, noNaN: true }),
      lng: fc.double({ min: -180, max: 180, noNaN: true }),
    });
    fc.assert(
      fc.property(places, fc.double({ min: 1, max: 100_000, noNaN: true }), (place, radiusM) => {
        const cells = cellsAround(place, radiusM);
        expect(cells[0]).toBe(cellOf(place, radiusM));
        expect(new Set(cells).size).toBe(cells.length);
      }),
    );
    for (const lat of [-90, -12.3, 0, 66, 89.5, 90]) {
      expect(cellOf({ lat, lng: 180 }, RADIUS_M)).toBe(cellOf({ lat, lng: -180 }, RADIUS_M));
    }
  });

  test("a cell is a geohash of precision 4 up to 65 degrees, several of them beyond, and one at each pole", () => {
    const random = uniform(4);
    for (let i = 0; i < 2_000; i += 1) {
      const place = { lat: random() * 130 - 65, lng: random() * 360 - 180 };
      expect(cellOf(place, RADIUS_M)).toBe(encodeGeohash(place, 4));
    }
    const around = (lat: number): number => {
      const names = new Set<string>();
      for (let lng = -180; lng < 180; lng += 0.05) names.add(cellOf({ lat, lng }, RADIUS_M));
      return names.size;
    };
    expect([0, 65, 66, 75, 80, 85, 88.9, 89, 89.9, 90].map(around)).toEqual([
      1024, 1024, 512, 512, 256, 128, 32, 1, 1, 1,
    ]);
    expect(cellOf({ lat: 89.2, lng: 5 }, RADIUS_M)).toBe(cellOf({ lat: 90, lng: -170 }, RADIUS_M));
    expect(cellOf({ lat: 90, lng: 0 }, RADIUS_M)).not.toBe(cellOf({ lat: -90, lng: 0 }, RADIUS_M));
  });

  test("cells of another radius have other names", () => {
    const place = { lat: 37.7749, lng: -122.4194 };
    expect(cellOf(place, 9_700)).toBe(cellOf(place, 1));
    const names = [9_700, 9_800, 20_000, 50_000, 100_000].map((radiusM) => cellOf(place, radiusM));
    expect(new Set(names).size).toBe(names.length);
  });
});
