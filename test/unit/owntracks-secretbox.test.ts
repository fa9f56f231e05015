import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { NONCE_BYTES, openSecretbox, sealSecretbox, toBase64 } from "../../src/ingest/owntracks/secretbox.ts";

const PASSPHRASE = "0123456789abcdefghijklmnopqrstuv";
const NONCE = Uint8Array.from({ length: NONCE_BYTES }, (_, n) => n);

/** The test of NaCl's own crypto_secretbox (tests/secretbox.c), whose box every OwnTracks app makes. */
const NACL = {
  key: "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389",
  nonce: "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37",
  message:
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f4" +
    "1db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52" +
    "f0a089bc76897040e082f937763848645e0705",
  box:
    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b" +
    "4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da" +
    "99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5",
} as const;

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

test("[PHONE7] the box is NaCl's", () => {
  const sealed = xsalsa20poly1305(hex(NACL.key), hex(NACL.nonce)).encrypt(hex(NACL.message));
  expect(Buffer.from(sealed).toString("hex")).toBe(NACL.box);
});

describe("[PHONE7] what was sealed", () => {
  test("opens with the same passphrase, whatever it says", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const data = sealSecretbox(text, PASSPHRASE, Uint8Array.from(randomBytes(NONCE_BYTES)));
        const opened = openSecretbox(data, PASSPHRASE);
        expect(opened === null ? null : new TextDecoder().decode(opened)).toBe(text.toWellFormed());
      }),
    );
  });

  test("is the nonce, then the box, in base64", () => {
    const bytes = Buffer.from(sealSecretbox("[]", PASSPHRASE, NONCE), "base64");
    expect(bytes.subarray(0, NONCE_BYTES)).toEqual(Buffer.from(NONCE));
    expect(bytes).toHaveLength(NONCE_BYTES + 16 + 2);
  });

  test("a short passphrase is padded with zeros, a long one cut", () => {
    const sealed = sealSecretbox("x", "secret", NONCE);
    expect(openSecretbox(sealed, "secret\0")).not.toBeNull();
    expect(openSecretbox(sealSecretbox("x", `${PASSPHRASE}more`, NONCE), PASSPHRASE)).not.toBeNull();
  });

  const good = sealSecretbox('{"_type":"location"}', PASSPHRASE, NONCE);
  test.each([
    ["another passphrase", good, PASSPHRASE.toUpperCase()],
    ["a changed character", `${good.slice(0, 50)}${good[50] === "A" ? "B" : "A"}${good.slice(51)}`, PASSPHRASE],
    ["half of it", good.slice(0, 40), PASSPHRASE],
    ["a nonce alone", toBase64(NONCE), PASSPHRASE],
    ["a nonce and less than a tag", toBase64(new Uint8Array(NONCE_BYTES + 15)), PASSPHRASE],
    ["zeros", toBase64(new Uint8Array(60)), PASSPHRASE],
    ["no base64", "Vu7Owp ... W4lMnh28FB", PASSPHRASE],
    ["nothing", "", PASSPHRASE],
  ])("%s opens nothing, and throws nothing", (_, data, passphrase) => {
    expect(openSecretbox(data, passphrase)).toBeNull();
  });
});

test("base64 of any length is the same as everybody else's", () => {
  for (const length of [0, 1, 2, 3, 8191, 8192, 8193, 30_000]) {
    const bytes = Uint8Array.from(randomBytes(length));
    expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
  }
});
