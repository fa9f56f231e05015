/**
 * Text frames from the server, as messages. The server is trusted with the contents of its messages but not with their
 * existence: it may be newer than this client, so an unknown type or a shape that is not understood is left out.
 * No validator library: it would be most of the bundle.
 */
import type { Down } from "../protocol/down.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The message of a frame, or undefined for one to ignore. */
export function readFrame(data: unknown): Down | undefined {
  if (typeof data !== "string") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  return isFields(value) && isKnown(value) ? value : undefined;
}

/** By example: an object has at least these fields, a list any number of such entries, anything else is of this type. */
const NEAR = { id: "", lat: 0, lng: 0, ts: 0, distance: 0 };
const SHAPES: Readonly<Record<string, Fields>> = {
  welcome: { user: "", radiusM: 0, inactiveAfterS: 0, updateEveryS: 0, now: 0 },
  nearby: { friends: [NEAR] },
  friend: { friend: NEAR },
  gone: { id: "", reason: "" },
  people: { people: [NEAR] },
  saved: { count: 0, through: 0 },
  friendship: { id: "", state: "" },
  error: { code: "", message: "", fatal: true },
} satisfies Record<Down["type"], Fields>;

function isKnown(value: Fields): value is Fields & Down {
  const { type } = value;
  return typeof type === "string" && Object.hasOwn(SHAPES, type) && fits(value, SHAPES[type]);
}

function fits(value: unknown, shape: unknown): boolean {
  if (Array.isArray(shape)) return Array.isArray(value) && value.every((entry) => fits(entry, shape[0]));
  if (isFields(shape)) return isFields(value) && Object.keys(shape).every((key) => fits(value[key], shape[key]));
  // 1e999 is JSON.
  return typeof value === typeof shape && value !== Infinity && value !== -Infinity;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
