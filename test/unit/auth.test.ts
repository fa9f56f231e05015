import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";

import fc from "fast-check";
import { createLocalJWKSet, exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import type { FetchImplementation, JWTPayload } from "jose";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { bearerToken, readOffer } from "../../src/auth/credentials.ts";
import { createRemoteKeys, KEYS_RETRY_AFTER_S } from "../../src/auth/keys.ts";
import { charCount, cleanName, isAvatarUrl } from "../../src/auth/profile.ts";
import { signToken, verifyToken } from "../../src/auth/token.ts";
import type { Verdict } from "../../src/auth/token.ts";
import type { AuthSettings } from "../../src/settings.ts";

const NOW_MS = 1_800_000_000_000;
const NOW_S = NOW_MS / 1000;
const HOUR_S = 3600;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const OLD_SECRET = bytes("o".repeat(32));
const NEW_SECRET = bytes("n".repeat(32));

type Hs256 = Extract<AuthSettings, { kind: "hs256" }>;
type Jwks = Extract<AuthSettings, { kind: "jwks" }>;

const HS256: Hs256 = { kind: "hs256", secrets: [NEW_SECRET] };
const JWKS: Jwks = {
  kind: "jwks",
  url: new URL("https://id.example/keys.json"),
  issuer: "https://id.example",
  audience: "nearby",
};

const GOOD: JWTPayload = { sub: "ann", exp: NOW_S + HOUR_S };
const GOOD_JWKS: JWTPayload = { ...GOOD, iss: JWKS.issuer, aud: JWKS.audience };

/** A token put together by hand: signing libraries refuse to make most bad ones. */
function handmade(header: object, payload: unknown, secret: Uint8Array | string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

const hs256 = (payload: unknown, secret: Uint8Array = NEW_SECRET): string =>
  handmade({ alg: "HS256", typ: "JWT" }, payload, secret);

/** What verification says: the caller, or why not. */
function said(verdict: Verdict): unknown {
  return verdict.ok ? verdict.caller : verdict.reason;
}

async function verify(token: string, auth: AuthSettings = HS256): Promise<unknown> {
  return said(await verifyToken(token, auth, NOW_MS));
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("HS256", () => {
  test("a good token names its caller", async () => {
    expect(await verify(hs256(GOOD))).toEqual({ user: "ann", expMs: NOW_MS + HOUR_S * 1000 });
  });

  test("every secret verifies, the first signs", async () => {
    const rotating: Hs256 = { kind: "hs256", secrets: [NEW_SECRET, OLD_SECRET] };
    const ann = { user: "ann", expMs: NOW_MS + HOUR_S * 1000 };
    expect(await verify(hs256(GOOD, OLD_SECRET), rotating)).toEqual(ann);
    expect(await verify(hs256(GOOD, NEW_SECRET), rotating)).toEqual(ann);
    expect(await verify(hs256(GOOD, bytes("x".repeat(32))), rotating)).toBe("the token's signature is wrong");

    const { token } = await signToken(rotating, { user: "ann" }, { nowMs: NOW_MS, lifetimeS: HOUR_S });
    expect(await verify(token, HS256)).toEqual(ann);
  });

  test("a retired secret verifies no more", async () => {
    expect(await verify(hs256(GOOD, OLD_SECRET))).toBe("the token's signature is wrong");
  });

  test("an expired token under an old secret is expired, not badly signed", async () => {
    const rotating: Hs256 = { kind: "hs256", secrets: [NEW_SECRET, OLD_SECRET] };
    expect(await verify(hs256({ ...GOOD, exp: NOW_S - 1 }, OLD_SECRET), rotating)).toBe("the token has expired");
  });

  test.each(["none", "None", "NONE", "", "HS384", "HS512", "RS256", "ES256", "EdDSA"])(
    "alg %j in the token changes nothing",
    async (alg) => {
      const verdict = await verifyToken(handmade({ alg, typ: "JWT" }, GOOD, NEW_SECRET), HS256, NOW_MS);
      expect(verdict).toMatchObject({ ok: false, kind: "refused" });
    },
  );

  test("alg none without a signature is refused", async () => {
    const [header, payload] = handmade({ alg: "none" }, GOOD, NEW_SECRET).split(".");
    expect(await verify(`${header}.${payload}.`)).toBe("the token is not a signed JWT");
    expect(await verify(`${header}.${payload}`)).toBe("the token is not a signed JWT");
  });

  test("a token of a public-key algorithm is refused", async () => {
    const { privateKey } = await generateKeyPair("RS256");
    const token = await new SignJWT(GOOD).setProtectedHeader({ alg: "RS256" }).sign(privateKey);
    expect(await verify(token)).toBe("the token's algorithm is not the one configured here");
  });

  test("keys that the token brings along are not used", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwk = await exportJWK(publicKey);
    const token = await new SignJWT(GOOD).setProtectedHeader({ alg: "ES256", jwk }).sign(privateKey);
    expect(await verify(token)).toBe("the token's algorithm is not the one configured here");
  });

  test("a changed payload is refused", async () => {
    const [header, , signature] = hs256(GOOD).split(".");
    const [, payload] = hs256({ ...GOOD, sub: "bob" }).split(".");
    expect(await verify(`${header}.${payload}.${signature}`)).toBe("the token's signature is wrong");
  });

  test("an unknown critical header is refused", async () => {
    const token = handmade({ alg: "HS256", crit: ["b64x"], b64x: true }, GOOD, NEW_SECRET);
    expect(await verifyToken(token, HS256, NOW_MS)).toMatchObject({ ok: false, kind: "refused" });
  });
});

describe("claims", () => {
  test("exp: good until its second, bad from then on", async () => {
    expect(await verify(hs256({ ...GOOD, exp: NOW_S + 1 }))).toMatchObject({ user: "ann", expMs: NOW_MS + 1000 });
    expect(await verify(hs256({ ...GOOD, exp: NOW_S }))).toBe("the token has expired");
    expect(await verify(hs256({ ...GOOD, exp: NOW_S - 1 }))).toBe("the token has expired");
  });

  test.each([undefined, null, "never", "9999999999", {}])("exp %j is not accepted", async (exp) => {
    expect(await verify(hs256({ ...GOOD, exp }))).toBe('the token\'s "exp" is missing or not accepted');
  });

  test("an exp beyond every clock is refused", async () => {
    expect(await verify(hs256({ ...GOOD, exp: 8.64e12 }))).toMatchObject({ expMs: 8.64e15 });
    expect(await verify(hs256({ ...GOOD, exp: 8.64e12 + 1 }))).toBe('the token\'s "exp" is out of range');
    const infinite = Buffer.from('{"sub":"ann","exp":1e400}').toString("base64url");
    const [header] = hs256(GOOD).split(".");
    const signature = createHmac("sha256", NEW_SECRET).update(`${header}.${infinite}`).digest("base64url");
    expect(await verify(`${header}.${infinite}.${signature}`)).toBe('the token\'s "exp" is out of range');
  });

  test("an exp with a fraction is a whole number of ms", async () => {
    expect(await verify(hs256({ ...GOOD, exp: NOW_S + 1.0005 }))).toMatchObject({ expMs: NOW_MS + 1000 });
  });

  test("nbf is honoured", async () => {
    expect(await verify(hs256({ ...GOOD, nbf: NOW_S }))).toMatchObject({ user: "ann" });
    expect(await verify(hs256({ ...GOOD, nbf: NOW_S + 1 }))).toBe('the token\'s "nbf" is missing or not accepted');
    expect(await verify(hs256({ ...GOOD, nbf: "soon" }))).toBe('the token\'s "nbf" is missing or not accepted');
  });

  test.each(["a", "x".repeat(64), "ann@example.org", "auth0:5f.-_", "...", "-"])("sub %j is a user id", async (sub) => {
    expect(await verify(hs256({ ...GOOD, sub }))).toMatchObject({ user: sub });
  });

  test.each(["", "x".repeat(65), ".", "..", "a b", "a/b", "a%40b", "a|b", "é", "a\n", 7, ["ann"], {}, null])(
    "sub %j is refused",
    async (sub) => {
      expect(await verify(hs256({ ...GOOD, sub }))).toContain('"sub"');
    },
  );

  test("no sub is refused", async () => {
    expect(await verify(hs256({ exp: GOOD.exp }))).toBe('the token\'s "sub" is missing or not accepted');
  });

  test("issuer and audience are not looked at where none is configured", async () => {
    expect(await verify(hs256({ ...GOOD, iss: "anyone", aud: "anything" }))).toMatchObject({ user: "ann" });
  });

  test("issuer and audience are checked with a secret, too, where they are configured", async () => {
    const auth: Hs256 = { ...HS256, issuer: "app", audience: "nearby" };
    const token = { ...GOOD, iss: "app", aud: ["other", "nearby"] };
    expect(await verify(hs256(token), auth)).toMatchObject({ user: "ann" });
    expect(await verify(hs256({ ...token, iss: "app2" }), auth)).toBe('the token\'s "iss" is missing or not accepted');
    expect(await verify(hs256({ ...token, aud: "other" }), auth)).toBe('the token\'s "aud" is missing or not accepted');
    expect(await verify(hs256(GOOD), auth)).toContain("missing or not accepted");
  });

  test.each([
    ["admin", { role: "admin" }],
    ["Admin", {}],
    ["user", {}],
    [["admin"], {}],
    [true, {}],
  ])("role %j", async (role, expected) => {
    expect(await verify(hs256({ ...GOOD, role }))).toEqual({ user: "ann", expMs: NOW_MS + HOUR_S * 1000, ...expected });
  });

  test.each([
    ["  Ann Müller ", "Ann Müller"],
    ["x".repeat(100), "x".repeat(100)],
    ["x".repeat(101), "x".repeat(100)],
    ["🦊".repeat(101), "🦊".repeat(100)],
    ["", undefined],
    ["   ", undefined],
    ["a\u001b[2Jb", undefined],
    ["a\nb", undefined],
    ["a\u2028b", undefined],
    ["a\ud800", undefined],
    [7, undefined],
    [null, undefined],
  ])("name %j decorates and never locks out", async (name, expected) => {
    const caller = { user: "ann", expMs: NOW_MS + HOUR_S * 1000 };
    const answer = await verify(hs256({ ...GOOD, name }));
    expect(answer).toEqual(expected === undefined ? caller : { ...caller, name: expected });
  });

  test.each([
    ["https://img.example/a.png", true],
    ["http://img.example/a.png", false],
    ["javascript:alert(1)", false],
    ["data:image/png;base64,AA==", false],
    ["/a.png", false],
    [7, false],
  ])("picture %j", async (picture, isKept) => {
    const caller = await verify(hs256({ ...GOOD, picture }));
    expect(caller).toMatchObject({ user: "ann", ...(isKept ? { picture } : {}) });
    expect(Object.hasOwn(caller as object, "picture")).toBe(isKept);
  });
});

describe("public keys", () => {
  type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
  let rsa: Pair;
  let ec: Pair;
  let ed: Pair;
  let keys: ReturnType<typeof createLocalJWKSet>;

  beforeAll(async () => {
    [rsa, ec, ed] = await Promise.all([
      generateKeyPair("RS256", { extractable: true }),
      generateKeyPair("ES256", { extractable: true }),
      generateKeyPair("EdDSA", { extractable: true }),
    ]);
    const jwk = async (pair: Pair, kid: string) => ({ ...(await exportJWK(pair.publicKey)), kid, use: "sig" });
    keys = createLocalJWKSet({ keys: await Promise.all([jwk(rsa, "rsa"), jwk(ec, "ec"), jwk(ed, "ed")]) });
  });

  const sign = (alg: string, pair: Pair, payload: JWTPayload = GOOD_JWKS): Promise<string> =>
    new SignJWT(payload).setProtectedHeader({ alg }).sign(pair.privateKey);

  const check = async (token: string): Promise<unknown> => said(await verifyToken(token, JWKS, NOW_MS, keys));

  test("RS256, ES256 and EdDSA are accepted", async () => {
    for (const [alg, pair] of [
      ["RS256", rsa],
      ["ES256", ec],
      ["EdDSA", ed],
    ] as const) {
      expect(await check(await sign(alg, pair))).toEqual({ user: "ann", expMs: NOW_MS + HOUR_S * 1000 });
    }
  });

  test("other algorithms of the same key are not", async () => {
    const { n, e } = await exportJWK(rsa.publicKey);
    const strict = createLocalJWKSet({
      keys: [{ kty: "RSA", ...(n === undefined ? {} : { n }), ...(e === undefined ? {} : { e }) }],
    });
    const { privateKey } = await generateKeyPair("PS256");
    const token = await new SignJWT(GOOD_JWKS).setProtectedHeader({ alg: "PS256" }).sign(privateKey);
    expect(said(await verifyToken(token, JWKS, NOW_MS, strict))).toBe(
      "the token's algorithm is not the one configured here",
    );
  });

  test("HS256 with the public key as its secret is refused", async () => {
    const pem = await exportSPKI(rsa.publicKey);
    const jwk = JSON.stringify(await exportJWK(rsa.publicKey));
    for (const secret of [pem, pem.trim(), jwk]) {
      for (const header of [{ alg: "HS256" }, { alg: "HS256", kid: "rsa" }]) {
        expect(await check(handmade(header, GOOD_JWKS, secret))).toBe(
          "the token's algorithm is not the one configured here",
        );
      }
    }
  });

  test("alg none is refused", async () => {
    const [header, payload] = handmade({ alg: "none" }, GOOD_JWKS, "").split(".");
    expect(await check(`${header}.${payload}.`)).toBe("the token is not a signed JWT");
    expect(await check(handmade({ alg: "none" }, GOOD_JWKS, "x"))).toBe(
      "the token's algorithm is not the one configured here",
    );
  });

  test("another issuer's, another audience's and an expired token are refused", async () => {
    expect(await check(await sign("ES256", ec, { ...GOOD_JWKS, iss: "https://evil.example" }))).toContain('"iss"');
    expect(await check(await sign("ES256", ec, { ...GOOD_JWKS, aud: "other-app" }))).toContain('"aud"');
    expect(await check(await sign("ES256", ec, GOOD))).toContain("missing or not accepted");
    expect(await check(await sign("ES256", ec, { ...GOOD_JWKS, exp: NOW_S }))).toBe("the token has expired");
    const { exp: _, ...endless } = GOOD_JWKS;
    expect(await check(await sign("ES256", ec, endless))).toContain('"exp"');
  });

  test("a key that is not in the set is refused, with the name of one that is", async () => {
    const stranger = await generateKeyPair("ES256");
    expect(await check(await sign("ES256", stranger))).toBe("the token's signature is wrong");
    const unknown = await new SignJWT(GOOD_JWKS).setProtectedHeader({ alg: "ES256", kid: "gone" }).sign(ec.privateKey);
    expect(await check(unknown)).toBe("the token is signed with a key that is not in the key set");
    const mixed = await new SignJWT(GOOD_JWKS).setProtectedHeader({ alg: "ES256", kid: "rsa" }).sign(ec.privateKey);
    expect(await check(mixed)).toBe("the token is signed with a key that is not in the key set");
  });

  test("two keys that fit ask for a kid", async () => {
    const jwk = await exportJWK(ec.publicKey);
    const twins = createLocalJWKSet({
      keys: [
        { ...jwk, kid: "1" },
        { ...jwk, kid: "2" },
      ],
    });
    expect(said(await verifyToken(await sign("ES256", ec), JWKS, NOW_MS, twins))).toContain('needs a "kid"');
    const named = await new SignJWT(GOOD_JWKS).setProtectedHeader({ alg: "ES256", kid: "2" }).sign(ec.privateKey);
    expect(said(await verifyToken(named, JWKS, NOW_MS, twins))).toMatchObject({ user: "ann" });
  });

  describe("behind a URL", () => {
    let body: string;

    beforeAll(async () => {
      body = JSON.stringify({ keys: [{ ...(await exportJWK(ec.publicKey)), kid: "ec" }] });
    });

    test("are fetched once for many tokens", async () => {
      const fetchKeys = vi.fn<FetchImplementation>(() => Promise.resolve(new Response(body)));
      const remote = createRemoteKeys(JWKS.url, fetchKeys, () => NOW_MS);
      for (let round = 0; round < 3; round += 1) {
        expect(await verifyToken(await sign("ES256", ec), JWKS, NOW_MS, remote)).toMatchObject({ ok: true });
      }
      expect(fetchKeys.mock.calls.map(([url]) => url)).toEqual(["https://id.example/keys.json"]);
    });

    test("an unknown kid does not make every token fetch", async () => {
      const fetchKeys = vi.fn<FetchImplementation>(() => Promise.resolve(new Response(body)));
      const remote = createRemoteKeys(JWKS.url, fetchKeys, () => NOW_MS);
      for (let round = 0; round < 3; round += 1) {
        const token = await new SignJWT(GOOD_JWKS)
          .setProtectedHeader({ alg: "ES256", kid: `${round}` })
          .sign(ec.privateKey);
        expect(await verifyToken(token, JWKS, NOW_MS, remote)).toMatchObject({ ok: false, kind: "refused" });
      }
      expect(fetchKeys).toHaveBeenCalledTimes(1);
    });

    test.each<[string, () => Promise<Response>]>([
      ["unreachable", () => Promise.reject(new TypeError("network"))],
      ["failing", () => Promise.resolve(new Response("", { status: 503 }))],
      [
        "moved",
        () => Promise.resolve(new Response("", { status: 302, headers: { location: "https://evil.example" } })),
      ],
      ["not JSON", () => Promise.resolve(new Response("<html>"))],
      ["not a key set", () => Promise.resolve(new Response('{"keys":7}'))],
    ])("%s: nobody's fault, logged, and not asked again at once", async (_, answer) => {
      const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
      const fetchKeys = vi.fn<FetchImplementation>(answer);
      let nowMs = NOW_MS;
      const remote = createRemoteKeys(JWKS.url, fetchKeys, () => nowMs);
      const token = await sign("ES256", ec);

      expect(await verifyToken(token, JWKS, NOW_MS, remote)).toMatchObject({ ok: false, kind: "unavailable" });
      nowMs += KEYS_RETRY_AFTER_S * 1000 - 1;
      expect(await verifyToken(token, JWKS, NOW_MS, remote)).toMatchObject({ ok: false, kind: "unavailable" });
      expect(fetchKeys).toHaveBeenCalledTimes(1);
      expect(log.mock.calls).toEqual([[expect.stringContaining("AUTH_JWKS_URL")]]);

      nowMs += 1;
      fetchKeys.mockImplementation(() => Promise.resolve(new Response(body)));
      expect(await verifyToken(token, JWKS, NOW_MS, remote)).toMatchObject({ ok: true });
      expect(fetchKeys).toHaveBeenCalledTimes(2);
    });

    test("a token that is refused anyway fetches nothing", async () => {
      const fetchKeys = vi.fn<FetchImplementation>(() => Promise.resolve(new Response(body)));
      const remote = createRemoteKeys(JWKS.url, fetchKeys, () => NOW_MS);
      for (const token of ["", "a.b.c", handmade({ alg: "none" }, GOOD_JWKS, "x"), hs256(GOOD_JWKS)]) {
        expect(await verifyToken(token, JWKS, NOW_MS, remote)).toMatchObject({ ok: false, kind: "refused" });
      }
      expect(fetchKeys).not.toHaveBeenCalled();
    });
  });
});

describe("whatever is sent", () => {
  test("gets a verdict and never throws", async () => {
    const [header = "", payload = "", signature = ""] = hs256(GOOD).split(".");
    const part = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(header, payload, signature, ""),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString("base64url")),
      fc.base64String().map((text) => text.replaceAll("=", "")),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        const token = parts.join(".");
        const verdict = await verifyToken(token, HS256, NOW_MS);
        expect(verdict.ok).toBe(token === `${header}.${payload}.${signature}`);
      }),
      { numRuns: 500 },
    );
  });

  test("gets a verdict when it is well signed, too", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (claims, exp) => {
        for (const payload of [claims, { ...GOOD, exp }, { ...GOOD, name: claims, picture: exp, role: claims }]) {
          const verdict = await verifyToken(hs256(payload), HS256, NOW_MS);
          if (verdict.ok) expect(verdict.caller).toMatchObject({ user: "ann" });
          else expect(verdict.kind).toBe("refused");
        }
      }),
      { numRuns: 200 },
    );
  });

  test("is not repeated in the reason", async () => {
    const token = hs256({ ...GOOD, sub: "marker marker", exp: NOW_S + 1 });
    expect(await verify(token)).not.toContain("marker");
  });
});

