import * as v from "valibot";

import { roundPlace } from "../geo/place.ts";
import { HEADING_MAX_DEG, TS_AHEAD_MAX_MS, TS_MIN_MS } from "./limits.ts";

export const LatSchema = v.pipe(v.number(), v.minValue(-90), v.maxValue(90));
export const LngSchema = v.pipe(v.number(), v.minValue(-180), v.maxValue(180));
export const TsSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(TS_MIN_MS));

/** Fields of a point on the wire. Browsers' Geolocation reports an unknown accuracy, speed or heading as null. */
export const FIX_ENTRIES = {
  lat: LatSchema,
  lng: LngSchema,
  ts: TsSchema,
  accuracy: v.nullish(v.pipe(v.number(), v.finite(), v.minValue(0))),
  speed: v.nullish(v.pipe(v.number(), v.finite(), v.minValue(0))),
  heading: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(HEADING_MAX_DEG))),
};

const WireFixSchema = v.object(FIX_ENTRIES);

type WireFix = v.InferOutput<typeof WireFixSchema>;

/**
 * One point: where the phone was (degrees of WGS 84, 7 decimals) at `ts` (ms since the epoch, by the phone's clock),
 * with `accuracy` in metres, `speed` in m/s and `heading` in degrees clockwise from north where known.
 */
export interface Fix {
  lat: number;
  lng: number;
  ts: number;
  accuracy?: number;
  speed?: number;
  heading?: number;
}

/** A checked point in its stored form: 7 decimals, nulls left out. */
export function toFix(wire: WireFix): Fix {
  const { lat, lng } = roundPlace(wire);
  const fix: Fix = { lat, lng, ts: wire.ts };
  if (typeof wire.accuracy === "number") fix.accuracy = wire.accuracy;
  if (typeof wire.speed === "number") fix.speed = wire.speed;
  if (typeof wire.heading === "number") fix.heading = wire.heading;
  return fix;
}

/** A point as it comes in; its output is a `Fix`. Whether `ts` is too far ahead needs a clock: `isTooFarAhead`. */
export const FixSchema = v.pipe(WireFixSchema, v.transform(toFix));

/** Whether `ts` is further in the future than a wrong clock explains. */
export function isTooFarAhead(ts: number, nowMs: number): boolean {
  return ts > nowMs + TS_AHEAD_MAX_MS;
}
