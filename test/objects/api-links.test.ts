import { createExecutionContext } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";

import { openCode, sealCode } from "../../src/auth/link-code.ts";
import type { LinkKind } from "../../src/auth/link-code.ts";
import worker from "../../src/worker.ts";
import {
  call,
  envWith,
  envWithObject,
  expectOk,
  expectPointers,
  expectProblem,
  silenceLog,
  someone,
} from "./api-calls.ts";

const ID = "AAECAwQFBgcICQoLDA0ODw";
const SECRET = "a-secret-that-only-this-file-knows-0123";
const LINK_SECRETS = [new TextEncoder().encode(SECRET)];
/** The Worker with a secret of its own for links. */
const VARS = { LINK_SECRET: SECRET };
const EXPIRES_AT = 1_900_000_000_000;
const JSON_TYPE = { "content-type": "application/json" };

const codeOf = (kind: LinkKind, owner: string, id = ID): Promise<string> => sealCode(LINK_SECRETS, kind, { owner, id });
const withObject = (object: object) => envWithObject(object, VARS);

/** What somebody may try in place of a code of this kind; none of them may reach an object. */
async function guesses(kind: LinkKind): Promise<string[]> {
  const good = await codeOf(kind, "ann");
  const random = Array.from({ length: 20 }, (_, n) =>
    Array.from(crypto.getRandomValues(new Uint8Array(46 + n)), (byte) => "Az09-_"[byte % 6]).join(""),
  );
  const foreign = [new TextEncoder().encode("a-secret-of-somebody-else-0123456789")];
  return [
    ...random,
    good.slice(0, -1),
    `${good}A`,
    `${good.slice(0, -1)}${good.endsWith("A") ? "B" : "A"}`,
    `${good.startsWith("A") ? "B" : "A"}${good.slice(1)}`,
    await codeOf(kind === "invite" ? "share" : "invite", "ann"),
    await sealCode(foreign, kind, { owner: "ann", id: ID }),
    ID,
    "ann",
    "%00",
    "%zz",
    "%2e%2e",
    "a%2Fb",
    "%F0%9F%A6%8A",
    "x".repeat(3000),
  ];
}

