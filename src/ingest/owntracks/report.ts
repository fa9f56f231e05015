import * as v from "valibot";

import { FixSchema, isTooFarAhead } from "../../protocol/fix.ts";
import type { Fix } from "../../protocol/fix.ts";
import { HEADING_MAX_DEG, POINTS_PER_FRAME_MAX } from "../../protocol/limits.ts";

/** What OwnTracks sent, as far as it can be used. */
export interface OwnTracksReport {
  readonly points: readonly Fix[];
  /** Parts that nobody can use. */
  readonly invalid: number;
  /** What the phone calls its own user. */
  readonly tid?: string;
}

const KMH_PER_MS = 3.6;

const NOTHING: OwnTracksReport = { points: [], invalid: 0 };
const JUNK: OwnTracksReport = { points: [], invalid: 1 };

/**
 * The message of a body, or undefined for what is no JSON. A body may be empty: the app says so that a friend was removed
 * from its list.
 */
export function parseMessage(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return null;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** Whether this is an envelope that has to be opened first. */
export function isEncrypted(message: unknown): message is { _type: "encrypted"; data: string } {
  return isObject(message) && message["_type"] === "encrypted" && typeof message["data"] === "string";
}

/**
 * The positions of a message (https://owntracks.org/booklet/tech/json/). Messages of other types are good and say nothing
 * here; a list is several messages, as the project's recorder takes it.
 *
 * @param message `null` for an empty body, undefined for one that cannot be read
 * @param nowMs the server's clock, ms since the epoch
 */
export function readOwnTracks(message: unknown, nowMs: number): OwnTracksReport {
  if (message === null) return NOTHING;
  if (Array.isArray(message)) {
    if (message.length > POINTS_PER_FRAME_MAX) return JUNK;
    const all = message.map((part) => (Array.isArray(part) || part === null ? JUNK : readOwnTracks(part, nowMs)));
    const tid = all.find((each) => each.tid !== undefined)?.tid;
    return {
      points: all.flatMap(({ points }) => points),
      invalid: all.reduce((sum, { invalid }) => sum + invalid, 0),
      ...(tid === undefined ? {} : { tid }),
    };
  }
  if (!isObject(message) || typeof message["_type"] !== "string") return JUNK;
  // Sealed with a key that is not known here, or twice.
  if (message["_type"] === "encrypted") return JUNK;
  return message["_type"] === "location" ? readLocation(message, nowMs) : NOTHING;
}

function readLocation(message: Readonly<Record<string, unknown>>, nowMs: number): OwnTracksReport {
  const { lat, lon, tst, acc, vel, cog, tid } = message;
  const parsed = v.safeParse(FixSchema, {
    lat,
    lng: lon,
    ts: typeof tst === "number" && Number.isSafeInteger(tst) ? tst * 1000 : undefined,
    accuracy: quantity(acc),
    speed: quantity(vel, KMH_PER_MS),
    heading: typeof cog === "number" && cog <= HEADING_MAX_DEG ? quantity(cog) : undefined,
  });
  if (!parsed.success || isTooFarAhead(parsed.output.ts, nowMs)) return JUNK;
  return { points: [parsed.output], invalid: 0, ...(typeof tid === "string" ? { tid } : {}) };
}

/** Undefined where the app says that it does not know, which is -1. */
function quantity(value: unknown, divisor = 1): number | undefined {
  return typeof value === "number" && value >= 0 ? value / divisor : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
