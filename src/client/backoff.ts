import type { CLOSE } from "../protocol/errors.ts";

/** The codes are repeated as numbers, and held against the table by their types: the table's texts stay out of bundles. */
type CloseCode<K extends keyof typeof CLOSE> = (typeof CLOSE)[K];

/** Upper bound of the first wait before a reconnect. */
export const RETRY_FIRST_MS = 500;

/** No wait grows beyond it: after an outage every client is back within half a minute. */
export const RETRY_LONGEST_MS = 30_000;

/**
 * Shortest wait after the server refused what this client sends. A client with a bug would otherwise send the same
 * frames again at once, and its user's object would be billed for every round.
 */
export const RETRY_AFTER_REFUSAL_MS = 30_000;

/** Closes that reconnecting cannot heal: another connection took this one's place, or the account is gone. */
const FINAL_CODES: readonly number[] = [4409, 4410] satisfies CloseCode<"replaced" | "deleted">[];

/** Closes that say: what you send is wrong. */
const REFUSAL_CODES: readonly number[] = [1003, 1008, 1009] satisfies CloseCode<"binary" | "policy" | "tooBig">[];

/** True when a close with this code must not be followed by a reconnect. */
export function isFinalClose(closeCode: number): boolean {
  return FINAL_CODES.includes(closeCode);
}

/** True when the server refused what this client sends: nothing makes the wait shorter. */
export function isRefusal(closeCode: number): boolean {
  return REFUSAL_CODES.includes(closeCode);
}

/**
 * Milliseconds to wait before the next attempt, "full jitter": uniform in [0, bound) with a bound that doubles. A
 * restart drops every socket in the same second; anything but a full spread would bring all of them back together.
 *
 * @param closeCode of the connection that ended; 1006 when it never opened
 * @param reason of the close: that of a planned restart ends with the seconds over which clients are to spread
 * @param failures attempts in a row that led to no lasting connection, from 0
 * @param random in [0, 1)
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function retryDelayMs(closeCode: number, failures: number, random: number, reason = ""): number {
  const spreadMs = Number(/(\d+) s$/.exec(reason)?.[1] ?? 0) * 1000;
  const boundMs = Math.min(RETRY_LONGEST_MS, Math.max(spreadMs, RETRY_FIRST_MS * 2 ** failures));
  if (isRefusal(closeCode)) return RETRY_AFTER_REFUSAL_MS + random * RETRY_LONGEST_MS;
  return random * boundMs;
}
