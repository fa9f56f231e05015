/** First wait of a message that could not be handled: a sink that restarts is back within half a minute. */
const RETRY_FIRST_S = 30;

/**
 * Longest wait. With the 10 retries of wrangler.toml a message waits 4 h in all before it is a dead letter, which an
 * outage rarely outlasts; with a longer one, points would arrive hours after the outage has ended.
 */
export const RETRY_MAX_S = 3_600;

/** Error texts in a log line end here: a driver's message may quote a whole statement. */
const ERROR_TEXT_MAX_CHARS = 200;

/** Seconds until a message comes again. @param attempts how often it was delivered, 1 at first */
export function retryDelayS(attempts: number): number {
  return Math.min(RETRY_FIRST_S * 2 ** (attempts - 1), RETRY_MAX_S);
}

/** What went wrong, short enough for a log line. */
export function errorText(error: unknown): string {
  return String(error).slice(0, ERROR_TEXT_MAX_CHARS);
}
