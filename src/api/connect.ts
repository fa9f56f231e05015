import type { Context } from "hono";

import { bearerToken, readOffer } from "../auth/credentials.ts";
import { CALLER_HEADER, DEVICE_HEADER } from "../auth/caller.ts";
import type { Caller } from "../auth/caller.ts";
import { SUBPROTOCOL } from "../protocol/limits.ts";
import { isUserId } from "../protocol/user-id.ts";
import type { Settings } from "../settings.ts";
import { checkToken, ownObject } from "./context.ts";
import type { ApiEnv } from "./context.ts";
import { problem } from "./problem.ts";
import { overLimit } from "./rate-limit.ts";

/** The socket: checks everything about the handshake and hands it to the caller's object. */
export async function connect(c: Context<ApiEnv>): Promise<Response> {
  const { headers, method } = c.req.raw;
  if (method !== "GET" || headers.get("upgrade")?.toLowerCase() !== "websocket") {
    // RFC 9110, 15.5.22 asks for the header. The runtime's own server drops it, like every header of the connection.
    return problem("upgrade_required", "Connect with a WebSocket.", { headers: { upgrade: "websocket" } });
  }
  const { settings } = c.var;
  const offer = readOffer(headers);
  const checked = await checkToken(bearerToken(headers) ?? offer.token, settings);
  if (!checked.ok) return checked.response;
  // Apps outside a browser send no Origin; inside one, no page can leave it out or choose it.
  if (!isAllowedOrigin(headers.get("origin"), settings)) {
    return problem("forbidden", "This origin is not allowed to connect (ALLOWED_ORIGINS).");
  }
  if (offer.any && !offer.known) {
    // `bearer.` alone is no protocol that could be echoed, and a browser drops a socket that echoes none.
    return problem("bad_request", `Offer the subprotocol ${SUBPROTOCOL}.`);
  }
  const device = c.req.query("device");
  if (device !== undefined && !isUserId(device)) {
    return problem("bad_request", "`device` must be 1 to 64 of A-Z a-z 0-9 . _ : @ -");
  }
  const tooMany = await overLimit(c, checked.caller.user);
  if (tooMany !== null) return tooMany;
  const answer = await ownObject(c, checked.caller.user).fetch(
    handshake({ ...checked.caller, requestId: c.var.requestId }, device),
  );
  return offer.known ? withSubprotocol(answer) : answer;
}

function handshake(caller: Caller, device: string | undefined): Request {
  const headers = new Headers({ upgrade: "websocket", [CALLER_HEADER]: asciiJson(caller) });
  if (device !== undefined) headers.set(DEVICE_HEADER, device);
  return new Request("https://user.invalid/connect", { headers });
}

function withSubprotocol(answer: Response): Response {
  if (answer.status !== 101) return answer;
  const headers = new Headers(answer.headers);
  headers.set("sec-websocket-protocol", SUBPROTOCOL);
  return new Response(null, { status: 101, headers, webSocket: answer.webSocket });
}

function isAllowedOrigin(origin: string | null, settings: Settings): boolean {
  return origin === null || settings.allowedOrigins === "*" || settings.allowedOrigins.includes(origin);
}

/** JSON that a header can carry: a header holds bytes, and a name may be in any script. */
export function asciiJson(value: object): string {
  return JSON.stringify(value).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
