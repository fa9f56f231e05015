import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { SignJWT } from "jose";
import { afterEach, describe, expect, test, vi } from "vitest";

import { BODY_MAX_BYTES } from "../../src/api/body.ts";
import { locationHint } from "../../src/api/location-hint.ts";
import worker from "../../src/worker.ts";
import {
  HOUR_S,
  PLAIN,
  call,
  envWith,
  envWithObject,
  expectOk,
  expectPointers,
  expectProblem,
  silenceLog,
  someone,
  tokenOf,
} from "./api-calls.ts";
import type { Call } from "./api-calls.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("without settings", () => {
  test("only /healthz answers, and one log line names the setting", async () => {
    const log = silenceLog();
    const { ANALYTICS, CASSANDRA, CELL, HISTORY, HISTORY_QUEUE_0, MONITOR, RATE_LIMIT, USER } = env;
    const bare: Env = { ANALYTICS, CASSANDRA, CELL, HISTORY, HISTORY_QUEUE_0, MONITOR, RATE_LIMIT, USER };
    expect(await expectOk(await call("GET /healthz", { env: bare }))).toEqual({ ok: true });
    expect((await call("HEAD /healthz", { env: bare })).status).toBe(200);
    for (const line of ["GET /v1/me", "GET /v1/connect", "POST /dev/login", "OPTIONS /v1/me", "GET /nothing"]) {
      const { detail } = await expectProblem(await call(line, { as: "ann", env: bare }), 500, "not_configured");
      expect(detail).toContain("AUTH_SECRET");
    }
    expect(log.mock.calls).toEqual([[expect.stringContaining("AUTH_SECRET")]]);
  });

  test.each([
    ["RADIUS_M", "abc"],
    ["AUTH_SECRET", "abc"],
    ["FANOUT", "naive"],
  ])("a bad %s is named", async (name, value) => {
    const log = silenceLog();
    const response = await call("GET /v1/me", { as: "ann", env: envWith({ [name]: value }) });
    const { detail } = await expectProblem(response, 500, "not_configured");
    expect(detail).toContain(name);
    expect(log.mock.calls).toEqual([[expect.stringContaining(name)]]);
  });
});

describe("routes", () => {
  test("an unknown address is 404", async () => {
    await expectProblem(await call("GET /"), 404, "not_found");
    await expectProblem(await call("GET /v1/nothing", { as: someone() }), 404, "not_found");
    await expectProblem(await call("GET /v1/me/", { as: someone() }), 404, "not_found");
  });

  test.each([
    ["PUT /v1/me", "GET, HEAD, PATCH, DELETE"],
    ["POST /v1/friends", "GET, HEAD"],
    ["GET /v1/friends/bob", "PUT, PATCH, DELETE"],
    ["GET /v1/location", "POST"],
    ["DELETE /v1/nearby", "GET, HEAD"],
    ["POST /v1/connect", "GET, HEAD"],
    ["GET /dev/login", "POST"],
  ])("%s is 405", async (line, allow) => {
    const response = await call(line, { as: someone() });
    expect(response.headers.get("allow")).toBe(allow);
    await expectProblem(response, 405, "method_not_allowed");
  });

  test("HEAD answers like GET, without a body", async () => {
    const response = await call("HEAD /v1/me", { as: someone() });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });

  test("nothing under /v1 is stored", async () => {
    const ann = someone();
    for (const line of ["GET /v1/me", "GET /v1/friends", "GET /v1/nearby", "GET /v1/nothing", "DELETE /v1/friends/x"]) {
      expect((await call(line, { as: ann })).headers.get("cache-control")).toBe("no-store");
    }
  });
});

