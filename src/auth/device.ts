import { base64url } from "jose";

import { openCode, sealCode } from "./link-code.ts";

/** What a device password stands for. */
export interface DeviceSecret {
  /** The user whose positions it may report. */
  readonly owner: string;
  /** 128 random bits, base64url. */
  readonly secret: string;
}

const SECRET_BYTES = 16;
/** As base64url 32 characters, which is as long as the passphrase of a secretbox can be. */
const KEY_BYTES = 24;
const KEY_INFO = new TextEncoder().encode("nearby-friends owntracks key 1");

export function newDeviceSecret(): string {
  return base64url.encode(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
}

/** A code like that of a link: it names its owner, so that the Worker refuses a guessed one before any object is asked. */
export function devicePassword(secrets: readonly Uint8Array[], { owner, secret }: DeviceSecret): Promise<string> {
  return sealCode(secrets, "device", { owner, id: secret });
}

/** Null for a password that was guessed or damaged. Whether it was revoked is known to the owner's object only. */
export async function openDevicePassword(
  secrets: readonly Uint8Array[],
  password: string,
): Promise<DeviceSecret | null> {
  const link = await openCode(secrets, "device", password);
  return link === null ? null : { owner: link.owner, secret: link.id };
}

/** What the owner's object, and the owner, know a device by: a SHA-256, from which no password can be made. */
export async function deviceIdOf(secret: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret))));
}

/**
 * The passphrase between the server and one OwnTracks app, 32 characters; one for each secret of the server, the newest
 * first. It is made of the server's secret and the device's, so that none has to be kept.
 */
export function encryptionKeysOf(secrets: readonly Uint8Array[], secret: string): Promise<string[]> {
  return Promise.all(
    secrets.map(async (each) => {
      const base = await crypto.subtle.importKey("raw", new Uint8Array(each), "HKDF", false, ["deriveBits"]);
      const derivation = {
        name: "HKDF",
        hash: "SHA-256",
        salt: new TextEncoder().encode(secret),
        info: KEY_INFO,
      };
      return base64url.encode(new Uint8Array(await crypto.subtle.deriveBits(derivation, base, KEY_BYTES * 8)));
    }),
  );
}
