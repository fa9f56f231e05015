import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";

import { problem } from "./problem.ts";

/** Bytes of a request body. 100 points with every optional field take 13 KB; the object must not parse megabytes. */
export const BODY_MAX_BYTES = 64 * 1024;

/**
 * Of a body that is too large so much is read and thrown away. The runtime closes a connection on which a body was left
 * unread, without a word, and the client's next request on it fails for no reason that it could see.
 */
const DRAIN_MAX_BYTES = 1024 * 1024;

/** 413 for a larger body, before anybody looks at the token: it is the cheaper check. */
export function limitBody(maxBytes: number): MiddlewareHandler {
  return bodyLimit({
    maxSize: maxBytes,
    onError: async (c) => {
      await drain(c.req.raw.body);
      return problem("too_large", `A body may have at most ${maxBytes} bytes.`);
    },
  });
}

/** Reads a body that was refused unread for another reason: a large one is still under way when the answer is there. */
export const drainUnread: MiddlewareHandler = async (c, next) => {
  await next();
  if (!c.req.raw.bodyUsed) await drain(c.req.raw.body);
};

async function drain(body: ReadableStream<Uint8Array> | null): Promise<void> {
  // Locked where the length was not announced: then the part before the limit has been read already.
  if (body === null || body.locked) return;
  const reader = body.getReader();
  let left = DRAIN_MAX_BYTES;
  while (left > 0) {
    const { done, value } = await reader.read();
    if (done) return;
    left -= value.length;
  }
  await reader.cancel();
}

/**
 * The bytes of a body, or null for one of more than `maxBytes`, of which as much is read and thrown away as anywhere else.
 * For senders that know no 413: they would send the same for ever.
 */
export async function readUpTo(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<Uint8Array | null> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length <= maxBytes) {
    const { done, value } = await reader.read();
    if (done) return joined(parts, length);
    parts.push(value);
    length += value.length;
  }
  reader.releaseLock();
  await drain(body);
  return null;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export type Body = { readonly ok: true; readonly value: object } | { readonly ok: false; readonly response: Response };

const JSON_TYPES: readonly string[] = ["application/json", "application/merge-patch+json"];

/** The media type of a body, without parameters, in lower case; empty when none is given. */
export function contentType(c: Context): string {
  return (c.req.header("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** The JSON object of a request, or the 415 or 400 to answer with. */
export async function readObject(c: Context): Promise<Body> {
  if (!JSON_TYPES.includes(contentType(c))) {
    return refuse(
      problem("wrong_type", "Send the body as application/json.", { headers: { accept: JSON_TYPES[0] ?? "" } }),
    );
  }
  let value: unknown;
  try {
    // `fatal`: a damaged name must be refused, not stored with replacement characters.
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(await c.req.arrayBuffer()));
  } catch {
    return refuse(problem("bad_request", "The body is not JSON in UTF-8."));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse(problem("bad_request", "The body must be a JSON object."));
  }
  return { ok: true, value };
}

function refuse(response: Response): Body {
  return { ok: false, response };
}