describe("signToken", () => {
  test("makes what verifyToken accepts under the same settings", async () => {
    const auth: Hs256 = { ...HS256, issuer: "app", audience: "nearby" };
    const subject = { user: "ann", name: "Ann", role: "admin" } as const;
    const { token, expMs } = await signToken(auth, subject, { nowMs: NOW_MS + 999, lifetimeS: 60 });
    expect(expMs).toBe(NOW_MS + 60_000);
    expect(await verify(token, auth)).toEqual({ ...subject, expMs });
  });

  test("signs for user ids only", async () => {
    await expect(signToken(HS256, { user: "a b" }, { nowMs: NOW_MS, lifetimeS: 60 })).rejects.toThrow(RangeError);
  });
});

describe("where a token is looked for", () => {
  test.each([
    ["Bearer abc", "abc"],
    ["bearer abc", "abc"],
    ["BEARER   abc  ", "abc"],
    ["Bearer", undefined],
    ["Bearer ", undefined],
    ["Bearerabc", undefined],
    ["Bearer a b", undefined],
    ["Basic YTpi", undefined],
    ["abc", undefined],
  ])("Authorization: %s", (header, token) => {
    expect(bearerToken(new Headers({ authorization: header }))).toBe(token);
  });

  test("nowhere without a header", () => {
    expect(bearerToken(new Headers())).toBeUndefined();
  });

  test.each([
    [undefined, { any: false, known: false }],
    ["nearby.v1", { any: true, known: true }],
    ["nearby.v1, bearer.a.b.c", { any: true, known: true, token: "a.b.c" }],
    ["bearer.a.b.c,nearby.v1", { any: true, known: true, token: "a.b.c" }],
    ["bearer.a.b.c", { any: true, known: false, token: "a.b.c" }],
    ["nearby.v2", { any: true, known: false }],
    ["NEARBY.V1", { any: true, known: false }],
    [" , ", { any: false, known: false }],
  ])("Sec-WebSocket-Protocol: %s", (header, offer) => {
    expect(readOffer(new Headers(header === undefined ? {} : { "sec-websocket-protocol": header }))).toEqual(offer);
  });
});

describe("names and avatars", () => {
  test("a name is trimmed, printable and one line", () => {
    expect(cleanName(" Ann ")).toBe("Ann");
    expect(cleanName("👩‍👩‍👧 Ann")).toBe("👩‍👩‍👧 Ann");
    for (const bad of ["", " ", "a\u0000", "a\u0007", "a\u009b2J", "a\u2029b", "\udc00a"]) {
      expect(cleanName(bad)).toBeUndefined();
    }
  });

  test("characters outside the basic plane count once", () => {
    expect(charCount("a🦊é")).toBe(3);
  });

  test("an avatar has at most 500 characters", () => {
    const url = "https://img.example/";
    expect(isAvatarUrl(url.padEnd(500, "a"))).toBe(true);
    expect(isAvatarUrl(url.padEnd(501, "a"))).toBe(false);
  });

  test.each([
    "https://",
    "https://a b.example/",
    "https://img.example/\n.png",
    'https://img.example/"onerror=x',
    "https://img.example/<x>",
    "https://user@img.example/",
    "//img.example/a.png",
    "ftp://img.example/a.png",
    "",
  ])("%j is no avatar", (text) => {
    expect(isAvatarUrl(text)).toBe(false);
  });
});
