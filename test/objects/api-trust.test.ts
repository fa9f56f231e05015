/** The HTTP side of who sees how much: what the Worker makes of a request before any user's object hears of it. */
import { afterEach, describe, expect, test, vi } from "vitest";

import { ASKS_PER_DAY_MAX, PAUSE_MAX_MS } from "../../src/protocol/limits.ts";
import { call, envWithObject, expectOk, expectPointers, expectProblem, someone, tokenOf } from "./api-calls.ts";
import type { Call } from "./api-calls.ts";
import { obedient } from "./obedient.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const JSON_TYPE = { "content-type": "application/json" };

/** Ids that no user has, as they stand in a path. */
const BAD_IDS = [
  // Percent-encoding that is none, controls, and what stands for something else in addresses.
  "% %zz a%zz %ff %E0%A4%A %00 a%00b %0a a%0d%0ab a%20b + a,b a;b a=b %25 %3Cscript%3E %22 ' *",
  // Slashes and dots, encoded and twice encoded.
  "a%2Fb %2F %5C ..%2Fbob bob%2F.. %252e %252e%252e bob%253A",
  // Letters beyond ASCII: composed, combining, wide, emoji, direction override, byte-order mark, half a pair, look-alike.
  "%C3%A9 e%CC%81 %E6%97%A5 %F0%9F%A6%8A %E2%80%AEbob bob%EF%BB%BF %ED%A0%80 b%D0%BEb",
  `${"x".repeat(65)} ${"x".repeat(300)}`,
].flatMap((ids) => ids.split(" "));

/** Dots are gone before a request leaves its client, and a slash makes another address. */
const OTHER_ADDRESSES = [".", "..", "%2e", "%2e%2e", "a/b", "bob/", "/bob", ""];

const WITH_ID = [
  ["PATCH", "/v1/friends"],
  ["PUT", "/v1/blocks"],
  ["DELETE", "/v1/blocks"],
] as const;

describe("ids in paths", () => {
  const send = (method: string, path: string, more: Call): Promise<Response> =>
    call(`${method} ${path}`, { as: "ann", ...more, ...(method === "PATCH" ? { json: { muted: true } } : {}) });

  test.each(BAD_IDS)("%s is no user id", async (id) => {
    const { env, getByName } = obedient();
    for (const [method, path] of WITH_ID) {
      const { detail } = await expectProblem(await send(method, `${path}/${id}`, { env }), 400, "bad_request");
      expect(detail).toContain("A-Z a-z 0-9 . _ : @ -");
    }
    expect(getByName).not.toHaveBeenCalled();
  });

  test.each(OTHER_ADDRESSES)("%j leads somewhere else", async (id) => {
    const { env, getByName } = obedient();
    for (const [method, path] of WITH_ID) {
      const { status } = await send(method, `${path}/${id}`, { env });
      expect([404, 405]).toContain(status);
    }
    expect(getByName).not.toHaveBeenCalled();
  });

  test("a good one may be percent-encoded, once, and has 1 to 64 characters", async () => {
    for (const [path, id] of [
      ["bob%40example.org%3A1", "bob@example.org:1"],
      ["%62ob", "bob"],
      ["...", "..."],
      ["constructor", "constructor"],
      ["__proto__", "__proto__"],
      ["b", "b"],
      ["x".repeat(64), "x".repeat(64)],
    ] as const) {
      const { env, object } = obedient();
      expect((await call(`PUT /v1/blocks/${path}`, { as: "ann", env })).status).toBe(204);
      expect(object.block.mock.calls).toEqual([[expect.objectContaining({ user: "ann" }), id]]);
    }
  });
});

describe("asking too many people", () => {
  test("[FRIEND8] is 429, and says when to come back", async () => {
    const { env } = envWithObject({ putFriend: () => Promise.resolve({ refused: "ask_limit" }) });
    const response = await call("PUT /v1/friends/bob", { as: "ann", env });
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    const { detail } = await expectProblem(response, 429, "rate_limited");
    expect(detail).toContain(String(ASKS_PER_DAY_MAX));
  });
});