describe("tokens", () => {
  const untouched = envWithObject({});

  async function expectRefused(options: Call, path = "/v1/me"): Promise<void> {
    const response = await call(`GET ${path}`, { ...options, env: untouched.env });
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    await expectProblem(response, 401, "unauthorized");
    expect(untouched.getByName).not.toHaveBeenCalled();
  }

  function unsigned(payload: object): string {
    const part = (value: object): string => btoa(JSON.stringify(value)).replaceAll("=", "");
    return `${part({ alg: "none" })}.${part(payload)}.`;
  }

  test("a missing or bad token never reaches an object", async () => {
    const exp = Math.floor(Date.now() / 1000) + HOUR_S;
    const [, payload, signature] = (await tokenOf("ann")).split(".");
    await expectRefused({});
    await expectRefused({ headers: { authorization: "Basic YTpi" } });
    await expectRefused({ token: "garbage" });
    await expectRefused({ token: unsigned({ sub: "ann", exp }) });
    await expectRefused({ token: `${btoa('{"alg":"none"}').replaceAll("=", "")}.${payload}.${signature}` });
    await expectRefused({ token: await tokenOf("ann", {}, -1) });
  });

  test("a token of another audience is refused", async () => {
    const strict = envWithObject({}, { AUTH_AUDIENCE: "nearby" });
    const response = await call("GET /v1/me", { as: "ann", env: strict.env });
    expect((await expectProblem(response, 401, "unauthorized")).detail).toContain('"aud"');
    expect(strict.getByName).not.toHaveBeenCalled();
  });

  test("[CONN3] a token in the address is never read", async () => {
    const token = await tokenOf("ann");
    for (const key of ["token", "access_token", "authorization", "bearer", "id"]) {
      await expectRefused({}, `/v1/me?${key}=${token}`);
      await expectRefused({ headers: { upgrade: "websocket" } }, `/v1/connect?${key}=${token}`);
    }
    await expectRefused({ headers: { cookie: `token=${token}` } });
    await expectRefused({ headers: { "sec-websocket-protocol": `nearby.v1, bearer.${token}` } });
  });

  test("when the keys cannot be had it is 503, not the client's fault", async () => {
    const log = silenceLog();
    const down = vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("network"));
    const keys = {
      AUTH_SECRET: undefined,
      AUTH_JWKS_URL: "https://id.example/keys.json",
      AUTH_ISSUER: "https://id.example",
      AUTH_AUDIENCE: "nearby",
    };
    const { env: jwksEnv, getByName } = envWithObject({}, keys);
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    if (!("privateKey" in pair)) throw new Error("a pair was asked for");
    const token = await new SignJWT({ sub: "ann" })
      .setProtectedHeader({ alg: "ES256" })
      .setExpirationTime("1h")
      .sign(pair.privateKey);

    const response = await call("GET /v1/me", { token, env: jwksEnv });
    expect(response.headers.get("retry-after")).toBe("5");
    await expectProblem(response, 503, "unavailable");
    await expectProblem(await call("GET /v1/me", { token, env: jwksEnv }), 503, "unavailable");
    await expectProblem(await call("GET /v1/me", { as: "ann", env: jwksEnv }), 401, "unauthorized");
    expect(down).toHaveBeenCalledTimes(1);
    expect(log).toHaveBeenCalledTimes(1);
    expect(getByName).not.toHaveBeenCalled();
  });
});

describe("bodies", () => {
  const JSON_TYPE = { "content-type": "application/json" };

  test.each([
    ["application/json", 200],
    ["application/json; charset=utf-8", 200],
    ["Application/JSON", 200],
    ["application/merge-patch+json", 200],
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["", 415],
  ])("content type %j", async (type, status) => {
    const response = await call("PATCH /v1/me", { as: someone(), body: "{}", headers: { "content-type": type } });
    if (status === 200) await expectOk(response);
    else await expectProblem(response, 415, "wrong_type");
  });

  test.each(["", "{", "{}x", "[]", "[1]", '"x"', "7", "null", "NaN", "\u0000", "[".repeat(60_000)])(
    "%.20j is no JSON object",
    async (body) => {
      const response = await call("PATCH /v1/me", { as: someone(), body, headers: JSON_TYPE });
      await expectProblem(response, 400, "bad_request");
    },
  );

  test("text that is not UTF-8 is refused, not repaired", async () => {
    const body = new Uint8Array([...new TextEncoder().encode('{"name":"'), 0xff, 0x22, 0x7d]);
    await expectProblem(await call("PATCH /v1/me", { as: someone(), body, headers: JSON_TYPE }), 400, "bad_request");
  });

  test("64 KiB are taken, a byte more is 413, whether or not the length is announced", async () => {
    const ann = someone();
    const full = "{}".padEnd(BODY_MAX_BYTES, " ");
    expect(BODY_MAX_BYTES).toBe(65_536);
    for (const [text, status] of [
      [full, 200],
      [`${full} `, 413],
    ] as const) {
      const announced = await call("PATCH /v1/me", { as: ann, body: text, headers: JSON_TYPE });
      expect(announced.status).toBe(status);
      const bytes = new TextEncoder().encode(text);
      const chunks = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < bytes.length; at += 10_000) controller.enqueue(bytes.subarray(at, at + 10_000));
          controller.close();
        },
      });
      expect((await call("PATCH /v1/me", { as: ann, body: chunks, headers: JSON_TYPE })).status).toBe(status);
    }
    const response = await call("POST /v1/location", { as: ann, body: `${full} `, headers: JSON_TYPE });
    await expectProblem(response, 413, "too_large");
  });

  test("a body that is too large is read to its end, so that its connection can be used again", async () => {
    const body = "x".repeat(BODY_MAX_BYTES + 1);
    const headers = { "content-type": "application/json", "content-length": String(body.length) };
    const request = new Request("https://nearby.test/v1/location", { method: "POST", headers, body });
    const response = await worker.fetch(request, PLAIN, createExecutionContext());
    await expectProblem(response, 413, "too_large");
    expect(request.bodyUsed).toBe(true);
  });
});

