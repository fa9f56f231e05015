import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { expect, test } from "vitest";

import { Description } from "../blackbox/api-description.ts";
import { isJson, SchemaChecker } from "../blackbox/json-schema.ts";
import type { Json } from "../blackbox/json-schema.ts";

const ROOT = join(import.meta.dirname, "../..");

function read(path: string): Json {
  const parsed: unknown = JSON.parse(readFileSync(join(ROOT, path), "utf8"));
  if (!isJson(parsed)) throw new Error(`${path} is no JSON object`);
  return parsed;
}

const DOCUMENT = read("docs/openapi.json");
const DESCRIPTION = new Description(DOCUMENT);

/** Every object of a document with its path. */
function* objectsIn(value: unknown, path = "#"): Generator<[string, Json]> {
  if (isJson(value)) yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, part] of Object.entries(value)) yield* objectsIn(part, `${path}/${key}`);
}

test("the committed descriptions are what the code says", () => {
  expect(() => execFileSync(process.execPath, ["scripts/openapi.ts", "--check"], { cwd: ROOT })).not.toThrow();
});

test("every route is described, and nothing else is", async () => {
  const Module = v.object({ app: v.object({ routes: v.array(v.object({ method: v.string(), path: v.string() })) }) });
  // The types of the Worker are of another runtime than those of this test.
  const { app } = v.parse(Module, await import(new URL("../../src/api/app.ts", import.meta.url).href));
  const routes = app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  const described = DESCRIPTION.operations.map(({ method, path }) => `${method} ${path}`);
  expect(described.toSorted()).toEqual([...new Set(routes)].toSorted());
});

test("the document has what OpenAPI 3.1 asks for", () => {
  expect(DOCUMENT).toMatchObject({
    openapi: "3.1.0",
    info: { title: expect.any(String), version: expect.any(String) },
  });
  const ids = DESCRIPTION.operations.map(({ id }) => id);
  expect(new Set(ids).size, "an operation is named once").toBe(ids.length);
  for (const { path, parameters, responses, id } of DESCRIPTION.operations) {
    const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
    const named = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
    expect(named, `${id}: path parameters`).toEqual(inPath);
    expect(responses.size, `${id}: answers`).toBeGreaterThan(0);
    for (const [status, response] of responses) expect(response, `${id}: ${status}`).toHaveProperty("description");
  }
  for (const [path, object] of objectsIn(DOCUMENT)) {
    expect(() => DESCRIPTION.checker.resolve(object), path).not.toThrow();
  }
});

/** Of phone apps, which are told nothing but that their password is bad, or to come again. */
const PHONE_IDS: ReadonlySet<string> = new Set(["ownTracks", "ownTracksRecorder", "osmAndQuery", "osmAnd"]);

test("who needs a token is told of 401, who sends a body of 413 and 415, and everybody of failures", () => {
  for (const { id, needsToken, body, method, responses } of DESCRIPTION.operations) {
    if (PHONE_IDS.has(id)) {
      expect(
        [...responses.keys()].toSorted((a, b) => a - b),
        id,
      ).toEqual([200, 401, 500, 503]);
      continue;
    }
    expect(responses.has(401), `${id}: 401`).toBe(needsToken);
    expect(responses.has(415), `${id}: 415`).toBe(body.size > 0);
    expect(responses.has(413), `${id}: 413`).toBe(method !== "GET");
    expect(responses.has(500), `${id}: 500`).toBe(id !== "health");
  }
});

const FRIEND = { id: "ben", state: "friend", since: 1, visibility: "exact", muted: false };

test.each([
  ["a missing field", { ...FRIEND, muted: undefined }],
  ["a field of another type", { ...FRIEND, since: "1" }],
  ["a number that is not whole", { ...FRIEND, since: 0.5 }],
  ["a value that is not listed", { ...FRIEND, state: "foe" }],
  ["an id that is none", { ...FRIEND, id: ".." }],
  ["a field that nobody described", { ...FRIEND, secret: 1 }],
  ["a list", [FRIEND]],
])("the checker of the fuzzer refuses %s", (_, value) => {
  const sent: unknown = JSON.parse(JSON.stringify(value));
  const schema = { $ref: "#/components/schemas/FriendEntry" };
  expect(DESCRIPTION.checker.faults(schema, FRIEND)).toEqual([]);
  expect(DESCRIPTION.checker.faults(schema, sent)).not.toEqual([]);
  const page = { $ref: "#/components/schemas/FriendsPage" };
  expect(DESCRIPTION.checker.faults(page, { friends: [FRIEND] })).toEqual([]);
  expect(DESCRIPTION.checker.faults(page, { friends: [FRIEND, sent] }), "in a list").not.toEqual([]);
});

test("the checker of the fuzzer refuses what is not described: a status, a type, a body, a lost header", () => {
  const get = DESCRIPTION.operations.find(({ id }) => id === "deleteFriend");
  if (get === undefined) throw new Error("deleteFriend is not described");
  const problem = { type: "about:blank", title: "Unauthorized", status: 401, code: "unauthorized", detail: "No." };
  const answer = {
    status: 401,
    headers: { "content-type": "application/problem+json", "www-authenticate": "Bearer" },
    text: JSON.stringify(problem),
  };
  expect(DESCRIPTION.faults(get, answer)).toEqual([]);
  expect(DESCRIPTION.faults(get, { status: 204, headers: {}, text: "" })).toEqual([]);
  expect(DESCRIPTION.faults(get, { status: 204, headers: {}, text: "{}" })).not.toEqual([]);
  expect(DESCRIPTION.faults(get, { ...answer, status: 418 })).not.toEqual([]);
  expect(DESCRIPTION.faults(get, { ...answer, headers: { "content-type": "application/problem+json" } })).not.toEqual(
    [],
  );
  const asText = { ...answer.headers, "content-type": "text/plain" };
  expect(DESCRIPTION.faults(get, { ...answer, headers: asText })).not.toEqual([]);
  const otherCode = JSON.stringify({ ...problem, code: "forbidden" });
  expect(DESCRIPTION.faults(get, { ...answer, text: otherCode })).not.toEqual([]);
  expect(DESCRIPTION.faults(get, { ...answer, text: "<html>" })).not.toEqual([]);
});

test("a schema with a keyword that the checker does not know is refused, not skipped", () => {
  expect(() => new SchemaChecker({}).faults({ multipleOf: 2 }, 3)).toThrow("multipleOf");
});
