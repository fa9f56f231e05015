import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";

import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { expect, test } from "vitest";

import { encodeDown } from "../../src/protocol/down.ts";
import type { Down } from "../../src/protocol/down.ts";
import { errorDown } from "../../src/protocol/errors.ts";
import { PROTOCOL_FLOOR, PROTOCOL_VERSION, SCHEMA_HASH } from "../../src/protocol/version.ts";

const PROTOCOL = new URL("../../src/protocol/", import.meta.url);
const MESSAGE_FILES = readdirSync(new URL("messages/", PROTOCOL)).toSorted();
/** `locations` checks its points in a second step, which JSON schema cannot express: their shape is in `fix.ts`. */
const PART_FILES = ["fix.ts", "friend.ts", "ref.ts"];

type Schema = v.GenericSchema;

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "schema";
}

/** Every exported schema, by "file: name". */
async function allSchemas(): Promise<Map<string, Schema>> {
  const found = new Map<string, Schema>();
  for (const file of [...MESSAGE_FILES.map((name) => `messages/${name}`), ...PART_FILES]) {
    const exported: unknown = await import(new URL(file, PROTOCOL).href);
    if (typeof exported !== "object" || exported === null) throw new Error(`${file} exports nothing`);
    const schemas = Object.entries(exported).filter((entry): entry is [string, Schema] => isSchema(entry[1]));
    if (schemas.length === 0) throw new Error(`${file} exports no schema`);
    for (const [name, schema] of schemas.toSorted(([a], [b]) => (a < b ? -1 : 1)))
      found.set(`${file}: ${name}`, schema);
  }
  return found;
}

test("the shapes on the wire are those of this protocol version", async () => {
  const shapes = [...(await allSchemas())].map(([name, schema]) => [
    name,
    // JSON has no infinities, so that a schema of it need not forbid them.
    toJsonSchema(schema, { typeMode: "input", ignoreActions: ["finite"] }),
  ]);
  const hash = createHash("sha256").update(JSON.stringify(shapes)).digest("hex");
  expect(
    hash,
    `The shape of a message has changed. If a client of an earlier version would misread it, or would be refused for ` +
      `what it sends, raise PROTOCOL_VERSION (now ${PROTOCOL_VERSION}) with a line of history and decide about ` +
      `PROTOCOL_FLOOR. In any case bring SPEC.md up to date and set SCHEMA_HASH in src/protocol/version.ts to ${hash}`,
  ).toBe(SCHEMA_HASH);
});

test("the floor is a version that exists", () => {
  expect(PROTOCOL_FLOOR).toBeGreaterThanOrEqual(1);
  expect(PROTOCOL_FLOOR).toBeLessThanOrEqual(PROTOCOL_VERSION);
});

const FRIEND = { id: "bob", lat: 1, lng: 2, ts: 3, distance: 4.5, precision: "exact" } as const;

const EVERY_DOWN: Record<Down["type"], Down> = {
  welcome: {
    type: "welcome",
    user: "ann",
    radiusM: 8046.72,
    inactiveAfterS: 600,
    updateEveryS: 30,
    now: 5,
    protocol: PROTOCOL_VERSION,
  },
  nearby: { type: "nearby", friends: [FRIEND, { ...FRIEND, id: "cem", name: "Cem", avatar: "https://host/c.png" }] },
  friend: { type: "friend", friend: FRIEND, ref: 1 },
  gone: { type: "gone", id: "bob", reason: "far" },
  saved: { type: "saved", count: 20, through: 6 },
  people: { type: "people", people: [{ id: "p1", lat: 1, lng: 2, distance: 3, ts: 4 }] },
  friendship: { type: "friendship", id: "bob", state: "incoming", name: "Bob" },
  error: errorDown("bad_message", { ref: 2, index: 3 }),
};

test.each(Object.entries(EVERY_DOWN))("%s goes down in the shape of its schema", async (type, message) => {
  const schemas = await allSchemas();
  const own = [...schemas].filter(([name]) => name.startsWith(`messages/${type}.ts: `));
  expect(own).toHaveLength(1);
  for (const [, schema] of own) expect(v.parse(schema, JSON.parse(encodeDown(message)))).toEqual(message);
});

test("every message is of one direction, and none is forgotten", () => {
  const up = ["discover.ts", "location.ts", "locations.ts", "subscribe.ts", "token.ts", "unsubscribe.ts"];
  expect(MESSAGE_FILES).toEqual([...up, ...Object.keys(EVERY_DOWN).map((type) => `${type}.ts`)].toSorted());
});
