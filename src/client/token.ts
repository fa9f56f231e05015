/** Before the end of a token a new one is asked for: time for a login service that is slow, or fails once. */
const RENEW_BEFORE_MS = 60_000;

/** Short tokens are renewed when so much of what is left has passed. */
const RENEW_AT_SHARE = 0.8;

/** With less than this left the end is awaited: the server closes with 4401, and the next connection asks anyway. */
const RENEW_LEFT_MIN_MS = 1_000;

/**
 * When a JWT expires, ms since the epoch by the server's clock; NaN where that cannot be read (another kind of token, or
 * no `atob`): then 4401 says when a new one is needed. Nothing is verified here, the server does that.
 */
export function expiryMs(token: string): number {
  try {
    const payload = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const { exp }: { readonly exp?: unknown } = JSON.parse(atob(payload));
    return Number(exp) * 1000;
  } catch {
    return Number.NaN;
  }
}

/** How long to wait before a new token is asked for, or undefined when it is too late for that, or not known. */
export function renewInMs(leftMs: number): number | undefined {
  return leftMs > RENEW_LEFT_MIN_MS ? Math.max(leftMs * RENEW_AT_SHARE, leftMs - RENEW_BEFORE_MS) : undefined;
}
