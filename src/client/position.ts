import { roundPlace, type Place } from "../geo/place.ts";
import type { Fix } from "../protocol/fix.ts";
import { HEADING_MAX_DEG, TS_MIN_MS } from "../protocol/limits.ts";

/**
 * Where the user is: degrees of WGS 84; `ts` in ms since the epoch (default: now, by the server's clock once it is known),
 * metres, m/s, degrees from north.
 */
export interface Position extends Place {
  readonly ts?: number;
  readonly accuracy?: number;
  readonly speed?: number;
  readonly heading?: number;
}

const OPTIONAL_FIELDS = ["accuracy", "speed", "heading"] as const;

/**
 * A position as it goes out: 7 decimals, known fields only, whole milliseconds. What the server refuses in one point
 * refuses the whole frame of a backlog, so it is found here. Receivers report an unknown accuracy, speed or heading as
 * null, NaN or -1: it is left out.
 *
 * @throws RangeError for coordinates that are not on the globe, and for a `ts` that is no time since the year 2000
 */
export function toFix(position: Position, nowMs: number): Fix {
  if (!(Math.abs(position.lat) <= 90 && Math.abs(position.lng) <= 180)) {
    throw new RangeError(`no place: ${position.lat},${position.lng}`);
  }
  const ts = Math.round(position.ts ?? nowMs);
  if (!(Number.isSafeInteger(ts) && ts >= TS_MIN_MS)) {
    throw new RangeError(`no time in ms: ${position.ts ?? nowMs}`);
  }
  const { lat, lng } = roundPlace(position);
  const fix: Fix = { lat, lng, ts };
  for (const field of OPTIONAL_FIELDS) {
    const value = position[field];
    const max = field === "heading" ? HEADING_MAX_DEG : Number.MAX_VALUE;
    if (typeof value === "number" && value >= 0 && value <= max) fix[field] = value;
  }
  return fix;
}
