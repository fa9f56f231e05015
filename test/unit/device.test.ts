import { Buffer } from "node:buffer";

import { describe, expect, test } from "vitest";

import { basicCredentials } from "../../src/auth/credentials.ts";
import {
  deviceIdOf,
  devicePassword,
  encryptionKeysOf,
  newDeviceSecret,
  openDevicePassword,
} from "../../src/auth/device.ts";
import { sealCode } from "../../src/auth/link-code.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const OLD = bytes("an-old-secret-of-at-least-32-bytes!!");
const NEW = bytes("a-new-secret-of-at-least-32-bytes!!!");
const SECRET = "AAECAwQFBgcICQoLDA0ODw";
const ANN = { owner: "ann", secret: SECRET };

describe("[PASS5] a device password", () => {
  test("opens with every secret of the server, and names its owner", async () => {
    for (const secret of [OLD, NEW]) {
      expect(await openDevicePassword([NEW, OLD], await devicePassword([secret], ANN))).toEqual(ANN);
    }
    expect(await openDevicePassword([NEW], await devicePassword([OLD], ANN))).toBeNull();
    expect(await openDevicePassword([], await devicePassword([OLD], ANN))).toBeNull();
  });

  test("is no invite and no share, nor the other way round", async () => {
    for (const kind of ["invite", "share"] as const) {
      expect(await openDevicePassword([NEW], await sealCode([NEW], kind, { owner: "ann", id: SECRET }))).toBeNull();
    }
  });

  test("is made of 128 random bits, each time others", () => {
    const all = Array.from({ length: 100 }, newDeviceSecret);
    expect(new Set(all).size).toBe(100);
    for (const secret of all) expect(Buffer.from(secret, "base64url")).toHaveLength(16);
  });

  test("is known to its owner by a hash, which does not change", async () => {
    expect(await deviceIdOf(SECRET)).toBe("XSYR1aTdK0Cyd9_bXs9bSYGRUNfVxi9O75YMsMJNsgw");
    expect(await deviceIdOf(newDeviceSecret())).toMatch(/^[\w-]{43}$/);
  });
});

describe("[PHONE7] the passphrase of a device", () => {
  test("has the 32 characters that a key can have, and does not change", async () => {
    const [key = "", ...others] = await encryptionKeysOf([OLD], SECRET);
    expect(others).toEqual([]);
    expect(key).toBe("Ac-z3hCjmO8dUfF93M82zK55QBsHIXql");
    expect(bytes(key)).toHaveLength(32);
  });

  test("is another for each device and each secret of the server, the newest first", async () => {
    const both = await encryptionKeysOf([NEW, OLD], SECRET);
    expect(both).toEqual([...(await encryptionKeysOf([NEW], SECRET)), ...(await encryptionKeysOf([OLD], SECRET))]);
    const others = await encryptionKeysOf([NEW, OLD], newDeviceSecret());
    expect(new Set([...both, ...others]).size).toBe(4);
  });
});

describe("[PHONE1] Basic authentication", () => {
  const basic = (text: string) => new Headers({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });

  test.each([
    ["ann:pass", { user: "ann", password: "pass" }],
    [":pass", { user: "", password: "pass" }],
    ["ann:", { user: "ann", password: "" }],
    ["tenant:ann:pass", { user: "tenant:ann", password: "pass" }],
    ["änn:päss", { user: "änn", password: "päss" }],
  ])("%s", (text, credentials) => {
    expect(basicCredentials(basic(text))).toEqual(credentials);
  });

  test("of any case, and nothing else", () => {
    expect(basicCredentials(new Headers({ authorization: "bAsIc  YTpi " }))).toEqual({ user: "a", password: "b" });
    for (const authorization of ["Basic", "Basic ", "Basic %%%", "Basic YQ==", "Bearer YTpi", "Basic YTpi YTpi", ""]) {
      expect(basicCredentials(new Headers({ authorization }))).toBeUndefined();
    }
    expect(basicCredentials(new Headers())).toBeUndefined();
  });
});