describe("/v1/blocks", () => {
  test("limit and cursor reach the object only when they are good", async () => {
    const { env, object } = obedient();
    await expectOk(await call("GET /v1/blocks", { as: "ann", env }));
    await expectOk(await call("GET /v1/blocks?limit=1000&cursor=b%40c", { as: "ann", env }));
    await expectOk(await call("GET /v1/blocks?limit=1&color=red", { as: "ann", env }));
    expect(object.listBlocks.mock.calls).toEqual(
      [{ limit: 100 }, { limit: 1000, cursor: "b@c" }, { limit: 1 }].map((query) => [
        expect.objectContaining({ user: "ann" }),
        query,
      ]),
    );
  });

  const badQueries = [
    "limit=0 limit=1001 limit=-1 limit=1.5 limit=1e2 limit= limit=%zz limit=0x10 limit=%EF%BC%91",
    `cursor= cursor=a%20b cursor=%00 cursor=%ff cursor=a%2Fb cursor=%C3%A9 cursor=${"x".repeat(65)}`,
  ].flatMap((queries) => queries.split(" "));

  test.each(badQueries)("?%s is refused", async (query) => {
    const { env, getByName } = obedient();
    await expectProblem(await call(`GET /v1/blocks?${query}`, { as: "ann", env }), 400, "bad_request");
    expect(getByName).not.toHaveBeenCalled();
  });

  test("[BLOCK3] nobody blocks themselves; too many are 409", async () => {
    const { env, getByName } = obedient();
    await expectProblem(await call("PUT /v1/blocks/ann", { as: "ann", env }), 400, "bad_request");
    expect(getByName).not.toHaveBeenCalled();
    const full = envWithObject({ block: () => Promise.resolve({ refused: "block_limit" }) });
    await expectProblem(await call("PUT /v1/blocks/bob", { as: "ann", env: full.env }), 409, "block_limit");
  });

  test("blocking and unblocking are 204 without a body, and need none", async () => {
    const { env, called } = obedient();
    for (const [method, more] of [
      ["PUT", {}],
      ["PUT", { body: "not JSON", headers: { "content-type": "text/plain" } }],
      ["DELETE", {}],
      ["DELETE", { json: { id: "eve" } }],
    ] as const) {
      const response = await call(`${method} /v1/blocks/bob`, { as: "ann", env, ...more });
      expect([response.status, await response.text()]).toEqual([204, ""]);
      expect(response.headers.get("cache-control")).toBe("no-store");
    }
    expect(called()).toEqual(["block", "block", "unblock", "unblock"]);
  });

  test.each([
    ["POST /v1/blocks", "GET, HEAD"],
    ["DELETE /v1/blocks", "GET, HEAD"],
    ["GET /v1/blocks/bob", "PUT, DELETE"],
    ["PATCH /v1/blocks/bob", "PUT, DELETE"],
  ])("%s is 405", async (line, allow) => {
    const { env, getByName } = obedient();
    const response = await call(line, { as: "ann", env });
    expect(response.headers.get("allow")).toBe(allow);
    await expectProblem(response, 405, "method_not_allowed");
    expect(getByName).not.toHaveBeenCalled();
  });

  test("[BLOCK1] the list is the caller's own, and the blocked side sees nothing in its own", async () => {
    const [ann, bob] = [someone(), someone()];
    expect((await call(`PUT /v1/blocks/${bob}`, { as: ann })).status).toBe(204);
    const own = await expectOk(await call("GET /v1/blocks", { as: ann }));
    expect(own).toEqual({ blocks: [{ id: bob, since: expect.any(Number) }] });
    expect(await expectOk(await call("GET /v1/blocks", { as: bob }))).toEqual({ blocks: [] });
    expect(await expectOk(await call("GET /v1/friends", { as: ann }))).toEqual({ friends: [] });
  });
});

describe("PATCH /v1/me with pausedUntil", () => {
  const NOW = Date.UTC(2030, 0, 1);
  const patch = (json: unknown, env: Env): Promise<Response> => {
    vi.setSystemTime(NOW);
    return call("PATCH /v1/me", { as: "ann", json, env });
  };

  test.each([NOW + 1, NOW + PAUSE_MAX_MS - 1, NOW + PAUSE_MAX_MS, null])("[ME4] %j is taken", async (pausedUntil) => {
    const { env, object } = obedient();
    await expectOk(await patch({ pausedUntil }, env));
    expect(object.patchProfile.mock.calls).toEqual([[expect.objectContaining({ user: "ann" }), { pausedUntil }]]);
  });

  test.each<[unknown]>([
    [NOW],
    [NOW - 1],
    [NOW + PAUSE_MAX_MS + 1],
    [0],
    [-1],
    [NOW / 1000 + 3600],
    [(NOW + 1) * 1000],
    [NOW + 0.5],
    [2 ** 53],
    ["1893456000001"],
    ["2030-01-02T00:00:00Z"],
    [true],
    [false],
    [[NOW + 1]],
    [{ at: NOW + 1 }],
  ])("[ME4] %j is refused", async (pausedUntil) => {
    const { env, getByName } = obedient();
    expect(await expectPointers(await patch({ pausedUntil, name: "Ann" }, env))).toEqual(["#/pausedUntil"]);
    expect(getByName).not.toHaveBeenCalled();
  });

  test("[ME4] 1e400 is no time", async () => {
    const { env, getByName } = obedient();
    const body = '{"pausedUntil":1e400}';
    const response = await call("PATCH /v1/me", { as: "ann", env, body, headers: JSON_TYPE });
    expect(await expectPointers(response)).toEqual(["#/pausedUntil"]);
    expect(getByName).not.toHaveBeenCalled();
  });

  test("[ME4] an end may stand beside a pause, not beside sharing", async () => {
    const { env, called } = obedient();
    const pausedUntil = NOW + 60_000;
    for (const sharing of [true, null]) {
      expect(await expectPointers(await patch({ pausedUntil, sharing }, env))).toEqual(["#/pausedUntil"]);
    }
    expect(called()).toEqual([]);
    await expectOk(await patch({ pausedUntil, sharing: false }, env));
    await expectOk(await patch({ pausedUntil: null, sharing: true }, env));
    expect(called()).toEqual(["patchProfile", "patchProfile"]);
  });
});

