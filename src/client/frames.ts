/**
 * Text frames from the server, as messages. The server is trusted with the contents of its messages but not with their
 * existence: it may be newer than this client, so an unknown type or a shape that is not understood is left out.
 * No validator library: it would be most of the bundle.
 */
import type { Down, Friend } from "../protocol/down.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The messages that this client acts on. */
export type KnownDown = Extract<
  Down,
  { type: "welcome" | "nearby" | "friend" | "gone" | "saved" | "friendship" | "error" }
>;

/** The message of a frame, or undefined for one to ignore. */
export function readFrame(data: unknown): KnownDown | undefined {
  if (typeof data !== "string") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  return isFields(value) && isKnown(value) ? value : undefined;
}

const SHAPES: Record<KnownDown["type"], (fields: Fields) => boolean> = {
  welcome: (f) => isText(f["user"]) && areNumbers(f["radiusM"], f["inactiveAfterS"], f["updateEveryS"], f["now"]),
  nearby: (f) => Array.isArray(f["friends"]) && f["friends"].every(isFriend),
  friend: (f) => isFriend(f["friend"]),
  gone: (f) => isText(f["id"]) && isText(f["reason"]),
  saved: (f) => areNumbers(f["count"], f["through"]),
  friendship: (f) => isText(f["id"]) && isText(f["state"]),
  error: (f) => isText(f["code"]) && isText(f["message"]) && typeof f["fatal"] === "boolean",
};

function isKnown(value: Fields): value is Fields & KnownDown {
  const type = value["type"];
  return isKnownType(type) && SHAPES[type](value);
}

function isKnownType(type: unknown): type is KnownDown["type"] {
  return isText(type) && Object.hasOwn(SHAPES, type);
}

function isFriend(value: unknown): value is Friend {
  return (
    isFields(value) && isText(value["id"]) && areNumbers(value["lat"], value["lng"], value["ts"], value["distance"])
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function areNumbers(...values: unknown[]): boolean {
  return values.every(Number.isFinite);
}