describe("/v1/invites", () => {
  test("[INV1] a new invite is 201 with a code, the address of its page and its end", async () => {
    const createInvite = vi.fn(() => Promise.resolve({ id: ID, expiresAt: EXPIRES_AT, uses: 3 }));
    const { env, getByName } = withObject({ createInvite });
    const json = { uses: 3, minutes: 60 };
    const body = await expectOk(await call("POST /v1/invites", { as: "ann", json, env }), 201);
    const code = await codeOf("invite", "ann");
    expect(body).toEqual({ code, url: `https://nearby.test/i/${code}`, expiresAt: EXPIRES_AT, uses: 3 });
    expect(getByName.mock.calls[0]?.[0]).toBe("ann");
    expect(createInvite.mock.calls).toEqual([[expect.objectContaining({ user: "ann" }), json]]);
  });

  test("[INV1] nothing said is one use in a week, with an empty object or no body at all", async () => {
    const createInvite = vi.fn(() => Promise.resolve({ id: ID, expiresAt: EXPIRES_AT, uses: 1 }));
    const { env } = withObject({ createInvite });
    for (const options of [{}, { json: {} }, { body: "" }, { headers: JSON_TYPE }]) {
      await expectOk(await call("POST /v1/invites", { as: "ann", env, ...options }), 201);
      expect(createInvite).toHaveBeenLastCalledWith(expect.anything(), { uses: 1, minutes: 7 * 24 * 60 });
    }
  });

  test("[INV1] 1 to 100 uses, 1 minute to 7 days", async () => {
    const { env } = withObject({ createInvite: () => Promise.resolve({ id: ID, expiresAt: EXPIRES_AT, uses: 1 }) });
    const post = (json: unknown): Promise<Response> => call("POST /v1/invites", { as: "ann", json, env });
    for (const uses of [1, 2, 99, 100]) await expectOk(await post({ uses }), 201);
    for (const minutes of [1, 2, 10_079, 10_080]) await expectOk(await post({ minutes }), 201);
    for (const uses of [0, 101, -1, 1.5, "1", null, [1]]) {
      expect(await expectPointers(await post({ uses }))).toEqual(["#/uses"]);
    }
    for (const minutes of [0, 10_081, 0.5, 1e300, "60", null, {}]) {
      expect(await expectPointers(await post({ minutes }))).toEqual(["#/minutes"]);
    }
    expect(await expectPointers(await post({ uses: 0, minutes: 0, code: "x" }))).toEqual([
      "#/uses",
      "#/minutes",
      "#/code",
    ]);
  });

  test("[INV1] a body that is none is refused, and no invite made", async () => {
    const { env, getByName } = withObject({});
    const post = (body: string, headers = JSON_TYPE) =>
      call("POST /v1/invites", { as: "ann", body, env, ...(headers === null ? {} : { headers }) });
    for (const body of ["[]", "null", "7", "{", '{"uses":1e400}'])
      await expectProblem(await post(body), 400, "bad_request");
    await expectProblem(await post("{}", { "content-type": "text/plain" }), 415, "wrong_type");
    await expectProblem(await post(" ".repeat(64 * 1024 + 1)), 413, "too_large");
    expect(getByName).not.toHaveBeenCalled();
  });

  test("[INV2] one too many is 409", async () => {
    const { env } = withObject({ createInvite: () => Promise.resolve({ refused: "invite_limit" }) });
    await expectProblem(await call("POST /v1/invites", { as: "ann", env }), 409, "invite_limit");
  });

  test("[INV3] the list has the codes again, each the same as before", async () => {
    const others = ["AAAAAAAAAAAAAAAAAAAAAA", ID];
    const entries = others.map((id, used) => ({ id, expiresAt: EXPIRES_AT, uses: 5, used }));
    const { env } = withObject({ listInvites: () => Promise.resolve(entries) });
    const codes = await Promise.all(others.map((id) => codeOf("invite", "ann", id)));
    expect(await expectOk(await call("GET /v1/invites", { as: "ann", env }))).toEqual({
      invites: codes.map((code, used) => ({
        code,
        url: `https://nearby.test/i/${code}`,
        expiresAt: EXPIRES_AT,
        uses: 5,
        used,
      })),
    });
  });

  test("[INV4] the caller accepts, with the owner and id that were sealed", async () => {
    const entry = { id: "ann", state: "friend", since: 1, visibility: "exact", muted: false };
    const acceptInvite = vi.fn(() => Promise.resolve({ entry }));
    const { env, getByName } = withObject({ acceptInvite });
    const code = await codeOf("invite", "ann");
    expect(await expectOk(await call(`POST /v1/invites/${code}`, { as: "bob", env }))).toEqual(entry);
    expect(getByName.mock.calls.map(([name]) => name)).toEqual(["bob"]);
    expect(acceptInvite.mock.calls).toEqual([[expect.objectContaining({ user: "bob" }), { owner: "ann", id: ID }]]);
  });

  test("[INV4] one's own is 400, one that is over 404, a limit 409", async () => {
    const code = await codeOf("invite", "ann");
    const own = withObject({});
    await expectProblem(await call(`POST /v1/invites/${code}`, { as: "ann", env: own.env }), 400, "bad_request");
    expect(own.getByName).not.toHaveBeenCalled();
    for (const [refused, status, problem] of [
      ["own", 400, "bad_request"],
      ["not_found", 404, "not_found"],
      ["friend_limit", 409, "friend_limit"],
      ["pending_limit", 409, "pending_limit"],
    ] as const) {
      const { env } = withObject({ acceptInvite: () => Promise.resolve({ refused }) });
      await expectProblem(await call(`POST /v1/invites/${code}`, { as: "bob", env }), status, problem);
    }
  });

  test("[INV5] withdrawing is 204, of what is not there or somebody else's 404", async () => {
    const revokeInvite = vi.fn(() => Promise.resolve(true));
    const { env, getByName } = withObject({ revokeInvite });
    const code = await codeOf("invite", "ann");
    await expectProblem(await call(`DELETE /v1/invites/${code}`, { as: "bob", env }), 404, "not_found");
    expect(getByName).not.toHaveBeenCalled();
    const response = await call(`DELETE /v1/invites/${code}`, { as: "ann", env });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(revokeInvite.mock.calls).toEqual([[expect.objectContaining({ user: "ann" }), ID]]);
    revokeInvite.mockResolvedValue(false);
    await expectProblem(await call(`DELETE /v1/invites/${code}`, { as: "ann", env }), 404, "not_found");
  });

  test("[INV6] a guessed code is 404 before any object is asked", async () => {
    const { env, getByName } = withObject({});
    for (const code of await guesses("invite")) {
      await expectProblem(await call(`POST /v1/invites/${code}`, { as: "bob", env }), 404, "not_found");
      await expectProblem(await call(`DELETE /v1/invites/${code}`, { as: "ann", env }), 404, "not_found");
      expect((await call(`GET /i/${code}`, { env })).status).toBe(404);
    }
    expect(getByName).not.toHaveBeenCalled();
  });

  test("[INV6] without a token there is nothing but the page", async () => {
    const { env, getByName } = withObject({});
    const code = await codeOf("invite", "ann");
    for (const line of [
      "GET /v1/invites",
      "POST /v1/invites",
      `POST /v1/invites/${code}`,
      `DELETE /v1/invites/${code}`,
    ]) {
      await expectProblem(await call(line, { env }), 401, "unauthorized");
    }
    await expectProblem(await call(`GET /v1/invites/${code}`, { as: "ann", env }), 405, "method_not_allowed");
    expect(getByName).not.toHaveBeenCalled();
  });
});

