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

const BASIC_HEADER = /^basic +(\S+) *$/i;

export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/**
 * User name and password of an `Authorization: Basic` header (RFC 7617). Divided at the last colon, not at the first one: user
 * ids may have colons, and no password here has.
 */
export function basicCredentials(headers: Headers): BasicCredentials | undefined {
  const encoded = BASIC_HEADER.exec(headers.get("authorization") ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = decodeBase64(encoded);
  const colon = text?.lastIndexOf(":") ?? -1;
  if (text === undefined || colon === -1) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function decodeBase64(text: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
  } catch {
    return undefined;
  }
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
