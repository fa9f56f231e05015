import { roundPlace, type Place } from "../geo/place.ts";
import type { Fix } from "../protocol/fix.ts";
import { HEADING_MAX_DEG, TS_MIN_MS } from "../protocol/limits.ts";

/** Where the user is: degrees of WGS 84; `ts` in ms since the epoch (default: now), metres, m/s, degrees from north. */
export interface Position extends Place {
  readonly ts?: number;
  readonly accuracy?: number;
  readonly speed?: number;
  readonly heading?: number;
}

/**
 * A position as it goes out: 7 decimals, known fields only, whole milliseconds. What the server refuses in one point
 * refuses the whole frame of a backlog, so it is found here. Receivers report an unknown accuracy, speed or heading as
 * null, NaN or -1: it is left out.
 *
 * @throws RangeError for coordinates that are not on the globe, and for a `ts` that is no time since the year 2000
 */
export function toFix(position: Position, nowMs: number): Fix {
  const { accuracy, speed, heading } = position;
  if (!(Math.abs(position.lat) <= 90 && Math.abs(position.lng) <= 180)) {
    throw new RangeError(`not a place on the globe: lat ${position.lat}, lng ${position.lng}`);
  }
  const ts = Math.round(position.ts ?? nowMs);
  if (!(Number.isSafeInteger(ts) && ts >= TS_MIN_MS)) {
    throw new RangeError(`not a time in milliseconds since 1970, from the year 2000 on: ts ${position.ts ?? nowMs}`);
  }
  const { lat, lng } = roundPlace(position);
  const fix: Fix = { lat, lng, ts };
  if (isWithin(accuracy, Number.MAX_VALUE)) fix.accuracy = accuracy;
  if (isWithin(speed, Number.MAX_VALUE)) fix.speed = speed;
  if (isWithin(heading, HEADING_MAX_DEG)) fix.heading = heading;
  return fix;
}

function isWithin(value: number | undefined, max: number): value is number {
  return typeof value === "number" && value >= 0 && value <= max;
}
