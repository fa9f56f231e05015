import fc from "fast-check";

import type { DescribedOperation, Description } from "./api-description.ts";
import { isJson } from "./json-schema.ts";
import type { Json } from "./json-schema.ts";

/** What a request carries as its token: a good one of a user or an operator, none, or one of the wrong kinds. */
export type TokenKind = "user" | "admin" | "none" | "expired" | "forged" | "unsigned" | "garbage" | "basic";

/** A request before it knows what the server gave out: `{0}` in a path is a code of an earlier answer. */
export interface FuzzRequest {
  readonly operation: DescribedOperation;
  readonly method: string;
  /** With the query, percent-encoded; a place for a code is `{code}`, for a device `{device}`. */
  readonly path: string;
  readonly token: TokenKind;
  /** Which of the users sends it. */
  readonly user: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  readonly upgrade: boolean;
  /** Which of the codes to take, of all that are known by then. */
  readonly pick: number;
}

/** Requests to one that deletes an account. */
const RARE = 200;

const DEEP_LEVELS = 10_000;
/** One byte more than any body but an import may have. */
const TOO_LARGE_BYTES = 64 * 1024 + 1;

/** Texts that have broken parsers, routers, databases and logs. */
const ODD_TEXTS: readonly string[] = [
  "",
  " ",
  ".",
  "..",
  "../../etc/passwd",
  "a/b",
  "%",
  "%zz",
  "%00",
  "\u0000",
  "\u202E\u0000\uFFFF",
  "\uD800",
  "😀👩‍👩‍👧",
  "é\u0301",
  "__proto__",
  "constructor",
  "' OR 1=1 --",
  '"><script>alert(1)</script>',
  "${7*7}{{7*7}}",
  "null",
  "NaN",
  "-0",
  "1e400",
  "9".repeat(400),
  "x".repeat(65),
  "x".repeat(2_000),
  "\r\nset-cookie: a=b",
];

const ODD_VALUES: readonly unknown[] = [
  ...ODD_TEXTS,
  null,
  true,
  0,
  -1,
  0.5,
  -0,
  2 ** 53,
  -(2 ** 63),
  1e308,
  Number.MIN_VALUE,
  [],
  {},
  [[]],
  [null],
  { toString: null },
  { length: 1e9 },
];

const oddText = fc.constantFrom(...ODD_TEXTS);
const oddValue = fc.oneof(fc.constantFrom(...ODD_VALUES), fc.jsonValue({ maxDepth: 3 }), fc.string({ unit: "binary" }));

/** It sends everybody away, those of the tests beside this one, too; test/sdk/drain.test.ts has a server of its own. */
export const LEFT_OUT: ReadonlySet<string> = new Set(["drain"]);

/** Requests of every operation, good and bad ones, by users who know of each other. */
export function requestArbitrary(description: Description, userIds: readonly string[]): fc.Arbitrary<FuzzRequest> {
  const good = new GoodValues(description, userIds);
  // It undoes what all the others have done: without friends and links they find nothing to do.
  const isRare = ({ id }: DescribedOperation): boolean => id === "deleteAccount";
  const usual = description.operations.filter((operation) => !isRare(operation) && !LEFT_OUT.has(operation.id));
  const rare = description.operations.filter(isRare);
  return often(RARE, fc.constantFrom(...usual), fc.constantFrom(...rare)).chain((operation) =>
    fc.record({
      operation: fc.constant(operation),
      method: often(
        30,
        fc.constant(operation.method),
        fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE"),
      ),
      path: pathOf(operation, good),
      token: tokenOf(operation),
      user: fc.nat(userIds.length - 1),
      headers: headersOf(operation),
      body: bodyOf(operation, good),
      upgrade: operation.responses.has(101) ? often(2, fc.constant(true), fc.constant(false)) : fc.constant(false),
      pick: fc.nat(1_000_000),
    }),
  );
}

/** `usual` so many times as often as `other`. */
function often<T>(times: number, usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: times, arbitrary: usual }, { weight: 1, arbitrary: other });
}

