/** Positions for the tests, and an oracle for distances that shares no code with the server. */

export interface Place {
  readonly lat: number;
  readonly lng: number;
}

/** Of the contract: mean Earth radius. */
export const EARTH_RADIUS_M = 6_371_008.8;
/** Of the contract: the default radius, 5 miles. */
export const RADIUS_M = 8046.72;

const RADIANS = Math.PI / 180;
const DEGREE_M = EARTH_RADIUS_M * RADIANS;
/** The grid of stored positions: 7 decimals. */
const GRID = 1e7;

/** Where most tests happen. */
export const HOME: Place = { lat: 37.7749, lng: -122.4194 };

/** `from`, moved by metres, on the grid of 7 decimals. Good for some 100 km away from the poles. */
export function offset(from: Place, move: { northM?: number; eastM?: number }): Place {
  const lat = from.lat + (move.northM ?? 0) / DEGREE_M;
  const lng = from.lng + (move.eastM ?? 0) / (DEGREE_M * Math.cos(from.lat * RADIANS));
  return onGrid({ lat, lng: lng > 180 ? lng - 360 : lng < -180 ? lng + 360 : lng });
}

export function onGrid(place: Place): Place {
  return { lat: Math.round(place.lat * GRID) / GRID, lng: Math.round(place.lng * GRID) / GRID };
}

/** Great-circle metres by the angle between two unit vectors (atan2 of cross and dot product), not by haversine. */
export function metresBetween(a: Place, b: Place): number {
  const [ax, ay, az] = unitVector(a);
  const [bx, by, bz] = unitVector(b);
  const cross = Math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx);
  return EARTH_RADIUS_M * Math.atan2(cross, ax * bx + ay * by + az * bz);
}

function unitVector(place: Place): [number, number, number] {
  const lat = place.lat * RADIANS;
  const lng = place.lng * RADIANS;
  return [Math.cos(lat) * Math.cos(lng), Math.cos(lat) * Math.sin(lng), Math.sin(lat)];
}

/**
 * A place whose distance from `from` lies strictly between the two figures, as near to the first as the grid allows.
 * One grid step is about 11 mm, so a window of 20 mm always holds one.
 */
export function placeAtBetween(from: Place, lowM: number, highM: number): Place {
  const start = offset(from, { northM: lowM - 0.05 });
  for (let step = 0; step < 40; step += 1) {
    const place = onGrid({ lat: start.lat + step / GRID, lng: start.lng });
    const metres = metresBetween(from, place);
    if (metres > lowM && metres < highM) {
      return place;
    }
  }
  throw new Error(`no place of 7 decimals is between ${lowM} and ${highM} m from ${from.lat},${from.lng}`);
}
