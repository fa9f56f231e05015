import * as v from "valibot";

import { errorDown } from "./errors.ts";
import type { ErrorCode, ErrorDetails } from "./errors.ts";
import { isTooFarAhead } from "./fix.ts";
import type { Fix } from "./fix.ts";
import { POINTS_PER_FRAME_MAX, USER_ID_MAX_CHARS } from "./limits.ts";
import { DiscoverSchema } from "./messages/discover.ts";
import type { DiscoverUp } from "./messages/discover.ts";
import type { ErrorDown } from "./messages/error.ts";
import { LocationSchema } from "./messages/location.ts";
import type { LocationUp } from "./messages/location.ts";
import { LocationsSchema } from "./messages/locations.ts";
import type { LocationsUp } from "./messages/locations.ts";
import { SubscribeSchema } from "./messages/subscribe.ts";
import type { SubscribeUp } from "./messages/subscribe.ts";
import { TokenSchema } from "./messages/token.ts";
import type { TokenUp } from "./messages/token.ts";
import { UnsubscribeSchema } from "./messages/unsubscribe.ts";
import type { UnsubscribeUp } from "./messages/unsubscribe.ts";

export type { DiscoverUp, Fix, LocationUp, LocationsUp, SubscribeUp, TokenUp, UnsubscribeUp };

/** Every message from a client to the server. */
export type Up = LocationUp | LocationsUp | SubscribeUp | UnsubscribeUp | DiscoverUp | TokenUp;

export type Decoded = { ok: true; message: Up } | { ok: false; error: ErrorDown };

/** One schema per `type`, so that a frame is held against its own only. A Map: `constructor` is not a type. */
const SCHEMAS: ReadonlyMap<unknown, v.GenericSchema<unknown, Up>> = new Map<unknown, v.GenericSchema<unknown, Up>>([
  ["location", LocationSchema],
  ["locations", LocationsSchema],
  ["subscribe", SubscribeSchema],
  ["unsubscribe", UnsubscribeSchema],
  ["discover", DiscoverSchema],
  ["token", TokenSchema],
]);

interface Fault {
  readonly code: ErrorCode;
  readonly message?: string;
}

/** What a wrong or missing field means. The texts never repeat what was sent. */
const FAULTS: ReadonlyMap<unknown, Fault> = new Map<unknown, Fault>([
  ["lat", { code: "bad_location" }],
  ["lng", { code: "bad_location" }],
  ["ts", { code: "bad_timestamp" }],
  ["accuracy", { code: "bad_message", message: "Send `accuracy` as metres of at least 0, or leave it out." }],
  ["speed", { code: "bad_message", message: "Send `speed` as metres per second of at least 0, or leave it out." }],
  ["heading", { code: "bad_message", message: "Send `heading` as degrees from 0 to 360, or leave it out." }],
  ["points", { code: "bad_message", message: `Send \`points\` as a list of 1 to ${POINTS_PER_FRAME_MAX} points.` }],
  [
    "friend",
    {
      code: "bad_message",
      message: `Send \`friend\` as a user id: 1 to ${USER_ID_MAX_CHARS} of A-Z a-z 0-9 . _ : @ -`,
    },
  ],
  ["on", { code: "bad_message", message: "Send `on` as true or false." }],
  ["token", { code: "bad_message", message: "Send `token` as a text." }],
]);

const ABORT_EARLY = { abortEarly: true } as const;

/**
 * The one place where bytes of a client become a message.
 *
 * @param nowMs the server's clock, ms since the epoch; decides whether a `ts` is too far ahead
 * @returns the message with positions on 7 decimals and unknown fields dropped, or the `error` frame to answer with:
 *   `bad_json`, `bad_message`, `bad_location`, `bad_timestamp` or `too_many_points`. Never throws.
 */
export function decodeUp(text: string, nowMs: number): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse("bad_json");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse("bad_message", { message: "Send a JSON object with a `type`." });
  }

  let ref: number | undefined;
  if ("ref" in value) {
    if (typeof value.ref !== "number" || !Number.isSafeInteger(value.ref)) {
      return refuse("bad_message", { message: "Send `ref` as an integer, or leave it out." });
    }
    ref = value.ref;
  }

  const schema = SCHEMAS.get("type" in value ? value.type : undefined);
  if (schema === undefined) {
    const known = "location, locations, subscribe, unsubscribe, discover, token";
    return refuse("bad_message", { message: `Send one of these as \`type\`: ${known}.`, ref });
  }
  const parsed = v.safeParse(schema, value, ABORT_EARLY);
  if (!parsed.success) return refuseIssue(parsed.issues[0], ref);

  const message = parsed.output;
  if (message.type === "location") {
    if (isTooFarAhead(message.ts, nowMs)) return refuse("bad_timestamp", { ref });
  } else if (message.type === "locations") {
    const index = message.points.findIndex((point) => isTooFarAhead(point.ts, nowMs));
    if (index !== -1) return refuse("bad_timestamp", { ref, index });
  }
  return { ok: true, message };
}

function refuseIssue(issue: v.BaseIssue<unknown>, ref: number | undefined): Decoded {
  if (issue.type === "max_length") return refuse("too_many_points", { ref });
  const path = issue.path ?? [];
  const position = path[1]?.key;
  const index = typeof position === "number" ? position : undefined;
  const fault = FAULTS.get(path.at(-1)?.key);
  // A point that is not an object at all: the path ends at its index.
  if (fault === undefined) return refuse("bad_message", { message: "Send each point as an object.", ref, index });
  return refuse(fault.code, { message: fault.message, ref, index });
}

function refuse(code: ErrorCode, details?: ErrorDetails): Decoded {
  return { ok: false, error: errorDown(code, details) };
}
