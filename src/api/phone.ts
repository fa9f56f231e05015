import type { Context, ErrorHandler } from "hono";

import type { PhoneAnswer, PhoneReport, PhoneSource } from "../../durable-objects/user/rpc-types.ts";
import { deviceIdOf, openDevicePassword } from "../auth/device.ts";
import { KEYS_RETRY_AFTER_S } from "../auth/keys.ts";
import { verifyToken } from "../auth/token.ts";
import { logError } from "../observe/log.ts";
import type { Settings } from "../settings.ts";
import { ownObject } from "./context.ts";
import type { ApiEnv } from "./context.ts";
import { problem, retryAfter } from "./problem.ts";

/** Who a phone app says it is. */
export interface PhoneLogin {
  /** Where the app has a field for it; then it must be the password's own user. */
  readonly user?: string;
  /** A device password, or a token. */
  readonly password: string;
}

/** Whose report it is. */
export interface PhoneOwner {
  readonly user: string;
  readonly source: PhoneSource;
  /** Of a device password: what keys are made of. */
  readonly secret?: string;
}

export type Identified =
  | { readonly ok: true; readonly owner: PhoneOwner }
  | { readonly ok: false; readonly response: Response };

/** A guessed password is refused here; a revoked one only the user's object knows. */
export async function identify(login: PhoneLogin | undefined, settings: Settings): Promise<Identified> {
  if (login === undefined) return refused();
  const { user, password } = login;
  // A token has dots, a code has none.
  if (password.includes(".")) {
    const verdict = await verifyToken(password, settings.auth, Date.now());
    if (!verdict.ok && verdict.kind === "unavailable") {
      const headers = retryAfter(KEYS_RETRY_AFTER_S);
      return { ok: false, response: problem("unavailable", `Try again: ${verdict.reason}.`, { headers }) };
    }
    if (!verdict.ok || (user !== undefined && user !== verdict.caller.user)) return refused();
    return { ok: true, owner: { user: verdict.caller.user, source: { caller: verdict.caller } } };
  }
  const device = await openDevicePassword(settings.linkSecrets, password);
  if (device === null || (user !== undefined && user !== device.owner)) return refused();
  const id = await deviceIdOf(device.secret);
  return { ok: true, owner: { user: device.owner, source: { device: id }, secret: device.secret } };
}

/**
 * The one error that both apps show to their user. Anything else in 4xx would make one drop the message and the other stop
 * sending for good.
 */
export function badCredentials(): Response {
  return problem("unauthorized", "Check the user name and the device password, or make a new one.", {
    headers: { "www-authenticate": 'Basic realm="nearby-friends"' },
  });
}

function refused(): Identified {
  return { ok: false, response: badCredentials() };
}

export type Taken =
  | { readonly ok: true; readonly answer: Extract<PhoneAnswer, { friends: unknown }> }
  | { readonly ok: false; readonly response: Response };

/** Brings a report to the user's object. */
export async function bringReport(c: Context<ApiEnv>, owner: PhoneOwner, report: PhoneReport): Promise<Taken> {
  const answer = await ownObject(c, owner.user).phone({ ...owner.source, requestId: c.var.requestId }, report);
  if (!("refused" in answer)) return { ok: true, answer };
  if (answer.refused === "unknown_device") return { ok: false, response: badCredentials() };
  const headers = retryAfter(answer.retryAfterS);
  // Not 429, which blocks Android's queue for ever; both apps come back after a 503.
  return { ok: false, response: problem("unavailable", "Reports come too fast: the same again later.", { headers }) };
}

/** Whatever fails here, the same report is good later: both apps keep it and try again. */
export const phoneFailed: ErrorHandler<ApiEnv> = (error, c) => {
  // The path only: the query may hold a password.
  logError("report_failed", { request: c.var.requestId, path: c.req.path, error: error.stack ?? String(error) });
  return problem("unavailable", "The report was not taken. Send it again.", { headers: retryAfter(1) });
};
