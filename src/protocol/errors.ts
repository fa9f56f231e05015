import { FRAME_MAX_BYTES, POINTS_PER_FRAME_MAX, RESTART_SPREAD_S } from "./limits.ts";
import type { ErrorDown } from "./messages/error.ts";

/** Every code that an `error` frame can carry. */
export const ERROR_CODE_LIST = [
  "bad_json",
  "bad_message",
  "bad_location",
  "bad_timestamp",
  "bad_token",
  "not_friends",
  "not_discoverable",
  "too_fast",
  "too_many_points",
  "internal",
] as const;

export type ErrorCode = (typeof ERROR_CODE_LIST)[number];

/**
 * When sending again can help: `never` (the same frame is refused again), `later` (slower, or after a moment),
 * `newToken` (with another token, on a new connection).
 */
export type Retry = "never" | "later" | "newToken";

export interface ErrorKind {
  /** Says what to do; the `message` of the frame unless a more exact one is known. */
  readonly sentence: string;
  /** The server closes the connection right after the error. */
  readonly fatal: boolean;
  readonly retry: Retry;
}

export const ERROR_CODES: Readonly<Record<ErrorCode, ErrorKind>> = {
  bad_json: { sentence: "Send one JSON object per text frame.", fatal: false, retry: "never" },
  bad_message: {
    sentence: "Send a message of this protocol: a known `type` with the fields that belong to it.",
    fatal: false,
    retry: "never",
  },
  bad_location: {
    sentence: "Send `lat` as a number from -90 to 90 and `lng` as a number from -180 to 180.",
    fatal: false,
    retry: "never",
  },
  bad_timestamp: {
    sentence: "Send `ts` as whole milliseconds since 1970, from the year 2000 on and at most 24 hours ahead.",
    fatal: false,
    retry: "never",
  },
  bad_token: { sentence: "Connect again with a valid token of the same user.", fatal: true, retry: "newToken" },
  not_friends: { sentence: "Only accepted friends can be subscribed to.", fatal: false, retry: "never" },
  not_discoverable: {
    sentence: "People who are not friends are shown only to who is discoverable too.",
    fatal: false,
    retry: "never",
  },
  too_fast: { sentence: "Send less often.", fatal: false, retry: "later" },
  too_many_points: {
    sentence: `Split the points into frames of at most ${POINTS_PER_FRAME_MAX}.`,
    fatal: false,
    retry: "never",
  },
  internal: { sentence: "The server failed; send again later.", fatal: false, retry: "later" },
};

/** Why the server closes a connection. */
export const CLOSE = {
  binary: 1003,
  policy: 1008,
  tooBig: 1009,
  restart: 1012,
  tokenExpired: 4401,
  replaced: 4409,
  deleted: 4410,
  disconnected: 4411,
  shareEnded: 4404,
} as const;

export type CloseKind = keyof typeof CLOSE;

/** Reason text beside each code of `CLOSE`. A close frame holds at most 123 bytes of it (RFC 6455, 5.5.1). */
export const CLOSE_REASON: Readonly<Record<CloseKind, string>> = {
  binary: "text frames only",
  policy: "too many refused frames",
  tooBig: `frame over ${FRAME_MAX_BYTES} bytes`,
  restart: `restarting, connect again within ${RESTART_SPREAD_S} s`,
  tokenExpired: "token expired, get a new one",
  replaced: "replaced by another connection, do not reconnect",
  deleted: "account deleted, do not reconnect",
  disconnected: "disconnected by an operator",
  shareEnded: "this share has ended",
};

export interface ErrorDetails {
  /** Instead of the sentence of the code. Never repeats what the client sent. */
  message?: string | undefined;
  /** `ref` of the message that caused it. */
  ref?: number | undefined;
  /** Index of the bad point of a `locations` frame. */
  index?: number | undefined;
}

/** The `error` frame for a code. */
export function errorDown(code: ErrorCode, details: ErrorDetails = {}): ErrorDown {
  const { sentence, fatal } = ERROR_CODES[code];
  const { message = sentence, ref, index } = details;
  return {
    type: "error",
    code,
    message,
    fatal,
    ...(ref === undefined ? undefined : { ref }),
    ...(index === undefined ? undefined : { index }),
  };
}