function pathOf(operation: DescribedOperation, good: GoodValues): fc.Arbitrary<string> {
  const parts = operation.path.split("/").map((part) => {
    if (part === "{code}" || part === "{device}") return often(4, fc.constant(part), oddText.map(encodeLoosely));
    const parameter = operation.parameters.find(({ name }) => part === `{${name}}`);
    if (parameter === undefined) return fc.constant(part);
    return often(4, good.of(parameter.schema).map(encodeValue), oddText.map(encodeLoosely));
  });
  const query = operation.parameters
    .filter((parameter) => parameter.in === "query")
    .map(({ name, schema }) =>
      fc.option(
        often(3, good.of(schema).map(encodeValue), oddText.map(encodeLoosely)).map((value) => `${name}=${value}`),
        { nil: "", freq: 2 },
      ),
    );
  const strange = fc.constantFrom(
    "",
    "",
    "",
    "",
    "?",
    "?=&&=",
    "?limit=1&limit=x",
    "?constructor[prototype]=1",
    "?%zz=%",
  );
  return fc.tuple(fc.tuple(...parts), fc.tuple(...query), strange).map(([filled, values, odd]) => {
    const asked = values.filter((value) => value !== "").join("&");
    return `${filled.join("/")}${asked === "" ? odd : `?${asked}`}`;
  });
}

function encodeValue(value: unknown): string {
  return encodeURIComponent(typeof value === "string" ? value : JSON.stringify(value));
}

