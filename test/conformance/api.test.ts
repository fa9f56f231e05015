/** What the classic design refuses over HTTP: its own edges, which the tests of the rules do not reach. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ClassicPeer, startClassic } from "../../scripts/bench/classic/start.ts";
import { signToken } from "../../src/auth/token.ts";
import { IMPORT_LINES_MAX, IMPORT_MAX_BYTES } from "../../src/protocol/limits.ts";
import { expectProblem, request, World } from "../blackbox/helpers.ts";

const secret = randomBytes(32).toString("base64url");
let peer: ClassicPeer;
let world: World;
let operator: string;

beforeAll(async () => {
  const signal = new AbortController().signal;
  peer = await startClassic({
    redisServers: 1,
    servers: 1,
    settings: { AUTH_SECRET: secret },
    signal,
    onProgress: () => {},
  });
  world = new World({ url: peer.url, secret });
  const auth = { kind: "hs256", secrets: [new TextEncoder().encode(secret)] } as const;
  const at = { nowMs: Date.now(), lifetimeS: 600 };
  operator = (await signToken(auth, { user: "operator", role: "admin" }, at)).token;
});

afterAll(async () => peer.close());

function importLines(body: string, token: string) {
  const headers = { "content-type": "application/x-ndjson" };
  return request(world.target, "POST", "/v1/admin/friendships", { token, body, headers });
}

describe("the calls of the classic design", { timeout: 30_000 }, () => {
  test("a page of friends has 199, 200, and never 201 entries; all pages together are the list", async () => {
    const hub = world.user("hub");
    const friends = Array.from({ length: 205 }, (_, n) => world.user(`f${n}`).id);
    const made = await importLines(friends.map((b) => JSON.stringify({ a: hub.id, b })).join("\n"), operator);
    expect(made.body).toEqual({ accepted: 205, unchanged: 0, refused: [] });
    for (const limit of [199, 200]) {
      const page = await hub.api("GET", `/v1/friends?limit=${limit}`);
      expect(page.body).toMatchObject({ friends: { length: limit } });
    }
    expectProblem(await hub.api("GET", "/v1/friends?limit=201"), 400, "bad_request");
    expectProblem(await hub.api("GET", "/v1/friends?limit=0"), 400, "bad_request");
    expect((await hub.friends("limit=100")).map((entry) => entry.id)).toEqual(friends.toSorted());
  });

  test("an import has as many lines as anywhere, and one more applies none of them", async () => {
    const [ana, ben] = [world.user("ana").id, world.user("ben").id];
    const line = `${JSON.stringify({ a: ana, b: ben })}\n`;
    expectProblem(await importLines(line.repeat(IMPORT_LINES_MAX + 1), operator), 413, "too_large");
    for (const [lines, unchanged] of [
      [IMPORT_LINES_MAX - 1, IMPORT_LINES_MAX - 2],
      [IMPORT_LINES_MAX, IMPORT_LINES_MAX],
    ] as const) {
      expect((await importLines(line.repeat(lines), operator)).body).toEqual({
        accepted: lines,
        unchanged,
        refused: [],
      });
    }
  });

  test("a body has at most as many bytes as an import", async () => {
    for (const bytes of [IMPORT_MAX_BYTES - 1, IMPORT_MAX_BYTES]) {
      expect((await importLines(" ".repeat(bytes), operator)).body).toEqual({ accepted: 0, unchanged: 0, refused: [] });
    }
    expectProblem(await importLines(" ".repeat(IMPORT_MAX_BYTES + 1), operator), 413, "too_large");
  });

  test("bad lines are told by their numbers, and the others hold", async () => {
    const [ana, ben] = [world.user("a1").id, world.user("b1").id];
    const lines = [
      "{",
      JSON.stringify({ a: ana, b: ben }),
      "",
      JSON.stringify({ a: ana, b: ana }),
      '{"a":".","b":"x"}',
    ];
    const { body } = await importLines(lines.join("\n"), operator);
    expect(body).toMatchObject({ accepted: 1, refused: [{ line: 1 }, { line: 4 }, { line: 5 }] });
  });

  test("who is no operator imports nothing, and nobody calls without a token", async () => {
    const ana = world.user("ana2");
    expectProblem(await importLines("{}", await ana.token()), 403, "forbidden");
    expectProblem(await request(world.target, "GET", "/v1/me"), 401, "unauthorized");
    expectProblem(await ana.api("GET", "/v1/shares"), 404, "not_found");
    expect((await request(world.target, "GET", "/healthz")).status).toBe(200);
  });
});
