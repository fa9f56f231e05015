import { isPicture, isPublicPicture } from "../ingest/picture.ts";

/** Of one picture. About 192 by 192 pixels, which both apps draw in a circle of less, take half of it. */
export const FACE_MAX_BYTES = 20 * 1024;

/** Of one answer: a phone that moves asks every 10 s, and pays for what it gets. */
export const FACES_MAX_BYTES = 64 * 1024;

/** The nearest friends, whose pictures are looked up: each look is a call of the platform, of which a request has so many. */
export const FACE_LOOKUPS_MAX = 50;

/** Fetches that one answer starts; the next one starts more. Each is an outgoing request, billed and bounded. */
export const FACE_FETCHES_MAX = 4;

/** Beyond it somebody's picture is on a server that is down. */
const FETCH_TIMEOUT_MS = 5_000;

/** A new picture has a new address on most services; the others show up after some hours. */
const KEPT_S = 6 * 60 * 60;

/** What is no picture, or too large, or cannot be had, is asked for again after so long. */
const FAILED_KEPT_S = 10 * 60;

/** Set on what is kept for a picture that could not be had: a body of no bytes is not told apart from a lost one. */
const FAILED_HEADER = "x-nearby-no-picture";

/** Addresses that an isolate remembers to have fetched: bounds its memory, not what it shows. */
const REMEMBERED_MAX = 1_000;

/**
 * When this isolate fetched each address, ms. The next report comes before the picture does; and where a cache keeps nothing,
 * as it may, each report would fetch everything again.
 */
const fetchedAt = new Map<string, number>();

export interface FaceParts {
  /** As much as is needed of the platform's. */
  readonly cache: {
    match(key: string): Promise<Response | undefined>;
    put(key: string, response: Response): Promise<void>;
  };
  readonly fetch: (address: string, init: RequestInit) => Promise<Response>;
  /** Of this server; what is kept is kept under an address of its own. */
  readonly origin: string;
  readonly waitUntil: (work: Promise<void>) => void;
  /** ms. */
  readonly now: number;
}

/**
 * The pictures of friends, nearest first, as far as they are at hand and fit into one answer. What is not at hand is fetched
 * after the answer, which waits for nothing: it is in one of the next.
 *
 * @param addresses of the friends' pictures, in the order of the answer; undefined for a friend without one
 * @returns in the same order
 */
export async function facesOf(
  addresses: readonly (string | undefined)[],
  parts: FaceParts,
): Promise<(Uint8Array | undefined)[]> {
  const faces: (Uint8Array | undefined)[] = [];
  let leftBytes = FACES_MAX_BYTES;
  let leftFetches = FACE_FETCHES_MAX;
  for (const [at, address] of addresses.entries()) {
    const isUseful = address !== undefined && at < FACE_LOOKUPS_MAX && leftBytes > 0 && isPublicPicture(address);
    const key = isUseful ? await keyOf(address, parts.origin) : undefined;
    const kept = key === undefined ? undefined : await parts.cache.match(key);
    if (isUseful && key !== undefined && kept === undefined && leftFetches > 0 && isDue(address, parts.now)) {
      leftFetches -= 1;
      parts.waitUntil(keep(address, key, parts));
    }
    const isThere = kept !== undefined && !kept.headers.has(FAILED_HEADER);
    const face = isThere ? new Uint8Array(await kept.arrayBuffer()) : undefined;
    const fits = face !== undefined && face.length <= leftBytes;
    if (fits) leftBytes -= face.length;
    faces.push(fits ? face : undefined);
  }
  return faces;
}

/** Notes that it is fetched now, if it is. */
function isDue(address: string, now: number): boolean {
  const before = fetchedAt.get(address);
  if (before !== undefined && now < before + FAILED_KEPT_S * 1000) return false;
  fetchedAt.delete(address);
  fetchedAt.set(address, now);
  const [oldest] = fetchedAt.keys();
  if (fetchedAt.size > REMEMBERED_MAX && oldest !== undefined) fetchedAt.delete(oldest);
  return true;
}

async function keep(address: string, key: string, { cache, fetch }: FaceParts): Promise<void> {
  const face = await load(address, fetch);
  const headers = { "cache-control": `max-age=${face === null ? FAILED_KEPT_S : KEPT_S}` };
  const response =
    face === null
      ? new Response("none", { headers: { ...headers, [FAILED_HEADER]: "1" } })
      : new Response(face, { headers });
  await cache.put(key, response);
}

/** Null for whatever is no small picture. */
async function load(address: string, fetch: FaceParts["fetch"]): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
    // Not followed: a picture's address is checked, and that of a redirect would be chosen by a stranger's server.
    const response = await fetch(address, { redirect: "manual", signal, headers: { accept: "image/png, image/jpeg" } });
    if (response.status !== 200) {
      await response.body?.cancel();
      return null;
    }
    const bytes = await readSmall(response.body);
    return bytes !== null && isPicture(bytes) ? bytes : null;
  } catch {
    // The server is down, slow or not what it says: the same for everybody who looks for a picture there.
    return null;
  }
}

async function readSmall(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array<ArrayBuffer> | null> {
  if (body === null) return null;
  const reader = body.getReader();
  const bytes = new Uint8Array(FACE_MAX_BYTES);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes.slice(0, length);
    if (length + value.length > FACE_MAX_BYTES) {
      await reader.cancel();
      return null;
    }
    bytes.set(value, length);
    length += value.length;
  }
}

/** By a hash: an address may be longer than a key, and nobody shall read it in a list of keys. */
async function keyOf(address: string, origin: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(address));
  const hex = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${origin}/face/${hex}`;
}