/** As clients without care do: what is encoded already stays, the rest becomes something that a request line can hold. */
function encodeLoosely(text: string): string {
  return text.toWellFormed().replaceAll(/[^\x21-\x7e]|[?#]/g, (char) => encodeURIComponent(char.toWellFormed()));
}

function tokenOf(operation: DescribedOperation): fc.Arbitrary<TokenKind> {
  const wrong = fc.constantFrom<TokenKind>("none", "expired", "forged", "unsigned", "garbage", "basic");
  const right = operation.responses.has(403) && !operation.responses.has(101) ? "admin" : "user";
  return fc.oneof(
    { weight: 16, arbitrary: fc.constant<TokenKind>(right) },
    { weight: 2, arbitrary: fc.constant<TokenKind>("user") },
    { weight: 2, arbitrary: wrong },
  );
}

function headersOf(operation: DescribedOperation): fc.Arbitrary<Readonly<Record<string, string>>> {
  const types = [...operation.body.keys(), "application/json"];
  const type = fc.oneof(
    { weight: 16, arbitrary: fc.constantFrom(...types) },
    { weight: 1, arbitrary: fc.constantFrom(...types).map((name) => `${name.toUpperCase()} ; charset=UTF-8`) },
    {
      weight: 2,
      arbitrary: fc.constantFrom("text/plain", "application/xml", "multipart/form-data", "", ";", "application/json-x"),
    },
  );
  const more = fc.constantFrom<Readonly<Record<string, string>>>(
    {},
    {},
    {},
    { origin: "https://evil.example" },
    { origin: "null", accept: "text/html;q=0.1, */*;q=x" },
    { "x-nearby-caller": '{"user":"admin"}', "x-nearby-share": "AAAAAAAAAAAAAAAAAAAAAA" },
    { "x-forwarded-host": "evil.example", "x-http-method-override": "DELETE" },
    { "if-none-match": "*", range: "bytes=0-1", "accept-encoding": "gzip, br" },
  );
  return fc.tuple(type, more).map(([contentType, others]) => ({
    ...others,
    ...(operation.body.size === 0 || contentType === "" ? {} : { "content-type": contentType }),
  }));
}

function bodyOf(operation: DescribedOperation, good: GoodValues): fc.Arbitrary<string | Uint8Array | undefined> {
  const [type, schema] = operation.body.entries().next().value ?? [];
  if (type === undefined || schema === undefined) {
    // A body that nobody asked for.
    return operation.method === "GET"
      ? fc.constant(undefined)
      : often(12, fc.constant(undefined), fc.constantFrom("{}", "x"));
  }
  if (!type.endsWith("json") || type === "application/x-ndjson") return linesOf(good);
  const value = good.of(schema);
  const text = (arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<string> => arbitrary.map((one) => JSON.stringify(one));
  return fc.oneof(
    { weight: 10, arbitrary: text(value) },
    { weight: 8, arbitrary: text(fc.tuple(value, fc.string({ maxLength: 8 }), oddValue).chain(mutated)) },
    { weight: 1, arbitrary: text(oddValue) },
    { weight: 2, arbitrary: brokenBody },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

const brokenBody: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  fc.constantFrom(
    "",
    " ",
    "{",
    "[1,2",
    '{"name":"a",}',
    "{'name':1}",
    '{"name":"\\ud800"}',
    "\uFEFF{}",
    "NaN",
    "<xml/>",
  ),
  fc.constant("[".repeat(DEEP_LEVELS) + "]".repeat(DEEP_LEVELS)),
  fc.constantFrom("name", "points", "minutes", "user").map((key) => {
    const nested = `${'{"a":'.repeat(DEEP_LEVELS)}1${"}".repeat(DEEP_LEVELS)}`;
    return `{"${key}":${nested}}`;
  }),
  fc.constantFrom(TOO_LARGE_BYTES, 3 * TOO_LARGE_BYTES).map((bytes) => `{"a":"${"x".repeat(bytes - 8)}"}`),
  fc.constant(`{"a":"${"x".repeat(TOO_LARGE_BYTES - 9)}"}`),
  fc.uint8Array({ minLength: 1, maxLength: 64 }),
  fc.constant(new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])),
);

/** One thing in a good body that is not good any more. */
function mutated([value, key, odd]: [unknown, string, unknown]): fc.Arbitrary<unknown> {
  if (!isJson(value)) return fc.constant(odd);
  const keys = Object.keys(value);
  const changed = keys.map((name) => ({ ...value, [name]: odd }));
  const without = keys.map((name) => Object.fromEntries(Object.entries(value).filter(([other]) => other !== name)));
  return fc.constantFrom<unknown>(...changed, ...without, { ...value, [key]: odd }, [value], { points: [value, odd] });
}

function linesOf(good: GoodValues): fc.Arbitrary<string> {
  const id = good.userId();
  const line = fc.oneof(
    { weight: 6, arbitrary: fc.record({ a: id, b: id }).map((edge) => JSON.stringify(edge)) },
    { weight: 2, arbitrary: fc.record({ a: id, b: id, remove: fc.boolean() }).map((edge) => JSON.stringify(edge)) },
    { weight: 1, arbitrary: oddValue.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.constantFrom("", "{", '{"a":"x"}', "\r", '{"a":1,"b":2}', "[".repeat(DEEP_LEVELS)) },
  );
  return often(
    20,
    fc.array(line, { maxLength: 8 }).map((lines) => lines.join("\n")),
    fc.constantFrom("\n".repeat(4_001), "x".repeat(1024 * 1024 + 1)),
  );
}

/** Values that the description allows. */
class GoodValues {
  readonly #description: Description;
  readonly #userIds: readonly string[];

  constructor(description: Description, userIds: readonly string[]) {
    this.#description = description;
    this.#userIds = userIds;
  }

  userId(): fc.Arbitrary<string> {
    return fc.constantFrom(...this.#userIds);
  }

  of(schema: Json, name = ""): fc.Arbitrary<unknown> {
    const { $ref, anyOf, enum: choices, type, format } = schema;
    if ($ref === "#/components/schemas/UserId") return this.userId();
    if (typeof $ref === "string") return this.of(this.#description.checker.resolve(schema), name);
    if ("const" in schema) return fc.constant(schema["const"]);
    if (Array.isArray(choices)) return fc.constantFrom(...choices);
    if (Array.isArray(anyOf)) return fc.oneof(...anyOf.filter(isJson).map((one) => this.of(one, name)));
    // A time that a server which looks at its clock may take.
    if (/^(ts|pausedUntil)$/.test(name)) return fc.integer({ min: -60_000, max: 600_000 }).map((ms) => Date.now() + ms);
    if (name === "tst") return fc.integer({ min: -60, max: 600 }).map((s) => Math.floor(Date.now() / 1000) + s);
    switch (type) {
      case "object":
        return this.#object(schema);
      case "array":
        return fc.array(this.of(isJson(schema["items"]) ? schema["items"] : {}), {
          minLength: Number(schema["minItems"] ?? 0),
          maxLength: Math.min(Number(schema["maxItems"] ?? 5), 5),
        });
      case "string":
        if (format === "uri") return fc.nat(99).map((number) => `https://pictures.example/${number}.png`);
        return fc.string({
          minLength: Number(schema["minLength"] ?? 0),
          maxLength: Math.min(Number(schema["maxLength"] ?? 20), 20),
        });
      case "integer":
        return fc.integer(boundsOf(schema));
      case "number":
        return fc.double({ ...boundsOf(schema), noNaN: true });
      case "boolean":
        return fc.boolean();
      case "null":
        return fc.constant(null);
      default:
        throw new Error(`no values are made for ${JSON.stringify(schema)}`);
    }
  }

  #object(schema: Json): fc.Arbitrary<unknown> {
    const properties = Object.entries(isJson(schema["properties"]) ? schema["properties"] : {});
    const parts = properties.flatMap(([name, part]) => (isJson(part) ? [[name, this.of(part, name)] as const] : []));
    const required = Array.isArray(schema["required"]) ? schema["required"].map(String) : [];
    return fc.record(Object.fromEntries(parts), { requiredKeys: required });
  }
}

function boundsOf({ minimum, maximum }: Json): { min: number; max: number } {
  return {
    min: typeof minimum === "number" ? minimum : -1_000_000,
    max: typeof maximum === "number" ? maximum : 1_000_000,
  };
}
