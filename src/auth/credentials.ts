import { BEARER_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from "../protocol/limits.ts";

/** The scheme is case-insensitive (RFC 9110, 11.1). */
const BEARER_HEADER = /^bearer +(\S+) *$/i;

/**
 * The token of an `Authorization: Bearer` header. Another scheme is no token: browsers add `Basic` by themselves to
 * every request, sockets included, on a site behind a password.
 *
 * URLs are never looked at: they end up in logs, histories and `Referer` headers.
 */
export function bearerToken(headers: Headers): string | undefined {
  return BEARER_HEADER.exec(headers.get("authorization") ?? "")?.[1];
}

/** What a WebSocket handshake offers in `Sec-WebSocket-Protocol`. */
export interface Offer {
  /** Whether anything was offered at all. */
  readonly any: boolean;
  /** Whether `nearby.v1` was, which must then be echoed. */
  readonly known: boolean;
  /** The token, which is how a browser sends it. */
  readonly token?: string;
}

export function readOffer(headers: Headers): Offer {
  const offered = (headers.get("sec-websocket-protocol") ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const bearer = offered.find((part) => part.startsWith(BEARER_SUBPROTOCOL_PREFIX));
  return {
    any: offered.length > 0,
    known: offered.includes(SUBPROTOCOL),
    ...(bearer === undefined ? {} : { token: bearer.slice(BEARER_SUBPROTOCOL_PREFIX.length) }),
  };
}
