import { describe, expect } from "vitest";
import type { Answer } from "./helpers.ts";
import { expectProblem, request, signToken, test } from "./helpers.ts";
import { rawRequest } from "./raw-http.ts";

/** One request of each route behind a token. */
const ROUTES = [
  ["GET", "/v1/me"],
  ["PATCH", "/v1/me"],
  ["GET", "/v1/friends"],
  ["PUT", "/v1/friends/somebody"],
  ["DELETE", "/v1/friends/somebody"],
  ["GET", "/v1/nearby"],
  ["POST", "/v1/location"],
] as const;

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("HTTP", { concurrent: true, timeout: 15_000 }, () => {
  test("[HTTP1] every error is a problem that does not repeat what was sent", async ({ world }) => {
    const ana = world.user("ana");
    const answers: [Answer, number, string][] = [
      [await request(world.target, "GET", "/v1/me"), 401, "unauthorized"],
      [await ana.api("GET", "/v1/secret-marker"), 404, "not_found"],
      [await ana.api("GET", "/secret-marker"), 404, "not_found"],
      [await ana.api("PATCH", "/v1/me", { "secret-marker": 1, name: "" }), 400, "bad_request"],
      [await ana.api("PATCH", "/v1/me", '{"secret-marker'), 400, "bad_request"],
      [await ana.put("secret-marker/x"), 400, "bad_request"],
    ];
    for (const [answer, status, code] of answers) {
      const problem = expectProblem(answer, status, code);
      expect(JSON.stringify({ ...problem, errors: undefined })).not.toContain("secret-marker");
    }
  });

  test("[HTTP2] everything under /v1 needs a token", async ({ world }) => {
    for (const [method, path] of ROUTES) {
      for (const headers of [
        {},
        { authorization: "Bearer" },
        { authorization: "Bearer a.b.c" },
        { authorization: "Basic YTpi" },
      ]) {
        const answer = await request(world.target, method, path, {
          headers,
          ...(method === "PATCH" || method === "POST" ? { body: {} } : {}),
        });
        expectProblem(answer, 401, "unauthorized");
        expect(answer.headers.get("www-authenticate"), `${method} ${path}`).toMatch(/^Bearer/);
        expect(answer.headers.get("cache-control"), `${method} ${path}`).toBe("no-store");
      }
    }
  });

  test("[HTTP2] the token's own words decide nothing: no alg:none, no other algorithm, no other secret", async ({
    world,
  }) => {
    const ana = world.user("ana");
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const good = await ana.token();
    const [header = "", payload = "", signature = ""] = good.split(".");
    const tokens: Record<string, string> = {
      "alg none": `${encode({ alg: "none" })}.${encode({ sub: ana.id, exp })}.`,
      "alg None": `${encode({ alg: "None" })}.${encode({ sub: ana.id, exp })}.`,
      "alg none with a signature": `${encode({ alg: "none" })}.${payload}.${signature}`,
      "no signature": `${header}.${payload}.`,
      "two parts": `${header}.${payload}`,
      "changed payload": `${header}.${encode({ sub: "somebody", exp })}.${signature}`,
      HS512: await ana.token({ alg: "HS512", secret: "s".repeat(64) }),
      "HS384 with the right secret": await ana.token({ alg: "HS384" }),
      "another secret": await ana.token({ secret: "another-secret-of-more-than-32-bytes!!" }),
      expired: await ana.token({ expiresInS: -60 }),
      "no exp": await ana.token({ expiresInS: null }),
      "no sub": await signToken(world.target, undefined),
    };
    for (const [which, token] of Object.entries(tokens)) {
      const answer = await request(world.target, "GET", "/v1/me", { token });
      expect(answer.status, which).toBe(401);
      expectProblem(answer, 401, "unauthorized");
    }
    expect((await request(world.target, "GET", "/v1/me", { token: good })).status).toBe(200);
  });

  test("[HTTP2] a sub that is no user id is refused", async ({ world }) => {
    for (const sub of ["", ".", "..", "a b", "a/b", "é", "x".repeat(65)]) {
      const token = await signToken(world.target, sub);
      expectProblem(await request(world.target, "GET", "/v1/me", { token }), 401, "unauthorized");
    }
    const token = await signToken(world.target, `${world.unique}${"x".repeat(64 - world.unique.length)}`);
    expect((await request(world.target, "GET", "/v1/me", { token })).status).toBe(200);
  });

  test("[HTTP2] a bad token creates nothing and asks nobody", async ({ world }) => {
    const ana = world.user("ana");
    const ben = world.user("ben");
    for (const token of [await ana.token({ expiresInS: -60 }), await ana.token({ secret: "x".repeat(40) })]) {
      await request(world.target, "PUT", `/v1/friends/${ben.id}`, { token });
      await request(world.target, "PATCH", "/v1/me", { token, body: { name: "Mallory" } });
    }
    expect(await ben.friends()).toEqual([]);
    const profile = await ana.api("GET", "/v1/me");
    expect(profile.body).toEqual({ user: ana.id, sharing: true, discoverable: false });
  });

  test("[HTTP2] a token in the address is never read", async ({ world }) => {
    const token = await world.user("ana").token();
    for (const name of ["token", "access_token", "authorization", "jwt"]) {
      const answer = await request(world.target, "GET", `/v1/me?${name}=${token}`);
      expectProblem(answer, 401, "unauthorized");
    }
  });

  test("[HTTP3] nothing under /v1 may be kept by a cache", async ({ world }) => {
    const ana = world.user("ana");
    const answers = [
      await ana.api("GET", "/v1/me"),
      await ana.api("PATCH", "/v1/me", {}),
      await ana.api("GET", "/v1/friends"),
      await ana.put("somebody"),
      await ana.api("DELETE", "/v1/friends/somebody"),
      await ana.api("GET", "/v1/nearby"),
      await ana.api("GET", "/v1/nowhere"),
      await ana.api("GET", "/v1/connect"),
      await ana.api("PATCH", "/v1/me", "{"),
    ];
    for (const answer of answers) {
      expect(answer.headers.get("cache-control"), answer.text).toBe("no-store");
    }
  });

  test("[HTTP4] a body of another type is 415, one that is no JSON object 400", async ({ world }) => {
    const token = await world.user("ana").token();
    for (const [method, path] of [
      ["PATCH", "/v1/me"],
      ["POST", "/v1/location"],
    ] as const) {
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "multipart/form-data",
      ]) {
        const headers = { "content-type": type };
        expectProblem(await request(world.target, method, path, { token, body: "{}", headers }), 415, "wrong_type");
      }
      for (const body of ["", "{", "[]", "null", "1", '"x"', "nonsense", "{} {}"]) {
        expectProblem(await request(world.target, method, path, { token, body }), 400, "bad_request");
      }
    }
    for (const type of ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"]) {
      const headers = { "content-type": type };
      const answer = await request(world.target, "PATCH", "/v1/me", { token, body: "{}", headers });
      expect(answer.status, type).toBe(200);
    }
  });

  test("[HTTP4] a body of a megabyte is 413, with a length and without", async ({ world }) => {
    const token = await world.user("ana").token();
    const body = JSON.stringify({ name: "x".repeat(1_000_000) });
    for (const [method, path] of [
      ["PATCH", "/v1/me"],
      ["POST", "/v1/location"],
    ] as const) {
      expectProblem(await request(world.target, method, path, { token, body }), 413, "too_large");
    }
    const chunked = await rawRequest(world.target, {
      method: "PATCH",
      path: "/v1/me",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "transfer-encoding": "chunked" },
      body,
    });
    expect(chunked.status, chunked.text).toBe(413);
  });

  test("[HTTP5] what is not there is 404, what is there for other methods 405", async ({ world }) => {
    const ana = world.user("ana");
    for (const path of ["/nowhere", "/v1", "/v1/", "/v1/nowhere", "/v1/friends/a/b", "/v1/me/x", "/v2/me"]) {
      expectProblem(await ana.api("GET", path), 404, "not_found");
    }
    for (const [method, path] of [
      ["POST", "/v1/me"],
      ["DELETE", "/v1/nearby"],
      ["GET", "/v1/location"],
    ] as const) {
      const answer = await ana.api(method, path);
      expectProblem(answer, 405, "method_not_allowed");
      expect(answer.headers.get("allow"), `${method} ${path}`).toBeTruthy();
    }
  });

  test("[HTTP5] odd paths are refused without a failure", async ({ world }) => {
    const authorization = `Bearer ${await world.user("ana").token()}`;
    for (const path of [
      "/v1/friends/",
      "/v1/friends/.",
      "/v1/friends/..",
      "/v1/friends/%2e%2e",
      "/v1/friends/%",
      "/v1/friends/%E0%A4%A",
      "/v1/friends/%00",
      "/v1/friends/a%2Fb",
      "//v1/friends/a",
      `/v1/friends/${"x".repeat(3_000)}`,
    ]) {
      const answer = await rawRequest(world.target, {
        method: "PUT",
        path,
        headers: { authorization, "content-length": "0" },
      });
      expect([400, 404, 405], `${path}: ${answer.text}`).toContain(answer.status);
    }
  });

  test("[HTTP6] pages of other origins may call with a bearer token, never with credentials", async ({ world }) => {
    for (const [method, path] of ROUTES) {
      const preflight = await request(world.target, "OPTIONS", path, {
        headers: {
          origin: "https://app.example",
          "access-control-request-method": method,
          "access-control-request-headers": "authorization, content-type",
        },
      });
      expect([200, 204], `${method} ${path}`).toContain(preflight.status);
      expect(["*", "https://app.example"]).toContain(preflight.headers.get("access-control-allow-origin"));
      expect(preflight.headers.get("access-control-allow-methods")?.split(/, */)).toContain(method);
      const allowed = preflight.headers.get("access-control-allow-headers")?.toLowerCase().split(/, */) ?? [];
      expect(allowed).toEqual(expect.arrayContaining(["authorization", "content-type"]));
      expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();
    }
    const headers = { origin: "https://app.example" };
    for (const answer of [
      await request(world.target, "GET", "/v1/me", { headers, token: await world.user("ana").token() }),
      await request(world.target, "GET", "/v1/me", { headers }),
    ]) {
      expect(["*", "https://app.example"], answer.text).toContain(answer.headers.get("access-control-allow-origin"));
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    }
  });

  test("[HTTP7] /healthz needs no token", async ({ world }) => {
    const answer = await request(world.target, "GET", "/healthz");
    expect(answer.status, answer.text).toBe(200);
  });

  test("[HTTP8] without DEV_LOGIN there is no /dev/login", async ({ world }) => {
    for (const body of [{ user: "ana" }, {}, "{"]) {
      const answer = await request(world.target, "POST", "/dev/login", { body });
      expect(answer.status, "this suite needs DEV_LOGIN unset").toBe(404);
      expectProblem(answer, 404, "not_found");
      expect(answer.text).not.toContain("token");
    }
  });
});
