import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";

/** NaCl's secretbox: 24 bytes of nonce, then a tag of 16 bytes and the message. */
export const NONCE_BYTES = 24;
const KEY_BYTES = 32;

/** Of a base64 text a piece at a time: a function takes only so many arguments. */
const PIECE_BYTES = 8 * 1024;

/**
 * Opens the `data` of OwnTracks' encrypted messages: base64 of nonce and XSalsa20-Poly1305, with the passphrase, padded with
 * zeros, as the key (https://owntracks.org/booklet/features/encrypt/).
 *
 * @returns null when it was sealed with another passphrase, damaged, or is no such thing at all
 */
export function openSecretbox(data: string, passphrase: string): Uint8Array | null {
  const bytes = fromBase64(data);
  if (bytes === null || bytes.length <= NONCE_BYTES) return null;
  try {
    return xsalsa20poly1305(keyOf(passphrase), bytes.subarray(0, NONCE_BYTES)).decrypt(bytes.subarray(NONCE_BYTES));
  } catch {
    // The tag does not fit, or there is no room for one: the library has nothing else to throw here.
    return null;
  }
}

/** @param nonce 24 random bytes, never the same twice */
export function sealSecretbox(text: string, passphrase: string, nonce: Uint8Array): string {
  const sealed = xsalsa20poly1305(keyOf(passphrase), nonce).encrypt(new TextEncoder().encode(text));
  const bytes = new Uint8Array(nonce.length + sealed.length);
  bytes.set(nonce);
  bytes.set(sealed, nonce.length);
  return toBase64(bytes);
}

function keyOf(passphrase: string): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  key.set(new TextEncoder().encode(passphrase).subarray(0, KEY_BYTES));
  return key;
}

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + PIECE_BYTES));
  }
  return btoa(binary);
}
