import { base64url } from "jose";
import type { CryptoKey } from "jose";

import { USER_ID_MAX_CHARS } from "../protocol/limits.ts";
import { isUserId } from "../protocol/user-id.ts";

export type LinkKind = "invite" | "share" | "device";

/** What a code stands for. */
export interface Link {
  /** The user whose object knows the invite, share or device. */
  readonly owner: string;
  /** 16 random bytes as base64url. */
  readonly id: string;
}

/** One byte, sealed with the rest: a code of one kind opens nothing of the other. */
const KIND_BYTES = { invite: 1, share: 2, device: 3 } as const satisfies Record<LinkKind, number>;

const ID_BYTES = 16;
/** NIST SP 800-38D, 8.2: what AES-GCM takes without hashing it first. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ID_REST_BYTES = ID_BYTES - NONCE_BYTES;

const CODE_MIN_CHARS = base64Chars(NONCE_BYTES + 1 + ID_REST_BYTES + 1 + TAG_BYTES);
const CODE_MAX_CHARS = base64Chars(NONCE_BYTES + 1 + ID_REST_BYTES + USER_ID_MAX_CHARS + TAG_BYTES);

/** Looked at before any key is used: most of what is tried in place of a code is no code at all. */
const CODE_FORM = new RegExp(`^[A-Za-z0-9_-]{${CODE_MIN_CHARS},${CODE_MAX_CHARS}}$`);

/** Part of the key: the same secret may sign tokens, and a later form of the code gets a key of its own. */
const KEY_INFO = new TextEncoder().encode("nearby-friends link code 1");

/**
 * The code of an invite or share, or the password of a device: base64url of the first 12 bytes of its id, then, sealed with AES-256-GCM and these
 * bytes as the nonce, the kind, the other 4 bytes and the owner's user id. Whoever has the code alone learns no more of
 * the owner than how long the user id is. The same input gives the same code. An id is random and stands for one link
 * only, so that no nonce is used twice.
 *
 * @param secrets the first one seals
 * @throws RangeError without a secret, and for what is no id or no user id
 */
export async function sealCode(secrets: readonly Uint8Array[], kind: LinkKind, { owner, id }: Link): Promise<string> {
  const [secret] = secrets;
  if (secret === undefined) throw new RangeError("a code needs a secret to be sealed with");
  const idBytes = base64url.decode(id);
  if (idBytes.length !== ID_BYTES || base64url.encode(idBytes) !== id) throw new RangeError("no id of a link");
  if (!isUserId(owner)) throw new RangeError("the owner of a link must be a user id");
  const ownerBytes = new TextEncoder().encode(owner);
  const inside = new Uint8Array(1 + ID_REST_BYTES + ownerBytes.length);
  inside[0] = KIND_BYTES[kind];
  inside.set(idBytes.subarray(NONCE_BYTES), 1);
  inside.set(ownerBytes, 1 + ID_REST_BYTES);
  const iv = idBytes.slice(0, NONCE_BYTES);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await keyOf(secret), inside);
  const code = new Uint8Array(NONCE_BYTES + sealed.byteLength);
  code.set(iv);
  code.set(new Uint8Array(sealed), NONCE_BYTES);
  return base64url.encode(code);
}

/**
 * What a code stands for; null for one that was guessed, damaged, sealed with another secret or made for another kind.
 * Whether the link still exists is known to the owner's object only.
 *
 * @param secrets each may have sealed it: codes outlive a change of the first one
 */
export async function openCode(secrets: readonly Uint8Array[], kind: LinkKind, code: string): Promise<Link | null> {
  if (!CODE_FORM.test(code)) return null;
  const bytes = decode(code);
  if (bytes === null) return null;
  for (const secret of secrets) {
    const inside = await unseal(await keyOf(secret), bytes);
    // Sealed with this secret: another one cannot say anything else about it.
    if (inside !== null) return inside[0] === KIND_BYTES[kind] ? linkOf(bytes, inside) : null;
  }
  return null;
}

/** Null when the last character has bits that no byte needs: each link has one code, not several that look alike. */
function decode(code: string): Uint8Array<ArrayBuffer> | null {
  // Of this length no bytes can be: the decoder throws.
  if (code.length % 4 === 1) return null;
  const bytes = new Uint8Array(base64url.decode(code));
  return base64url.encode(bytes) === code ? bytes : null;
}

async function unseal(key: CryptoKey, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null> {
  const iv = bytes.subarray(0, NONCE_BYTES);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, bytes.subarray(NONCE_BYTES)));
  } catch (error) {
    // The one failure that the input can cause (Web Cryptography, 27.4.2): the tag does not fit.
    if (error instanceof DOMException && error.name === "OperationError") return null;
    throw error;
  }
}

function linkOf(bytes: Uint8Array, inside: Uint8Array): Link | null {
  const owner = new TextDecoder().decode(inside.subarray(1 + ID_REST_BYTES));
  if (!isUserId(owner)) return null;
  const id = new Uint8Array(ID_BYTES);
  id.set(bytes.subarray(0, NONCE_BYTES));
  id.set(inside.subarray(1, 1 + ID_REST_BYTES), NONCE_BYTES);
  return { owner, id: base64url.encode(id) };
}

/** By the secret's bytes, which are the same object for all requests of an isolate; made once, so that a guess costs little. */
const keys = new WeakMap<Uint8Array, CryptoKey>();

async function keyOf(secret: Uint8Array): Promise<CryptoKey> {
  const known = keys.get(secret);
  if (known !== undefined) return known;
  const base = await crypto.subtle.importKey("raw", new Uint8Array(secret), "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: KEY_INFO };
  const algorithm = { name: "AES-GCM", length: 256 };
  const key = await crypto.subtle.deriveKey(derivation, base, algorithm, false, ["encrypt", "decrypt"]);
  keys.set(secret, key);
  return key;
}

function base64Chars(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}