describe("DELETE /v1/me", () => {
  test("[ME5] is 204 without a body, reads none, and an empty account follows", async () => {
    const ann = someone();
    await expectOk(await call("PATCH /v1/me", { as: ann, json: { name: "Ann" } }));
    for (const more of [{}, { json: { user: "bob" } }, { body: "x", headers: { "content-type": "text/plain" } }]) {
      const response = await call("DELETE /v1/me", { as: ann, ...more });
      expect([response.status, await response.text()]).toEqual([204, ""]);
      expect(response.headers.get("cache-control")).toBe("no-store");
    }
    expect(await expectOk(await call("GET /v1/me", { as: ann }))).toEqual({
      user: ann,
      sharing: true,
      discoverable: false,
    });
  });
});

describe("on behalf of somebody else", () => {
  /** Each request, the name of the method it ends in, and everything in which another user could be named. */
  const REQUESTS = [
    ["PATCH /v1/friends/bob", "patchFriend", { muted: true }],
    ["PUT /v1/friends/bob", "putFriend", undefined],
    ["DELETE /v1/friends/bob", "deleteFriend", undefined],
    ["GET /v1/blocks", "listBlocks", undefined],
    ["PUT /v1/blocks/bob", "block", undefined],
    ["DELETE /v1/blocks/bob", "unblock", undefined],
    ["GET /v1/me", "getProfile", undefined],
    ["PATCH /v1/me", "patchProfile", { sharing: false }],
    ["DELETE /v1/me", "deleteAccount", undefined],
  ] as const;
  const EVE = JSON.stringify({ user: "eve", expMs: Date.now() + 3_600_000 });
  const FORGED = {
    "x-nearby-caller": EVE,
    "x-nearby-share": "AAAAAAAAAAAAAAAAAAAAAA",
    "x-nearby-device": "eve",
    "x-user": "eve",
    "x-forwarded-user": "eve",
    "x-http-method-override": "DELETE",
    cookie: "user=eve; sub=eve",
  };

  test.each(REQUESTS)("%s concerns the user of the token, whatever else is said", async (line, method, json) => {
    const { env, getByName, object, called } = obedient();
    const query = "?user=eve&sub=eve&as=eve&caller=eve&id=eve";
    const response = await call(`${line}${query}`, {
      as: "ann",
      env,
      headers: FORGED,
      ...(json === undefined ? {} : { json }),
    });
    expect(response.status).toBeLessThan(300);
    expect(getByName.mock.calls.map(([name]) => name)).toEqual(["ann"]);
    expect(called()).toEqual([method]);
    const args: unknown[] = object[method].mock.calls[0] ?? [];
    expect(args[0]).toEqual({ user: "ann", expMs: expect.any(Number), requestId: expect.any(String) });
    expect(JSON.stringify(args)).not.toContain("eve");
  });

  test.each(REQUESTS)("%s without a good token reaches nobody", async (line, _method, json) => {
    const { env, getByName } = obedient();
    const more = { env, ...(json === undefined ? {} : { json }) };
    const [, payload, signature] = (await tokenOf("ann")).split(".");
    const none = btoa('{"alg":"none"}').replaceAll("=", "");
    for (const refused of [
      await call(line, { ...more, headers: FORGED }),
      await call(line, { ...more, token: `${none}.${payload}.${signature}` }),
      await call(line, { ...more, token: `${none}.${payload}.` }),
      await call(line, { ...more, token: await tokenOf("ann", {}, -1) }),
      await call(`${line}?token=${await tokenOf("ann")}`, more),
    ]) {
      await expectProblem(refused, 401, "unauthorized");
    }
    expect(getByName).not.toHaveBeenCalled();
  });

  test("headers of the inside that a client sends do not reach the object with its socket", async () => {
    const seen: Headers[] = [];
    const fetch = (request: Request): Promise<Response> => {
      seen.push(request.headers);
      return Promise.resolve(new Response(null, { status: 204 }));
    };
    const { env, getByName } = envWithObject({ fetch });
    await call("GET /v1/connect", { as: "ann", env, headers: { ...FORGED, upgrade: "websocket" } });
    expect(getByName.mock.calls.map(([name]) => name)).toEqual(["ann"]);
    const [headers] = seen;
    expect(seen).toHaveLength(1);
    expect(JSON.parse(headers?.get("x-nearby-caller") ?? "null")).toMatchObject({ user: "ann" });
    expect([headers?.get("x-nearby-share"), headers?.get("x-nearby-device")]).toEqual([null, null]);
  });
});