describe("/dev/login", () => {
  const dev = envWith({ DEV_LOGIN: "1" });
  const login = (json: unknown, withEnv = dev): Promise<Response> => call("POST /dev/login", { json, env: withEnv });

  test("hands out a token for twelve hours", async () => {
    const ann = someone();
    const response = await login({ user: ann, name: " Ann " });
    expect(response.headers.get("cache-control")).toBe("no-store");
    const body = (await expectOk(response)) as { token: string; expiresAt: number };
    expect(body).toEqual({ token: expect.any(String), user: ann, expiresAt: expect.any(Number) });
    expect(Math.abs(body.expiresAt - Date.now() - 12 * HOUR_S * 1000)).toBeLessThan(5000);
    const me = await expectOk(await call("GET /v1/me", { token: body.token }));
    expect(me).toMatchObject({ user: ann, name: "Ann" });
  });

  test("is not there without DEV_LOGIN", async () => {
    await expectProblem(await login({ user: "ann" }, PLAIN), 404, "not_found");
    await expectProblem(await login({ user: "ann" }, envWith({ DEV_LOGIN: "0" })), 404, "not_found");
  });

  test.each<[unknown, string[]]>([
    [{}, ["#/user"]],
    [{ user: "a b" }, ["#/user"]],
    [{ user: "x".repeat(65) }, ["#/user"]],
    [{ user: 7 }, ["#/user"]],
    [{ user: "ann", name: "" }, ["#/name"]],
    [{ user: "ann", role: "admin" }, ["#/role"]],
  ])("%j is refused", async (json, pointers) => {
    expect(await expectPointers(await login(json))).toEqual(pointers);
  });
});

describe("CORS", () => {
  const strict = envWith({ ALLOWED_ORIGINS: "https://app.example" });
  const preflight = { origin: "https://app.example", "access-control-request-method": "PATCH" };

  test("a preflight is answered before the token is asked for", async () => {
    const response = await call("OPTIONS /v1/me", { headers: preflight, env: strict });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-methods": "GET,HEAD,POST,PUT,PATCH,DELETE",
      "access-control-allow-headers": "authorization,content-type",
      "access-control-max-age": "7200",
    });
  });

  test("other origins get no permission", async () => {
    const headers = { ...preflight, origin: "https://evil.example" };
    const asked = await call("OPTIONS /v1/me", { headers, env: strict });
    expect(asked.headers.get("access-control-allow-origin")).toBeNull();
    const got = await call("GET /v1/me", { as: someone(), headers, env: strict });
    expect(got.headers.get("access-control-allow-origin")).toBeNull();
    expect(got.headers.get("vary")).toBe("Origin");
  });

  test("answers and errors can be read by allowed pages, never with credentials", async () => {
    const headers = { origin: "https://app.example" };
    for (const withEnv of [strict, PLAIN]) {
      for (const options of [{ as: someone() }, {}]) {
        const response = await call("GET /v1/me", { ...options, headers, env: withEnv });
        expect(response.headers.get("access-control-allow-origin")).toBe(withEnv === PLAIN ? "*" : headers.origin);
        expect(response.headers.get("access-control-allow-credentials")).toBeNull();
      }
    }
  });
});

