import type { Place } from "./place.ts";

const RADIANS = Math.PI / 180;

/** Initial bearing of the great circle from one place to another, degrees clockwise from north, -180..180. */
export function bearingDeg(from: Place, to: Place): number {
  const [lat1, lat2, lng] = [from.lat * RADIANS, to.lat * RADIANS, (to.lng - from.lng) * RADIANS];
  const east = Math.sin(lng) * Math.cos(lat2);
  const north = Math.cos(lat1) * Math.sin(lat2) - Math.sin(lat1) * Math.cos(lat2) * Math.cos(lng);
  return Math.atan2(east, north) / RADIANS;
}

/**
 * How far somebody who went from `a` over `b` to `c` turned at `b`: 0 is straight on, 180 back. Both bearings are taken at
 * `b`, where the turn is: along a great circle the bearing changes, by much near a pole.
 */
export function turnDeg(a: Place, b: Place, c: Place): number {
  const turn = Math.abs(bearingDeg(b, c) - bearingDeg(b, a) - 180) % 360;
  return turn > 180 ? 360 - turn : turn;
}