describe("/v1/shares", () => {
  test("[SHARE1] a new share is 201 with a code, the address of its page and its end", async () => {
    const createShare = vi.fn(() => Promise.resolve({ id: ID, expiresAt: EXPIRES_AT }));
    const { env } = withObject({ createShare });
    const body = await expectOk(await call("POST /v1/shares", { as: "ann", json: { minutes: 60 }, env }), 201);
    const code = await codeOf("share", "ann");
    expect(body).toEqual({ code, url: `https://nearby.test/s/${code}`, expiresAt: EXPIRES_AT });
    expect(createShare.mock.calls).toEqual([[expect.objectContaining({ user: "ann" }), { minutes: 60 }]]);
  });

  test("[SHARE1] minutes must be said, from 1 to 7 days of them", async () => {
    const { env } = withObject({ createShare: () => Promise.resolve({ id: ID, expiresAt: EXPIRES_AT }) });
    const post = (json: unknown): Promise<Response> => call("POST /v1/shares", { as: "ann", json, env });
    for (const minutes of [1, 2, 10_079, 10_080]) await expectOk(await post({ minutes }), 201);
    for (const minutes of [0, 10_081, -5, 1.5, "60", null, undefined]) {
      expect(await expectPointers(await post({ minutes }))).toEqual(["#/minutes"]);
    }
    expect(await expectPointers(await post({ minutes: 5, uses: 1 }))).toEqual(["#/uses"]);
    await expectProblem(await call("POST /v1/shares", { as: "ann", env }), 415, "wrong_type");
  });

  test("[SHARE2] one too many is 409", async () => {
    const { env } = withObject({ createShare: () => Promise.resolve({ refused: "share_limit" }) });
    await expectProblem(await call("POST /v1/shares", { as: "ann", json: { minutes: 5 }, env }), 409, "share_limit");
  });

  test("[SHARE3] the list has codes, ends and viewers", async () => {
    const entries = [{ id: ID, expiresAt: EXPIRES_AT, viewers: 2 }];
    const { env } = withObject({ listShares: () => Promise.resolve(entries) });
    const code = await codeOf("share", "ann");
    const url = `https://nearby.test/s/${code}`;
    expect(await expectOk(await call("GET /v1/shares", { as: "ann", env }))).toEqual({
      shares: [{ code, url, expiresAt: EXPIRES_AT, viewers: 2 }],
    });
  });

  test("[SHARE4] ending is 204, of what is not there or somebody else's 404", async () => {
    const revokeShare = vi.fn(() => Promise.resolve(true));
    const { env, getByName } = withObject({ revokeShare });
    const code = await codeOf("share", "ann");
    await expectProblem(await call(`DELETE /v1/shares/${code}`, { as: "bob", env }), 404, "not_found");
    expect(getByName).not.toHaveBeenCalled();
    expect((await call(`DELETE /v1/shares/${code}`, { as: "ann", env })).status).toBe(204);
    expect(revokeShare.mock.calls).toEqual([[expect.objectContaining({ user: "ann" }), ID]]);
    revokeShare.mockResolvedValue(false);
    await expectProblem(await call(`DELETE /v1/shares/${code}`, { as: "ann", env }), 404, "not_found");
  });

  test("[SHARE5] a guessed code is 404 before any object is asked", async () => {
    const { env, getByName } = withObject({});
    for (const code of await guesses("share")) {
      await expectProblem(await call(`DELETE /v1/shares/${code}`, { as: "ann", env }), 404, "not_found");
      expect((await call(`GET /s/${code}`, { env })).status).toBe(404);
      const headers = { upgrade: "websocket" };
      await expectProblem(await call(`GET /s/${code}/connect`, { headers, env }), 404, "not_found");
    }
    expect(getByName).not.toHaveBeenCalled();
  });
});

