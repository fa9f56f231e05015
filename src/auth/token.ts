import { errors, jwtVerify, SignJWT } from "jose";
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from "jose";
import { isUserId } from "../protocol/user-id.ts";
import type { AuthSettings } from "../settings.ts";
import type { Caller } from "./caller.ts";
import { KeysUnavailable, remoteKeys } from "./keys.ts";
import { cleanName, clipName, isAvatarUrl } from "./profile.ts";

export type { Caller } from "./caller.ts";

/**
 * What a token is worth. `refused` is the client's fault (401, `bad_token`); `unavailable` is nobody's in this
 * exchange: the host app's keys could not be fetched, and the same token may be good in a moment (503).
 */
export type Verdict =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly kind: "refused" | "unavailable"; readonly reason: string };

/** Public-key algorithms that a key set may be used with. No HMAC among them: a public key is no secret. */
const PUBLIC_KEY_ALGORITHMS = ["RS256", "ES256", "EdDSA"];

/** The compact form (RFC 7515, 7.1). Everything else is refused before a library looks at it. */
const COMPACT_FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** The last moment that a `Date` can hold, ms: a later `exp` would turn into NaN or null on its way. */
const DATE_MAX_MS = 8.64e15;

/**
 * Checks signature, algorithm, `exp`, `nbf`, `iss` and `aud` (where configured) and the user id of a JWT. The algorithm
 * comes from the settings, never from the token.
 *
 * @param nowMs the server's clock, ms since the epoch
 * @param keys only for tests: instead of the key set behind `AUTH_JWKS_URL`
 */
export async function verifyToken(
  token: string,
  auth: AuthSettings,
  nowMs: number,
  keys?: JWTVerifyGetKey,
): Promise<Verdict> {
  if (!COMPACT_FORM.test(token)) return refused("the token is not a signed JWT");
  const options: JWTVerifyOptions = {
    requiredClaims: ["exp", "sub"],
    currentDate: new Date(nowMs),
    ...(auth.issuer === undefined ? {} : { issuer: auth.issuer }),
    ...(auth.audience === undefined ? {} : { audience: auth.audience }),
  };
  try {
    if (auth.kind === "hs256") return callerOf(await verifyWithSecrets(token, auth.secrets, options));
    const resolver = keys ?? remoteKeys(auth);
    const { payload } = await jwtVerify(token, resolver, { ...options, algorithms: PUBLIC_KEY_ALGORITHMS });
    return callerOf(payload);
  } catch (error) {
    if (error instanceof KeysUnavailable) {
      return { ok: false, kind: "unavailable", reason: "the keys to check the token with cannot be had right now" };
    }
    if (error instanceof errors.JOSEError) return refused(sentenceFor(error));
    throw error;
  }
}

/** Every secret of the list verifies, so that the host app can move to a new one without logging anybody out. */
async function verifyWithSecrets(
  token: string,
  secrets: readonly Uint8Array[],
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  let failure: unknown;
  for (const secret of secrets) {
    try {
      const { payload } = await jwtVerify(token, secret, { ...options, algorithms: ["HS256"] });
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      failure = error;
    }
  }
  throw failure;
}

function callerOf(claims: JWTPayload): Verdict {
  const user: unknown = claims.sub;
  if (typeof user !== "string" || !isUserId(user)) {
    return refused('the token\'s "sub" is not a user id: 1 to 64 of A-Z a-z 0-9 . _ : @ -');
  }
  const expMs = Math.floor((claims.exp ?? Number.NaN) * 1000);
  if (!(expMs <= DATE_MAX_MS)) return refused('the token\'s "exp" is out of range');
  const role = claims["role"] === "admin" ? { role: "admin" as const } : {};
  return { ok: true, caller: { user, expMs, ...role, ...profileOf(claims) } };
}

/** What the token says about the person. It decorates; a host app that gets it wrong must not lock its users out. */
function profileOf(claims: JWTPayload): Pick<Caller, "name" | "picture"> {
  const { name, picture } = claims;
  const clean = typeof name === "string" ? cleanName(name) : undefined;
  return {
    ...(clean === undefined ? {} : { name: clipName(clean) }),
    ...(typeof picture === "string" && isAvatarUrl(picture) ? { picture } : {}),
  };
}

function refused(reason: string): Verdict {
  return { ok: false, kind: "refused", reason };
}

/** A sentence for the client's developer. Written here: a library's text may quote the token. */
function sentenceFor(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    return CLAIMS_CHECKED.has(error.claim)
      ? `the token's "${error.claim}" is missing or not accepted`
      : "a claim of the token is not accepted";
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "the token's algorithm is not the one configured here";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is wrong";
  if (error instanceof errors.JWKSNoMatchingKey) return "the token is signed with a key that is not in the key set";
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'several keys fit the token: it needs a "kid"';
  return "the token is not a signed JWT";
}

const CLAIMS_CHECKED: ReadonlySet<string> = new Set(["exp", "nbf", "iat", "iss", "aud", "sub"]);

export interface TokenSubject {
  readonly user: string;
  readonly name?: string;
  readonly role?: "admin";
}

/**
 * Signs a token that `verifyToken` accepts under the same settings, with the first secret.
 *
 * @param at `nowMs` is the clock, `lifetimeS` how long the token is good for
 * @returns the JWT and its end, ms since the epoch
 */
export async function signToken(
  auth: Extract<AuthSettings, { kind: "hs256" }>,
  subject: TokenSubject,
  at: { readonly nowMs: number; readonly lifetimeS: number },
): Promise<{ token: string; expMs: number }> {
  if (!isUserId(subject.user)) throw new RangeError("the subject of a token must be a user id");
  const nowS = Math.floor(at.nowMs / 1000);
  const expS = nowS + at.lifetimeS;
  const { user, ...claims } = subject;
  const jwt = new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(user)
    .setIssuedAt(nowS)
    .setExpirationTime(expS);
  if (auth.issuer !== undefined) jwt.setIssuer(auth.issuer);
  if (auth.audience !== undefined) jwt.setAudience(auth.audience);
  return { token: await jwt.sign(auth.secrets[0]), expMs: expS * 1000 };
}
