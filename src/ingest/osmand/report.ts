import * as v from "valibot";

import { FixSchema, isTooFarAhead } from "../../protocol/fix.ts";
import type { Fix } from "../../protocol/fix.ts";
import { HEADING_MAX_DEG, POINTS_PER_FRAME_MAX } from "../../protocol/limits.ts";
import { readTime } from "./time.ts";

/** A request as it came in. */
export interface OsmAndRequest {
  readonly query: URLSearchParams;
  /** Media type in lower case, without parameters. */
  readonly contentType: string;
  /** Undefined for one that is too long or no text. */
  readonly body: string | undefined;
}

export interface OsmAndReport {
  /** What the app sends as its identifier, which here is its password. */
  readonly id?: string;
  readonly points: readonly Fix[];
  /** Parts that nobody can use. */
  readonly invalid: number;
}

type Fields = Readonly<Record<string, unknown>>;

const FORM_TYPE = "application/x-www-form-urlencoded";
const MS_PER_KNOT = 1852 / 3600;
/** Plain decimals: `Number` also takes "" and "0x10". */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * What Traccar Client and other senders of the OsmAnd protocol say, in any of its four shapes: parameters of the address, a
 * form, the JSON of Traccar Client 9, and a list of flat JSON objects.
 *
 * @param nowMs the server's clock, ms since the epoch; the time of a position that has none
 */
export function readOsmAnd({ query, contentType, body }: OsmAndRequest, nowMs: number): OsmAndReport {
  const address = Object.fromEntries(query);
  const addressId = idOf(address);
  const own = addressId === undefined ? {} : { id: addressId };
  if (body === undefined) return { ...own, points: [], invalid: 1 };
  const text = body.trim();
  if (text === "") return { ...own, ...readOne(address, nowMs) };
  if (contentType === FORM_TYPE || !/^[[{]/.test(text)) {
    const form = { ...address, ...Object.fromEntries(new URLSearchParams(text)) };
    const id = addressId ?? idOf(form);
    return { ...(id === undefined ? {} : { id }), ...readOne(form, nowMs) };
  }
  const parsed = parse(text);
  const list: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  const id =
    addressId ?? list.map((part) => (isFields(part) ? idOf(part) : undefined)).find((one) => one !== undefined);
  return { ...(id === undefined ? {} : { id }), ...readList(list, id, nowMs) };
}

function readList(list: readonly unknown[], id: string | undefined, nowMs: number): Omit<OsmAndReport, "id"> {
  if (list.length > POINTS_PER_FRAME_MAX) return { points: [], invalid: 1 };
  const all = list.map((part) => {
    // The password of one device says nothing about another one.
    const isForeign = isFields(part) && (idOf(part) ?? id) !== id;
    if (!isFields(part) || isForeign) return { points: [], invalid: 1 };
    return isFields(part["location"]) ? readOne(flatten(part["location"]), nowMs) : readOne(part, nowMs);
  });
  return {
    points: all.flatMap(({ points }) => points),
    invalid: all.reduce((sum, { invalid }) => sum + invalid, 0),
  };
}

/** The JSON of Traccar Client 9, in the names of the flat form; its speed is in m/s, and -1 is "unknown". */
function flatten({ timestamp, coords }: Fields): Fields {
  if (!isFields(coords)) return {};
  const { latitude, longitude, accuracy, speed, heading } = coords;
  const knots = typeof speed === "number" ? speed / MS_PER_KNOT : undefined;
  return { lat: latitude, lon: longitude, timestamp, accuracy, speed: knots, heading };
}

function readOne(fields: Fields, nowMs: number): { points: readonly Fix[]; invalid: number } {
  const [lat, lng] = placeOf(fields);
  // A token for messages to the app, an alarm, a cell: nothing is wrong with a post that has no position.
  if (lat === undefined && lng === undefined) return { points: [], invalid: 0 };
  const { timestamp, valid } = fields;
  const parsed = v.safeParse(FixSchema, {
    lat,
    lng,
    ts: isGiven(timestamp) ? readTime(String(timestamp)) : nowMs,
    accuracy: quantity(fields["accuracy"]),
    speed: quantity(fields["speed"], MS_PER_KNOT),
    heading: headingOf(fields["bearing"]) ?? headingOf(fields["heading"]),
  });
  const isFix = !isGiven(valid) || String(valid) === "true" || String(valid) === "1";
  if (!parsed.success || !isFix || isTooFarAhead(parsed.output.ts, nowMs)) return { points: [], invalid: 1 };
  return { points: [parsed.output], invalid: 0 };
}

/** NaN for what is there and is no number. */
function placeOf({ lat, lon, location }: Fields): [lat: number | undefined, lng: number | undefined] {
  if (isGiven(lat) || isGiven(lon)) return [toNumber(lat), toNumber(lon)];
  if (!isGiven(location)) return [undefined, undefined];
  const parts = String(location).split(",");
  return parts.length === 2 ? [toNumber(parts[0]), toNumber(parts[1])] : [Number.NaN, Number.NaN];
}

function quantity(value: unknown, factor = 1): number | undefined {
  const number = toNumber(value);
  return number >= 0 && Number.isFinite(number) ? number * factor : undefined;
}

function headingOf(value: unknown): number | undefined {
  const heading = quantity(value);
  return heading !== undefined && heading <= HEADING_MAX_DEG ? heading : undefined;
}

function toNumber(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && DECIMAL.test(value.trim()) ? Number(value) : Number.NaN;
}

function idOf({ id, deviceid, device_id }: Fields): string | undefined {
  return [id, deviceid, device_id]
    .filter(isGiven)
    .map(String)
    .find((text) => text !== "");
}

function isGiven(value: unknown): value is string | number | boolean {
  return (typeof value === "string" && value !== "") || typeof value === "number" || typeof value === "boolean";
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined for what is no JSON, which makes it one part that nobody can use. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