describe("/s/{code}/connect", () => {
  const UPGRADE = { upgrade: "websocket" };

  function withSocket() {
    const fetchObject = vi.fn<(request: Request) => Promise<Response>>(() =>
      Promise.resolve(new Response(null, { status: 101, webSocket: new WebSocketPair()[0] })),
    );
    return { fetchObject, ...envWithObject({ fetch: fetchObject }, VARS) };
  }

  test("[SHARE6] no token is needed, and the object gets nothing that the client sent", async () => {
    const { env, fetchObject, getByName } = withSocket();
    const headers = {
      ...UPGRADE,
      cookie: "a=b",
      authorization: "Bearer nonsense",
      "x-nearby-caller": '{"user":"ann","expMs":9e12}',
      "x-nearby-device": "phone",
      "x-nearby-share": "another",
      "sec-websocket-protocol": "nearby.v1",
    };
    const response = await call(`GET /s/${await codeOf("share", "ann")}/connect?x=1`, { headers, env });
    expect(response.status).toBe(101);
    expect(response.webSocket).not.toBeNull();
    expect(getByName.mock.calls).toEqual([["ann"]]);
    const seen = fetchObject.mock.calls[0]?.[0];
    expect([...(seen?.headers ?? [])]).toEqual([
      ["upgrade", "websocket"],
      ["x-nearby-share", ID],
    ]);
    expect(seen?.url).not.toContain("x=1");
  });

  test("[SHARE6] without an upgrade it is 426", async () => {
    const { env, getByName } = withSocket();
    for (const code of [await codeOf("share", "ann"), "guess"]) {
      for (const headers of [{}, { upgrade: "h2c" }]) {
        const response = await call(`GET /s/${code}/connect`, { headers, env });
        expect(response.headers.get("upgrade")).toBe("websocket");
        await expectProblem(response, 426, "upgrade_required");
      }
    }
    expect(getByName).not.toHaveBeenCalled();
  });

  test("[SHARE6] an origin that is not allowed is 403, the page's own and none at all pass", async () => {
    const { fetchObject, getByName } = withSocket();
    const vars = { ...VARS, ALLOWED_ORIGINS: "https://app.example" };
    const { env: strict } = envWithObject({ fetch: fetchObject }, vars);
    const code = await codeOf("share", "ann");
    const connect = (origin?: string) =>
      call(`GET /s/${code}/connect`, { headers: origin === undefined ? UPGRADE : { ...UPGRADE, origin }, env: strict });
    for (const origin of [
      "https://evil.example",
      "null",
      "https://nearby.test.evil.example",
      "https://nearby.test:1",
    ]) {
      await expectProblem(await connect(origin), 403, "forbidden");
    }
    expect(getByName).not.toHaveBeenCalled();
    expect(fetchObject).not.toHaveBeenCalled();
    for (const origin of ["https://app.example", "https://nearby.test", "http://nearby.test", undefined]) {
      expect((await connect(origin)).status).toBe(101);
    }
  });

  test("[SHARE7] a share that is over is 404, one with too many viewers 503 with Retry-After", async () => {
    const line = `GET /s/${await codeOf("share", "ann")}/connect`;
    const answering = (status: number): Env =>
      withObject({ fetch: () => Promise.resolve(new Response(null, { status })) }).env;
    await expectProblem(await call(line, { headers: UPGRADE, env: answering(404) }), 404, "not_found");
    const full = await call(line, { headers: UPGRADE, env: answering(503) });
    expect(full.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    await expectProblem(full, 503, "unavailable");
  });

  test("an object that fails is no secret's way into the log", async () => {
    const log = silenceLog();
    const { env } = withObject({ fetch: () => Promise.reject(new Error("broken")) });
    const code = await codeOf("share", "ann");
    await expectProblem(await call(`GET /s/${code}/connect`, { headers: UPGRADE, env }), 500, "internal");
    const logged = JSON.stringify(log.mock.calls);
    expect(logged).toContain("/s/");
    expect(logged).not.toContain(code);
  });
});

describe("pages behind links", () => {
  const CARD = { name: `<img src=x onerror="alert(1)">`, expiresAt: EXPIRES_AT };
  const SHARED = { name: CARD.name, endsAt: EXPIRES_AT };
  const OWNER = "the-owner-whose-id-nobody-sees";

  async function open(method: "GET" | "HEAD", kind: LinkKind, card: object | null): Promise<Response> {
    const { env } = withObject({ viewInvite: () => Promise.resolve(card), viewShare: () => Promise.resolve(card) });
    return call(`${method} /${kind === "invite" ? "i" : "s"}/${await codeOf(kind, OWNER)}`, { env });
  }

  test("[PAGE1] opens without an account, says who and until when, and never the owner's id", async () => {
    for (const kind of ["invite", "share"] as const) {
      const response = await open("GET", kind, { ...CARD, ...SHARED, name: "Ann" });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toMatch(/^text\/html; charset=utf-8$/i);
      const text = await response.text();
      expect(text).toContain("<bdi>Ann</bdi>");
      expect(text).toContain(`<time datetime="${new Date(EXPIRES_AT).toISOString()}">`);
      expect(text).not.toContain(OWNER);
    }
  });

  test("[PAGE1] whoever has no name is Somebody, with the picture if there is one", async () => {
    expect(await (await open("GET", "share", { endsAt: EXPIRES_AT })).text()).toContain("Somebody");
    const plain = await (await open("GET", "invite", { expiresAt: EXPIRES_AT })).text();
    expect(plain).toContain("Somebody invites you");
    expect(plain).not.toContain("<img");
    const avatar = "https://img.example/a.png?x=1&y='2'";
    const pictured = await (await open("GET", "invite", { expiresAt: EXPIRES_AT, avatar })).text();
    expect(pictured).toContain('src="https://img.example/a.png?x=1&amp;y=&#39;2&#39;"');
  });

  test("[PAGE2] a name is text, whatever it says", async () => {
    for (const kind of ["invite", "share"] as const) {
      const text = await (await open("GET", kind, { ...CARD, ...SHARED })).text();
      expect(text).not.toContain("<img");
      expect(text).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;");
    }
  });

  test("[PAGE2] runs its own script and style only, is framed by nobody and kept by nobody", async () => {
    const nonces = new Set<string>();
    for (const [kind, card] of [
      ["invite", CARD],
      ["share", SHARED],
      ["invite", null],
      ["share", null],
    ] as const) {
      const response = await open("GET", kind, card);
      const policy = response.headers.get("content-security-policy") ?? "";
      const nonce = /script-src 'nonce-([A-Za-z0-9+/=]{20,})';/.exec(policy)?.[1] ?? "none";
      nonces.add(nonce);
      expect(policy.split("; ")).toEqual([
        "default-src 'none'",
        `script-src 'nonce-${nonce}'`,
        `style-src 'nonce-${nonce}'`,
        "img-src https: data:",
        "connect-src 'self' wss://nearby.test ws://nearby.test",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
      ]);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=31536000",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "x-robots-tag": "noindex",
      });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      const text = await response.text();
      for (const [tag] of text.matchAll(/<(?:script|style)[^>]*>/g)) expect(tag).toContain(`nonce="${nonce}"`);
      expect(text).not.toMatch(/<[a-z][^>]*\s(?:on\w+|style)=/);
    }
    expect(nonces.size).toBe(4);
  });

  test("[PAGE3] what never was and what is over is the same friendly 404", async () => {
    for (const kind of ["invite", "share"] as const) {
      const over = await open("GET", kind, null);
      const never = await call(`GET /${kind === "invite" ? "i" : "s"}/never`, { env: envWith(VARS) });
      const [first, second] = [over, never].map(async (response) => {
        expect(response.status).toBe(404);
        expect(response.headers.get("content-type")).toMatch(/^text\/html/);
        return (await response.text()).replaceAll(/nonce="[^"]*"/g, "");
      });
      expect(await first).toBe(await second);
      expect(await first).toContain("Ask whoever sent it for a new one.");
    }
  });

  test("[PAGE4] HEAD is the same without the body, other methods are 405", async () => {
    const head = await open("HEAD", "invite", CARD);
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect((await open("HEAD", "share", null)).status).toBe(404);
    for (const path of ["/i/x", "/s/x"]) {
      const response = await call(`POST ${path}`);
      expect(response.headers.get("allow")).toBe("GET, HEAD");
      await expectProblem(response, 405, "method_not_allowed");
    }
  });

  test("[PAGE2] a host that could add to the policy is not in it", async () => {
    const { env } = withObject({ viewShare: () => Promise.resolve(SHARED) });
    const request = new Request(`https://a;script-src-attr.test/s/${await codeOf("share", "ann")}`);
    const response = await worker.fetch(request, env, createExecutionContext());
    expect(response.status).toBe(200);
    expect(response.headers.get("content-security-policy")).not.toContain("script-src-attr");
  });
});

