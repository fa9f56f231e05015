/** What travels on a user's channel, and what stands in the cache under the user's key. */

/** A live position as servers know it. */
export interface Position {
  readonly lat: number;
  readonly lng: number;
  /** When the user was there, ms; never ahead of `atMs`. */
  readonly ts: number;
  /** When a server took it, ms: activity is counted from here. */
  readonly atMs: number;
  /** Too inaccurate to be shown as it is. */
  readonly rough: boolean;
}

/** News of the user whose channel it is on. `origin` is the server process that says it: it has acted on it already. */
export type Notice =
  | { readonly kind: "position"; readonly origin: string; readonly position: Position }
  /** The profile is another one: read it again. */
  | { readonly kind: "profile"; readonly origin: string }
  /** The friendship with `friend` is another one: read it again. */
  | { readonly kind: "edge"; readonly origin: string; readonly friend: string; readonly state?: EdgeState }
  /** A client has connected to that server at `atMs`; each of its connections there was last heard at one of `heard`, ms. */
  | {
      readonly kind: "opened";
      readonly origin: string;
      readonly device?: string;
      readonly atMs: number;
      readonly heard: readonly number[];
    }
  /** Another server's answer to it. */
  | { readonly kind: "open"; readonly origin: string; readonly heard: readonly number[] };

/** Said to the clients, too. */
export type EdgeState = "incoming" | "friend" | "removed";

/** A position is written out: it is the one thing here that is said often. */
export function encodePosition(origin: string, { lat, lng, ts, atMs, rough }: Position): string {
  return `{"kind":"position","origin":"${origin}","lat":${lat},"lng":${lng},"ts":${ts},"atMs":${atMs},"rough":${rough}}`;
}

export function encodeNotice(notice: Exclude<Notice, { kind: "position" }>): string {
  return JSON.stringify(notice);
}

/** @returns undefined for what no server of this version says; by hand, because it is done for each position delivered */
export function decodeNotice(text: string): Notice | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("kind" in value) || !("origin" in value)) return undefined;
  const { kind, origin } = value;
  if (typeof origin !== "string") return undefined;
  if (kind === "position") {
    const position = toPosition(value);
    return position && { kind, origin, position };
  }
  if (kind === "profile") return { kind, origin };
  if (kind === "opened" || kind === "open") {
    const heard = "heard" in value && Array.isArray(value.heard) ? value.heard.filter(isNumber) : [];
    const device = "device" in value && typeof value.device === "string" ? { device: value.device } : undefined;
    if (kind === "open") return { kind, origin, heard };
    return "atMs" in value && isNumber(value.atMs) ? { kind, origin, atMs: value.atMs, heard, ...device } : undefined;
  }
  if (kind !== "edge" || !("friend" in value) || typeof value.friend !== "string") return undefined;
  const state = "state" in value ? value.state : undefined;
  const isState = state === "incoming" || state === "friend" || state === "removed";
  return { kind, origin, friend: value.friend, ...(isState ? { state } : undefined) };
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function toPosition(value: object): Position | undefined {
  if (!("lat" in value && "lng" in value && "ts" in value && "atMs" in value && "rough" in value)) return undefined;
  const { lat, lng, ts, atMs, rough } = value;
  if (typeof lat !== "number" || typeof lng !== "number" || typeof ts !== "number") return undefined;
  if (typeof atMs !== "number" || typeof rough !== "boolean") return undefined;
  return { lat, lng, ts, atMs, rough };
}
