import { describe, expect, test } from "vitest";
import * as v from "valibot";
import { EARTH_RADIUS_M, distanceM } from "../../src/geo/distance.ts";
import type { Place } from "../../src/geo/place.ts";
import { readData } from "./data-folder.ts";

/** The worst that a sphere of the mean radius may be off the ellipsoid; the figure of `distanceM`. */
const SPHERE_ERROR = 0.0056;
/** Radius queries of the data set are given to 0.1 m and were computed on stored geohashes of 52 bits. */
const QUERY_ERROR_M = 0.5;

const pair = v.tuple([v.number(), v.number()]);
const vectors = v.object({
  haversine: v.array(
    v.object({
      a: pair,
      b: pair,
      radius_m: v.number(),
      metres: v.optional(v.number()),
      rounding: v.optional(v.string()),
      metres_min: v.optional(v.number()),
      metres_max: v.optional(v.number()),
    }),
  ),
  redis_nyc: v.object({
    radius_m: v.number(),
    points: v.record(v.string(), pair),
    queries: v.array(
      v.object({
        centre: v.optional(pair),
        centre_member: v.optional(v.string()),
        radius_km: v.number(),
        result_km: v.optional(v.array(v.tuple([v.string(), v.number()]))),
        result_km_asc: v.optional(v.array(v.tuple([v.string(), v.number()]))),
      }),
    ),
  }),
  redis_radius_regression: v.object({ values: v.array(v.tuple([v.number(), v.number(), v.number()])) }),
});

const data = v.parse(vectors, JSON.parse(readData("geo/haversine_and_radius_vectors.json").toString("utf8")));

function place([lat, lng]: readonly [number, number]): Place {
  return { lat, lng };
}

/** `distanceM` on a sphere of another radius: distances on spheres scale with it. */
function onSphere(a: Place, b: Place, radiusM: number): number {
  return (distanceM(a, b) / EARTH_RADIUS_M) * radiusM;
}

/** The largest relative difference between haversine and these geodesics. */
function worstError(geodesics: readonly { a: Place; b: Place; metres: number }[]): number {
  return Math.max(...geodesics.map(({ a, b, metres }) => Math.abs(distanceM(a, b) - metres) / metres));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(4)} %`;
}

describe("distances against published figures", () => {
  test("[DOWN1] haversine pairs of other libraries, on their spheres", () => {
    expect(data.haversine.length).toBe(3);
    for (const { a, b, radius_m, metres, rounding, metres_min, metres_max } of data.haversine) {
      const mine = onSphere(place(a), place(b), radius_m);
      if (metres !== undefined) {
        expect(Math.abs(mine - metres), `${a.join()} to ${b.join()}: ${mine}`).toBeLessThan(
          rounding === "nearest metre" ? 0.5 : 1e-5,
        );
      } else {
        expect(mine).toBeGreaterThanOrEqual(metres_min ?? NaN);
        expect(mine).toBeLessThanOrEqual(metres_max ?? NaN);
      }
    }
  });

  test("[VIS2] radius queries find the same people at the same distances", () => {
    const { points, queries, radius_m } = data.redis_nyc;
    expect(queries.length).toBeGreaterThanOrEqual(2);
    for (const { centre, centre_member, radius_km, result_km, result_km_asc } of queries) {
      const from = centre ?? points[centre_member ?? ""];
      const expected = new Map(result_km ?? result_km_asc);
      if (from === undefined || expected.size === 0) {
        throw new Error("a query of the data set has no centre or no result");
      }
      const found = Object.entries(points)
        .map(([name, point]) => [name, onSphere(place(from), place(point), radius_m)] as const)
        .filter(([, metres]) => metres <= radius_km * 1000);
      expect(found.map(([name]) => name).toSorted()).toEqual([...expected.keys()].toSorted());
      for (const [name, metres] of found) {
        expect(Math.abs(metres - (expected.get(name) ?? NaN) * 1000), name).toBeLessThan(QUERY_ERROR_M);
      }
    }
  });

  test("[DOWN1] centres that once broke a radius search are ordinary places", () => {
    for (const [lat, lng, radiusKm] of data.redis_radius_regression.values) {
      const radiusM = radiusKm * 1000;
      const angle = radiusM / EARTH_RADIUS_M;
      // Straight north by the radius, over the pole if need be.
      const beyond = lat + (angle * 180) / Math.PI;
      const north = beyond <= 90 ? { lat: beyond, lng } : { lat: 180 - beyond, lng: lng > 0 ? lng - 180 : lng + 180 };
      expect(Math.abs(distanceM({ lat, lng }, north) - radiusM), `${lat},${lng}`).toBeLessThan(0.001);
    }
  });

  test("[DOWN1] Karney's GeodTest geodesics, within 0.56 %", () => {
    const rows = readData("geo/GeodTest-100.dat")
      .toString("utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" ").map(Number));
    const geodesics = rows.map(([lat1 = NaN, lng1 = NaN, , lat2 = NaN, lng2 = NaN, , metres = NaN]) => ({
      a: { lat: lat1, lng: lng1 },
      b: { lat: lat2, lng: lng2 },
      metres,
    }));
    expect(geodesics).toHaveLength(100);
    const worst = worstError(geodesics);
    expect(worst, `the largest error is ${percent(worst)}`).toBeLessThan(SPHERE_ERROR);
    // On a sphere of another radius it would be larger: the figure above is not just slack.
    expect(worst, `the largest error is ${percent(worst)}`).toBeGreaterThan(0.004);
  });

  test("[DOWN1] Karney's twenty cases, longitudes beyond 180 included, within 0.56 %", () => {
    const [header, ...lines] = readData("geo/karney_geodesic_20cases.csv").toString("utf8").trim().split("\n");
    expect(header).toMatch(/^lat1,lon1,azi1,lat2,lon2,azi2,s12_m,/);
    const geodesics = lines.map((line) => {
      const [lat1 = NaN, lng1 = NaN, , lat2 = NaN, lng2 = NaN, , metres = NaN] = line.split(",").map(Number);
      return { a: { lat: lat1, lng: lng1 }, b: { lat: lat2, lng: lng2 }, metres };
    });
    expect(geodesics).toHaveLength(20);
    const worst = worstError(geodesics);
    expect(worst, `the largest error is ${percent(worst)}`).toBeLessThan(SPHERE_ERROR);
  });
});
