import { createRemoteJWKSet, customFetch, errors } from "jose";
import type { FetchImplementation, JWTVerifyGetKey } from "jose";
import { logError } from "../observe/log.ts";
import type { AuthSettings } from "../settings.ts";

/** Reads a clock, ms since the epoch. */
export type Clock = () => number;

/**
 * After a failed fetch of the keys no other one is tried for so long: while the host app's endpoint is down, a crowd
 * that reconnects must not hammer it with one request per token.
 */
export const KEYS_RETRY_AFTER_S = 5;

/** A key endpoint that is silent for so long counts as down; phones give up on a connect a little later. */
const KEYS_TIMEOUT_MS = 5000;

/** The keys could not be had, so nothing can be said about a token. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

type JwksSettings = Extract<AuthSettings, { kind: "jwks" }>;

const resolvers = new WeakMap<JwksSettings, JWTVerifyGetKey>();

/** The keys behind the configured URL: fetched when first needed, kept 10 minutes, fetched again for an unknown `kid`. */
export function remoteKeys(auth: JwksSettings): JWTVerifyGetKey {
  let resolver = resolvers.get(auth);
  if (resolver === undefined) {
    resolver = createRemoteKeys(auth.url, (url, options) => fetch(url, options), Date.now);
    resolvers.set(auth, resolver);
  }
  return resolver;
}

/**
 * A resolver of verification keys.
 *
 * @param fetchKeys gets the key set, `now` times the pause after a failure; tests pass their own
 * @returns throws KeysUnavailable when the set cannot be fetched or read, a `jose` error when the token names no key of it
 */
export function createRemoteKeys(url: URL, fetchKeys: FetchImplementation, now: Clock): JWTVerifyGetKey {
  let retryAtMs = 0;
  const remote = createRemoteJWKSet(url, {
    timeoutDuration: KEYS_TIMEOUT_MS,
    [customFetch]: (...args) => {
      if (now() < retryAtMs) return Promise.reject(new KeysUnavailable("the last fetch of the keys failed"));
      return fetchKeys(...args);
    },
  });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      if (error instanceof KeysUnavailable) throw error;
      retryAtMs = now() + KEYS_RETRY_AFTER_S * 1000;
      logError("keys_unavailable", { setting: "AUTH_JWKS_URL", error: String(error) });
      throw new KeysUnavailable("the keys cannot be fetched", { cause: error });
    }
  };
}

/** Whether looking up the key failed because of what the token asks for; all else is the key endpoint's doing. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
