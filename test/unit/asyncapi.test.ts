import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { asyncApiDocument } from "../../scripts/openapi/async.ts";
import { CLOSE, CLOSE_REASON, ERROR_CODE_LIST, errorDown } from "../../src/protocol/errors.ts";
import { FRAME_MAX_BYTES } from "../../src/protocol/limits.ts";
import { decodeUp } from "../../src/protocol/up.ts";
import { isJson, SchemaChecker } from "../blackbox/json-schema.ts";
import type { Json } from "../blackbox/json-schema.ts";

const ROOT = join(import.meta.dirname, "../..");
const DOCUMENT = asyncApiDocument();
const CHECKER = new SchemaChecker(DOCUMENT);

function at(...path: readonly string[]): Json {
  let value: unknown = DOCUMENT;
  for (const part of path) value = isJson(value) ? value[part] : undefined;
  if (!isJson(value)) throw new Error(`${path.join("/")} is not there`);
  return value;
}

function listAt(object: Json, name: string): readonly Json[] {
  const list = object[name];
  return Array.isArray(list) ? list.filter(isJson) : [];
}

test("the committed description of the socket is what the code says", () => {
  const committed: unknown = JSON.parse(readFileSync(join(ROOT, "docs/asyncapi.json"), "utf8"));
  // As texts: the order counts, too, or a diff of the file would show more than what has changed.
  expect(JSON.stringify(committed) === JSON.stringify(DOCUMENT), "run npm run openapi").toBe(true);
});

test("the document has what AsyncAPI 3.0 asks for", () => {
  expect(DOCUMENT).toMatchObject({
    asyncapi: "3.0.0",
    info: { title: expect.any(String), version: expect.any(String) },
  });
  const known = /^(asyncapi|id|info|servers|defaultContentType|channels|operations|components|x-.*)$/;
  for (const field of Object.keys(DOCUMENT)) expect(field).toMatch(known);
  for (const [name, channel] of Object.entries(at("channels"))) {
    const { address, messages } = isJson(channel) ? channel : {};
    expect(address, `${name}: address`).toEqual(expect.stringMatching(/^\//));
    for (const part of Object.values(isJson(messages) ? messages : {})) {
      expect(CHECKER.resolve(isJson(part) ? part : {}), `${name}: message`).toHaveProperty("payload");
    }
    for (const [, parameter = ""] of String(address).matchAll(/\{(\w+)\}/g)) {
      expect(at("channels", name, "parameters"), `${name}: parameters of the address`).toHaveProperty(parameter);
    }
  }
});

test("an operation sends or receives messages of its own channel", () => {
  for (const [name, operation] of Object.entries(at("operations"))) {
    const { action, channel } = isJson(operation) ? operation : {};
    expect(["send", "receive"], name).toContain(action);
    const { $ref } = isJson(channel) ? channel : {};
    expect($ref, name).toEqual(expect.stringMatching(/^#\/channels\/\w+$/));
    const messages = listAt(isJson(operation) ? operation : {}, "messages");
    expect(messages.length, name).toBeGreaterThan(0);
    for (const message of messages) {
      expect(String(message["$ref"]).startsWith(`${String($ref)}/messages/`), `${name}: its channel's messages`).toBe(
        true,
      );
      expect(CHECKER.resolve(message), name).toHaveProperty("payload");
    }
  }
});

test("every message of the protocol is described, and every payload names its type", () => {
  const files = readdirSync(join(ROOT, "src/protocol/messages")).map((name) => name.replace(/\.ts$/, ""));
  const described = Object.keys(at("components", "messages"));
  expect(described).toEqual(expect.arrayContaining(files));
  expect(described.filter((name) => !files.includes(name)).toSorted()).toEqual(["ping", "pong", "share"]);
  for (const type of files) {
    const payload = CHECKER.resolve(at("components", "messages", type, "payload"));
    expect(payload, type).toMatchObject({ type: "object", properties: { type: { const: type } } });
    expect(payload["required"], type).toContain("type");
  }
});

test("every code of an error and of a close is described", () => {
  const schema = { $ref: "#/components/schemas/ErrorMessage" };
  for (const code of ERROR_CODE_LIST) {
    expect(CHECKER.faults(schema, JSON.parse(JSON.stringify(errorDown(code, { ref: 1, index: 0 })))), code).toEqual([]);
    expect(at("channels", "connect", "x-error-codes")).toHaveProperty(code);
  }
  const closes = ["connect", "share"].flatMap((name) => listAt(at("channels", name), "x-close-codes"));
  const all = new Map(closes.map(({ code, reason }) => [code, reason]));
  expect(all).toEqual(
    new Map(Object.entries(CLOSE_REASON).map(([kind, reason]) => [Reflect.get(CLOSE, kind), reason])),
  );
});

const NOW_MS = Date.UTC(2026, 0, 1);
const POINT = { lat: 1, lng: 2, ts: NOW_MS };

test.each([
  { type: "location", ...POINT },
  { type: "location", ...POINT, accuracy: null, speed: 1.5, heading: 360, ref: -1 },
  { type: "location", ...POINT, lat: 91 },
  { type: "location", ...POINT, ts: 1.5 },
  { type: "location", ...POINT, speed: -1 },
  { type: "location", lat: 1, lng: 2 },
  { type: "locations", points: [POINT] },
  { type: "locations", points: [] },
  { type: "locations", points: [POINT, { ...POINT, lng: -181 }] },
  { type: "locations", points: Array.from({ length: 101 }, () => POINT) },
  { type: "subscribe", friend: "ben", ref: 1 },
  { type: "subscribe", friend: ".." },
  { type: "unsubscribe", friend: "x".repeat(65) },
  { type: "discover", on: "yes" },
  { type: "token", token: "" },
  { type: "token", token: "a", ref: 0.5 },
])("the document takes what the server takes, and refuses what it refuses: %j", (frame) => {
  const text = JSON.stringify(frame);
  expect(text.length).toBeLessThan(FRAME_MAX_BYTES);
  const payload = at("components", "messages", frame.type, "payload");
  expect(CHECKER.faults(payload, JSON.parse(text)).length === 0).toBe(decodeUp(text, NOW_MS).ok);
});
