import type { Place } from "../../src/geo/place.ts";

/** Independent ways to a distance on the sphere of the mean radius: none of them is haversine. */

/** Mean Earth radius in metres, written out here so that a changed constant of the code is noticed. */
const RADIUS_M = 6_371_008.8;
const RADIANS = Math.PI / 180;

export type Vector = readonly [number, number, number];

export function toVector({ lat, lng }: Place): Vector {
  return [
    Math.cos(lat * RADIANS) * Math.cos(lng * RADIANS),
    Math.cos(lat * RADIANS) * Math.sin(lng * RADIANS),
    Math.sin(lat * RADIANS),
  ];
}

export function toPlace([x, y, z]: Vector): Place {
  return { lat: Math.atan2(z, Math.hypot(x, y)) / RADIANS, lng: Math.atan2(y, x) / RADIANS };
}

/** By the angle between two vectors: exact to the last digits at every distance, antipodes included. */
export function byVectors(a: Place, b: Place): number {
  const [ax, ay, az] = toVector(a);
  const [bx, by, bz] = toVector(b);
  const cross = Math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx);
  return RADIUS_M * Math.atan2(cross, ax * bx + ay * by + az * bz);
}

/** By Vincenty's formula for a sphere (T. Vincenty, 1975), the one that keeps its digits at antipodes. */
export function byVincenty(a: Place, b: Place): number {
  const [lat1, lat2] = [a.lat * RADIANS, b.lat * RADIANS];
  const dLng = (b.lng - a.lng) * RADIANS;
  const across = Math.cos(lat2) * Math.sin(dLng);
  const along = Math.cos(lat1) * Math.sin(lat2) - Math.sin(lat1) * Math.cos(lat2) * Math.cos(dLng);
  const inward = Math.sin(lat1) * Math.sin(lat2) + Math.cos(lat1) * Math.cos(lat2) * Math.cos(dLng);
  return RADIUS_M * Math.atan2(Math.hypot(across, along), inward);
}

/** The place at so many metres from `from` in a direction (radians clockwise from north; from a pole: from the meridian). */
export function travel(from: Place, bearing: number, metres: number): Place {
  const [x, y, z] = toVector(from);
  const lng = from.lng * RADIANS;
  const lat = from.lat * RADIANS;
  const east: Vector = [-Math.sin(lng), Math.cos(lng), 0];
  const north: Vector = [-Math.sin(lat) * Math.cos(lng), -Math.sin(lat) * Math.sin(lng), Math.cos(lat)];
  const angle = metres / RADIUS_M;
  const [c, s, n, e] = [Math.cos(angle), Math.sin(angle), Math.cos(bearing), Math.sin(bearing)];
  return toPlace([
    x * c + (north[0] * n + east[0] * e) * s,
    y * c + (north[1] * n + east[1] * e) * s,
    z * c + (north[2] * n + east[2] * e) * s,
  ]);
}