describe("secrets of links", () => {
  const LISTED = { listInvites: () => Promise.resolve([{ id: ID, expiresAt: EXPIRES_AT, uses: 1, used: 0 }]) };

  async function listedCode(vars: Readonly<Record<string, unknown>>): Promise<string> {
    const { env } = envWithObject(LISTED, vars);
    const body = (await expectOk(await call("GET /v1/invites", { as: "ann", env }))) as { invites: { code: string }[] };
    return body.invites[0]?.code ?? "";
  }

  test("[INV6] the first seals, all open, and what is not in the list opens nothing", async () => {
    const other = "another-secret-of-at-least-32-bytes-00";
    const old = await codeOf("invite", "ann");
    const rotated = { LINK_SECRET: `${other},${SECRET}` };
    expect(await openCode([new TextEncoder().encode(other)], "invite", await listedCode(rotated))).not.toBeNull();
    for (const [vars, status] of [
      [rotated, 200],
      [{ LINK_SECRET: other }, 404],
    ] as const) {
      const { env } = envWithObject({ viewInvite: () => Promise.resolve({ expiresAt: EXPIRES_AT }) }, vars);
      expect((await call(`GET /i/${old}`, { env })).status).toBe(status);
    }
  });

  test("[INV6] without LINK_SECRET the secrets of tokens are used, and a code is no token", async () => {
    const code = await listedCode({});
    expect(code).not.toBe(await codeOf("invite", "ann"));
    expect((await call("GET /v1/me", { token: code })).status).toBe(401);
  });

  test("[INV7] with keys of a host app and no LINK_SECRET it is 500 and says which setting is missing", async () => {
    const auth = { AUTH_SECRET: "", AUTH_JWKS_URL: "https://id.example/keys", AUTH_ISSUER: "i", AUTH_AUDIENCE: "a" };
    const { env, getByName } = envWithObject({}, auth);
    for (const line of ["GET /i/x", "GET /s/x", "GET /s/x/connect"]) {
      const { detail } = await expectProblem(await call(line, { env }), 500, "not_configured");
      expect(detail).toContain("LINK_SECRET");
    }
    expect(getByName).not.toHaveBeenCalled();
  });
});

test("a link works with real objects: two become friends, a viewer sees where the other is", async () => {
  const [ann, bob] = [someone(), someone()];
  const invite = (await expectOk(await call("POST /v1/invites", { as: ann }), 201)) as { code: string };
  const entry = await expectOk(await call(`POST /v1/invites/${invite.code}`, { as: bob }));
  expect(entry).toMatchObject({ id: ann, state: "friend" });
  const made = await expectOk(await call("POST /v1/shares", { as: ann, json: { minutes: 5 } }), 201);
  const { code } = made as { code: string };
  const socket = (await call(`GET /s/${code}/connect`, { headers: { upgrade: "websocket" } })).webSocket;
  if (socket === null) throw new Error("no socket");
  const frame = new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(JSON.parse(String(data))), { once: true });
  });
  socket.accept();
  const point = { lat: 52.52, lng: 13.405, ts: Date.now() };
  await expectOk(await call("POST /v1/location", { as: ann, json: point }), 202);
  expect(await frame).toEqual({ type: "share", ...point, endsAt: expect.any(Number) });
  socket.close(1000);
});