describe("failures", () => {
  test("of the server are 500, logged once, and tell nothing", async () => {
    const log = silenceLog();
    const broken = () => Promise.reject(new Error("no such column: secret_plan"));
    const { env: fake } = envWithObject({ getProfile: broken });
    const response = await call("GET /v1/me?q=private", {
      as: "ann",
      env: fake,
      headers: { origin: "https://a.example" },
    });
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await expectProblem(response, 500, "internal")).toMatchObject({ detail: "The server failed." });
    expect(log).toHaveBeenCalledTimes(1);
    const line: unknown = JSON.parse(String(log.mock.calls[0]?.[0]));
    expect(line).toEqual({
      level: "error",
      event: "request_failed",
      request: response.headers.get("x-request-id"),
      method: "GET",
      path: "/v1/me",
      error: expect.stringContaining("secret_plan"),
    });
  });

  test.each(["overloaded", "retryable"])("that pass (%s) are 503", async (mark) => {
    silenceLog();
    const busy = () => Promise.reject(Object.assign(new Error("busy"), { [mark]: true }));
    const { env: fake } = envWithObject({ getProfile: busy });
    const response = await call("GET /v1/me", { as: "ann", env: fake });
    expect(response.headers.get("retry-after")).toBe("1");
    await expectProblem(response, 503, "unavailable");
  });

  test("are never what a client sends", async () => {
    const token = await tokenOf(someone());
    const method = fc.constantFrom("GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD");
    const known = fc.constantFrom(
      "/v1/me",
      "/v1/friends",
      "/v1/friends/",
      "/v1/location",
      "/v1/nearby",
      "/v1/connect",
      "/dev/login",
    );
    const junk = fc.string({ unit: "binary", maxLength: 12 }).map((text) => encodeURI(text.toWellFormed()));
    const raw = fc.stringMatching(/^[%0-9a-fzA-F./?&=~-]{0,12}$/);
    const body = fc.oneof(fc.json(), fc.string(), fc.constant("{}"));
    const upgrade = fc.constantFrom({}, { upgrade: "websocket" });
    await fc.assert(
      fc.asyncProperty(method, known, fc.oneof(junk, raw), body, upgrade, async (verb, path, tail, text, headers) => {
        const hasBody = verb !== "GET" && verb !== "HEAD";
        const response = await call(`${verb} ${path}${tail}`, {
          token,
          env: PLAIN,
          headers: { "content-type": "application/json", ...headers },
          ...(hasBody ? { body: text } : {}),
        });
        if (response.webSocket !== null) {
          response.webSocket.accept();
          response.webSocket.close(1000);
        } else {
          await response.arrayBuffer();
        }
        expect(response.status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });
});

describe("where an object is created", () => {
  test.each<[Record<string, unknown> | undefined, string | undefined]>([
    [undefined, undefined],
    [{}, undefined],
    [{ continent: "NA", longitude: "-122.4" }, "wnam"],
    [{ continent: "NA", longitude: "-74" }, "enam"],
    [{ continent: "NA" }, "enam"],
    [{ continent: "SA" }, "sam"],
    [{ continent: "EU", longitude: "2.35" }, "weur"],
    [{ continent: "EU", longitude: "21.0" }, "eeur"],
    [{ continent: "EU", longitude: "east" }, "weur"],
    [{ continent: "AS", country: "JP" }, "apac"],
    [{ continent: "AS", country: "AE" }, "me"],
    [{ continent: "AS" }, "apac"],
    [{ continent: "OC" }, "oc"],
    [{ continent: "AF" }, "afr"],
    [{ continent: "AN" }, undefined],
    [{ continent: 7 }, undefined],
  ])("%j", (place, hint) => {
    expect(locationHint(place)).toBe(hint);
  });

  test("is near its owner", async () => {
    const { env: fake, getByName } = envWithObject({ getProfile: () => Promise.resolve({}) });
    const cf = { continent: "EU", longitude: "2.35" };
    await call("GET /v1/me", { as: "ann", env: fake, cf });
    await call("GET /v1/me", { as: "ann", env: fake });
    expect(getByName.mock.calls).toEqual([
      ["ann", { locationHint: "weur" }],
      ["ann", {}],
    ]);
  });
});
