import type { Place } from "./place.ts";

/** Mean radius of the Earth in metres, (2a + b) / 3 of WGS 84 (IUGG). */
export const EARTH_RADIUS_M = 6_371_008.8;

const RADIANS = Math.PI / 180;

const METRES_PER_DEGREE = EARTH_RADIUS_M * RADIANS;

/**
 * Whether two places are at most `limitM` metres apart.
 *
 * The detour along a meridian and a parallel, taken at the equator, is never shorter than the great circle: while that fits,
 * which is nearly always so for somebody inside a safe region, no sine has to be computed.
 */
export function isWithin(a: Place, b: Place, limitM: number): boolean {
  if ((Math.abs(a.lat - b.lat) + Math.abs(a.lng - b.lng)) * METRES_PER_DEGREE <= limitM) return true;
  return distanceM(a, b) <= limitM;
}

/**
 * Great-circle distance in metres (haversine on the mean sphere).
 *
 * Within 0.56 % of the WGS 84 geodesic everywhere (0.551 % is the worst of Karney's published cases). Haversine rather
 * than the law of cosines: the latter loses all digits below a metre, where friends stand next to each other.
 */
export function distanceM(a: Place, b: Place): number {
  const sinLat = Math.sin(((b.lat - a.lat) * RADIANS) / 2);
  const sinLng = Math.sin(((b.lng - a.lng) * RADIANS) / 2);
  const h = sinLat * sinLat + Math.cos(a.lat * RADIANS) * Math.cos(b.lat * RADIANS) * sinLng * sinLng;
  // Rounding lifts h a hair above 1 for antipodes; asin would answer NaN.
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}
