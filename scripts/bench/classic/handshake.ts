/** What is checked before a socket is opened, in the order and with the answers of `src/api/connect.ts`. */
import { bearerToken, readOffer } from "../../../src/auth/credentials.ts";
import { type Caller, verifyToken } from "../../../src/auth/token.ts";
import { SUBPROTOCOL } from "../../../src/protocol/limits.ts";
import { isUserId } from "../../../src/protocol/user-id.ts";
import type { Settings } from "../../../src/settings.ts";
import { problem, type Reply } from "./reply.ts";

export type Handshake =
  | { readonly ok: true; readonly caller: Caller; readonly device: string | undefined }
  | { readonly ok: false; readonly reply: Reply };

export async function checkHandshake(url: URL, headers: Headers, settings: Settings): Promise<Handshake> {
  const offer = readOffer(headers);
  const caller = await callerOf(bearerToken(headers) ?? offer.token, settings);
  if (caller === null) return refuse(unauthorized());
  const origin = headers.get("origin");
  const { allowedOrigins } = settings;
  if (origin !== null && allowedOrigins !== "*" && !allowedOrigins.includes(origin)) {
    return refuse(problem(403, "forbidden", "This origin is not allowed to connect (ALLOWED_ORIGINS)."));
  }
  if (offer.any && !offer.known) return refuse(problem(400, "bad_request", `Offer the subprotocol ${SUBPROTOCOL}.`));
  const device = url.searchParams.get("device") ?? undefined;
  if (device !== undefined && !isUserId(device)) {
    return refuse(problem(400, "bad_request", "`device` must be 1 to 64 of A-Z a-z 0-9 . _ : @ -"));
  }
  return { ok: true, caller, device };
}

/** Who calls; null without a valid token. */
export async function callerOf(token: string | undefined, settings: Settings): Promise<Caller | null> {
  if (token === undefined) return null;
  const verdict = await verifyToken(token, settings.auth, Date.now());
  return verdict.ok ? verdict.caller : null;
}

export function unauthorized(): Reply {
  const reply = problem(401, "unauthorized", "Send a valid token.");
  return { ...reply, headers: { ...reply.headers, "www-authenticate": "Bearer" } };
}

function refuse(reply: Reply): Handshake {
  return { ok: false, reply };
}
