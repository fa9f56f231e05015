import type { MiddlewareHandler } from "hono";

import type { UserObject } from "../../durable-objects/user/object.ts";
import { bearerToken } from "../auth/credentials.ts";
import { KEYS_RETRY_AFTER_S } from "../auth/keys.ts";
import { verifyToken } from "../auth/token.ts";
import type { Caller } from "../auth/token.ts";
import { logError } from "../observe/log.ts";
import { readSettings, SettingsError } from "../settings.ts";
import type { Settings } from "../settings.ts";
import { locationHint } from "./location-hint.ts";
import { problem, retryAfter } from "./problem.ts";

/** What every handler finds in its context. */
export interface ApiEnv {
  Bindings: Env;
  Variables: { settings: Settings; requestId: string };
}

/** The same behind `authenticated`. */
export interface CallerEnv {
  Bindings: Env;
  Variables: ApiEnv["Variables"] & { caller: Caller };
}

/** Bad settings that were logged: one line per isolate, not one per request. */
const logged = new WeakSet<SettingsError>();

/** Nothing is served without good settings: a service that lets anybody in, or nobody, must not look healthy. */
export const configured: MiddlewareHandler<ApiEnv> = async (c, next) => {
  try {
    c.set("settings", readSettings(c.env));
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    if (!logged.has(error)) {
      logged.add(error);
      logError("not_configured", { setting: error.setting, message: error.message });
    }
    return problem("not_configured", `The server is not set up: ${error.message}.`);
  }
  return next();
};

/** Checks the token before anything is done for the caller: a bad one never reaches a user's object. */
export const authenticated: MiddlewareHandler<CallerEnv> = async (c, next) => {
  const checked = await checkToken(bearerToken(c.req.raw.headers), c.var.settings);
  if (!checked.ok) return checked.response;
  c.set("caller", { ...checked.caller, requestId: c.var.requestId });
  return next();
};

export type Checked =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly response: Response };

/** The caller that a token stands for, or the 401 or 503 to answer with. */
export async function checkToken(token: string | undefined, settings: Settings): Promise<Checked> {
  if (token === undefined) return unauthorized("Send a token: Authorization: Bearer <JWT>.");
  const verdict = await verifyToken(token, settings.auth, Date.now());
  if (verdict.ok) return { ok: true, caller: verdict.caller };
  if (verdict.kind === "refused") return unauthorized(`Get a new token: ${verdict.reason}.`);
  // Not 401: every app would ask its own backend for new tokens, which are no better than the old ones.
  const headers = retryAfter(KEYS_RETRY_AFTER_S);
  return { ok: false, response: problem("unavailable", `Try again: ${verdict.reason}.`, { headers }) };
}

function unauthorized(detail: string): Checked {
  return { ok: false, response: problem("unauthorized", detail, { headers: { "www-authenticate": "Bearer" } }) };
}

/** The caller's own object, created near the caller if this is its first request. */
export function ownObject(c: { env: Env; req: { raw: Request } }, user: string): DurableObjectStub<UserObject> {
  const hint = locationHint(c.req.raw.cf);
  return c.env.USER.getByName(user, hint === undefined ? {} : { locationHint: hint });
}
