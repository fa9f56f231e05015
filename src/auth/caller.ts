/** Who is calling, as a verified token says. Plain data: it travels to the user's object. */
export interface Caller {
  /** A user id (`isUserId`). */
  readonly user: string;
  /** When the token ends, ms since the epoch; the socket is closed with 4401 then. */
  readonly expMs: number;
  readonly role?: "admin";
  /** What the host app calls the user: 1 to `NAME_MAX_CHARS` characters, trimmed, printable. */
  readonly name?: string;
  /** https URL of at most `AVATAR_MAX_CHARS` characters. */
  readonly picture?: string;
  /** Not of the token: what the log calls the request that the caller has made. */
  readonly requestId?: string;
}

/** Headers with which the Worker hands a socket to the user's object. Nothing that a client sent is passed on. */
export const CALLER_HEADER = "x-nearby-caller";
export const DEVICE_HEADER = "x-nearby-device";
/** In place of a caller: the id of the share that a viewer holds the code of. */
export const SHARE_HEADER = "x-nearby-share";

/** What stands in `CALLER_HEADER`. @throws when it is no caller, which only a bug in the Worker can cause */
export function readCaller(header: string | null): Caller {
  const value: unknown = JSON.parse(header ?? "null");
  if (isCaller(value)) return value;
  throw new Error("the Worker hands over a socket without the caller it has verified");
}

function isCaller(value: unknown): value is Caller {
  if (typeof value !== "object" || value === null || !("user" in value) || !("expMs" in value)) return false;
  return typeof value.user === "string" && typeof value.expMs === "number";
}
