import { createHash, randomBytes, randomInt } from "node:crypto";
import fc from "fast-check";
import { SignJWT } from "jose";
import { expect } from "vitest";

import { Description, typeOf } from "./api-description.ts";
import type { DescribedOperation } from "./api-description.ts";
import { LEFT_OUT, requestArbitrary } from "./fuzz-requests.ts";
import type { FuzzRequest, TokenKind } from "./fuzz-requests.ts";
import { request, secretsOf, test } from "./helpers.ts";
import { isJson } from "./json-schema.ts";
import { rawRequest, upgradeHeaders } from "./raw-http.ts";
import type { RawAnswer } from "./raw-http.ts";
import type { Target } from "./setup.ts";

const REQUESTS = 5_000;
/** So many users that none of them sends more than the limit of a minute allows. */
const USERS = 50;
/** At the same moment: enough to keep the server busy, few enough for the other tests beside this one. */
const AT_ONCE = 8;
/** Friends that each has at the beginning, on either side of a ring. */
const FRIENDS = 8;
const RATE_LIMITED_MAX_SHARE = 0.01;
const TEST_MS = 120_000;
/** Faults that a failure shows; one bug has many requests. */
const SHOWN_FAULTS = 10;
/** Bodies are shown by their beginning. */
const SHOWN_CHARS = 200;

const BAD_TOKENS: ReadonlySet<TokenKind> = new Set(["none", "expired", "forged", "unsigned", "garbage", "basic"]);

async function readDescription(target: Target): Promise<Description> {
  const answer = await request(target, "GET", "/openapi.json");
  expect(answer.status, answer.text).toBe(200);
  return new Description(answer.body);
}

/** What the value of an `Authorization` header is for each kind of token. */
async function authorization(target: Target, user: string, kind: TokenKind): Promise<string | undefined> {
  const nowS = Math.floor(Date.now() / 1000);
  const sign = async (secret: string, claims: Record<string, unknown>): Promise<string> => {
    const jwt = new SignJWT({ sub: user, exp: nowS + 3600, ...claims }).setProtectedHeader({ alg: "HS256" });
    return `Bearer ${await jwt.sign(new TextEncoder().encode(secret))}`;
  };
  const secret = secretsOf(target)[0] ?? "";
  switch (kind) {
    case "user":
      return sign(secret, {});
    case "admin":
      return sign(secret, { role: "admin" });
    case "expired":
      return sign(secret, { exp: nowS - 3600 });
    case "forged":
      return sign(randomBytes(32).toString("hex"), { role: "admin" });
    case "unsigned":
      return `Bearer ${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(JSON.stringify({ sub: user, exp: nowS + 3600 })).toString("base64url")}.`;
    case "garbage":
      return "Bearer e30.e30.\u00e9";
    case "basic":
      return `Basic ${Buffer.from(`${user}:${user}`).toString("base64")}`;
    case "none":
      return undefined;
  }
}

/** Makes everybody some friends: strangers have few answers for each other. */
async function befriend(target: Target, userIds: readonly string[]): Promise<void> {
  const edges = userIds.flatMap((a, at) =>
    Array.from({ length: FRIENDS }, (_, next) => ({ a, b: userIds[(at + next + 1) % userIds.length] })),
  );
  const authorize = await authorization(target, "operator", "admin");
  const answer = await request(target, "POST", "/v1/admin/friendships", {
    headers: {
      "content-type": "application/x-ndjson",
      ...(authorize === undefined ? {} : { authorization: authorize }),
    },
    body: edges.map((edge) => JSON.stringify(edge)).join("\n"),
  });
  expect(answer.body, answer.text).toMatchObject({ accepted: edges.length });
}

/** Invites, shares and devices. */
type CodeKind = "i" | "s" | "d";

/** A run of requests, with what it has learned from the answers. */
class Run {
  readonly #target: Target;
  readonly #description: Description;
  readonly #userIds: readonly string[];
  /** Of links and devices: what the addresses of pages begin with, and whose they are. */
  readonly #codes: { readonly kind: CodeKind; readonly user: number; readonly code: string }[] = [];
  readonly statuses = new Map<number, number>();
  /** Operations that have done what they are for, at least once. */
  readonly served = new Set<string>();
  readonly faults: string[] = [];

  constructor(target: Target, description: Description, userIds: readonly string[]) {
    this.#target = target;
    this.#description = description;
    this.#userIds = userIds;
  }

  async send(fuzz: FuzzRequest): Promise<void> {
    const path = fuzz.path.replace(/\{(?:code|device)\}/, this.#codeFor(fuzz));
    const user = this.#userIds[fuzz.user] ?? "";
    const authorize = await authorization(this.#target, user, fuzz.token);
    const headers = {
      ...fuzz.headers,
      ...(authorize === undefined ? {} : { authorization: authorize }),
      ...(fuzz.upgrade ? upgradeHeaders() : {}),
    };
    const { method, body } = fuzz;
    const hasBody = body !== undefined && method !== "GET" && method !== "HEAD" && method !== "TRACE";
    const answer = await rawRequest(this.#target, { method, path, headers, ...(hasBody ? { body } : {}) });
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
    this.#learn(answer, fuzz.user);
    const faults = this.#check(fuzz, path, answer);
    if (faults.length === 0) return;
    const sent = body === undefined ? "" : ` ${String(body).slice(0, SHOWN_CHARS)}`;
    const got = `${answer.status} ${typeOf(answer)} ${answer.text.slice(0, SHOWN_CHARS)}`;
    this.faults.push(`${method} ${path} (${fuzz.token})${sent}\n  ${got}\n  ${faults.join("\n  ")}`);
  }

  #learn({ text }: RawAnswer, user: number): void {
    for (const [, kind, code] of text.matchAll(/"url":"[^"]*\/(i|s)\/([\w-]+)"/g)) {
      if (code !== undefined) this.#codes.push({ kind: kind === "i" ? "i" : "s", user, code });
    }
    for (const [, code] of text.matchAll(/"id":"([\w-]+)","app":/g)) {
      if (code !== undefined) this.#codes.push({ kind: "d", user, code });
    }
  }

  /** Every other code is one of the sender's own, who alone can withdraw it. */
  #codeFor({ path, pick, user }: FuzzRequest): string {
    const isDevice = path.startsWith("/v1/devices/");
    const wanted: CodeKind = isDevice ? "d" : /^\/(v1\/invites|i)\//.test(path) ? "i" : "s";
    const codes = this.#codes.filter(({ kind, user: owner }) => kind === wanted && (pick % 2 === 0 || owner === user));
    return codes[pick % codes.length]?.code ?? "none";
  }

  #check(fuzz: FuzzRequest, path: string, answer: RawAnswer): string[] {
    if (answer.status >= 500) return ["the server failed"];
    const { pathname } = new URL(path, "http://host.invalid");
    // `/i/..` is the web app, which is a file where there is one.
    if (pathname === "/") return [];
    const here = this.#description.at(pathname);
    const operation = here.find(({ method }) => method === fuzz.method);
    const isPrivate = pathname.startsWith("/v1/") && answer.status !== 101;
    const kept = isPrivate && answer.status !== 405 && fuzz.method !== "OPTIONS" ? keptFaults(answer) : [];
    if (operation === undefined) return [...kept, ...this.#checkElsewhere(fuzz, here, answer)];
    const isOkay = answer.status < 400;
    if (isOkay) this.served.add(operation.id);
    const isLetIn = isOkay && operation.needsToken && BAD_TOKENS.has(fuzz.token);
    const isRaised = isOkay && operation.path.startsWith("/v1/admin/") && fuzz.token !== "admin";
    return [
      ...kept,
      ...this.#description.faults(operation, answer),
      ...statusFaults(answer),
      ...(isLetIn || isRaised ? [`a token of the kind ${fuzz.token} was let in`] : []),
    ];
  }

  /** An address that does not exist, or a method that it does not have. */
  #checkElsewhere({ method }: FuzzRequest, here: readonly DescribedOperation[], answer: RawAnswer): string[] {
    if (method === "OPTIONS" && answer.status === 204) return [];
    const get = here.find((operation) => operation.method === "GET");
    // What the answer to GET would have been, without its body.
    if (method === "HEAD") {
      const isGets = get?.responses.has(answer.status) === true || (get === undefined && answer.status >= 400);
      return answer.text === "" && isGets ? [] : [`not an answer to HEAD: ${answer.status}`];
    }
    const faults = [...this.#description.problemFaults(answer), ...statusFaults(answer)];
    // The token, the body and the rate are looked at before the method.
    const known = [401, 403, 413, 429, ...(here.length === 0 ? [400, 404] : [405])];
    if (!known.includes(answer.status)) return [...faults, `${answer.status} where nothing is`];
    const allow = new Set(answer.headers.allow?.split(", "));
    const unnamed = answer.status === 405 ? here.filter((operation) => !allow.has(operation.method)) : [];
    return [...faults, ...unnamed.map((operation) => `\`Allow\` lacks ${operation.method}`)];
  }
}

function keptFaults({ headers }: RawAnswer): string[] {
  return headers["cache-control"] === "no-store" ? [] : [`cache-control is ${headers["cache-control"]}`];
}

/** A problem repeats its status, and says when to come back where that makes sense. */
function statusFaults(answer: RawAnswer): string[] {
  if (typeOf(answer) !== "application/problem+json") return [];
  const body: unknown = JSON.parse(answer.text);
  return isJson(body) && body["status"] === answer.status ? [] : ["`status` does not repeat the status line"];
}

/** The seed of an earlier run replays its requests; the answers to them may differ, since they depend on their order. */
function seedOfRun(): number {
  return Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 31));
}

test(
  "[API1][HTTP1] 5,000 good and bad requests: no 5xx, and no answer that is not described",
  async ({ world }) => {
    const description = await readDescription(world.target);
    const userIds = Array.from({ length: USERS }, (_, index) => world.user(`fuzz${index}`).id);
    await befriend(world.target, userIds);
    const seed = seedOfRun();
    const requests = fc.sample(requestArbitrary(description, userIds), { seed, numRuns: REQUESTS }).values();
    const run = new Run(world.target, description, userIds);
    const startedMs = performance.now();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const one of requests) await run.send(one);
      }),
    );
    const tookS = ((performance.now() - startedMs) / 1000).toFixed(1);
    const counts = [...run.statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${count} x ${status}`);
    process.stdout.write(`fuzz: ${REQUESTS} requests in ${tookS} s, seed ${seed}: ${counts.join(", ")}\n`);

    expect(run.faults.slice(0, SHOWN_FAULTS), `${run.faults.length} faults; FUZZ_SEED=${seed} sends the same`).toEqual(
      [],
    );
    const limited = run.statuses.get(429) ?? 0;
    expect(limited, "what is refused by the limits tests nothing else").toBeLessThan(REQUESTS * RATE_LIMITED_MAX_SHARE);
    // Without DEV_LOGIN there is none.
    const expected = description.operations.map(({ id }) => id).filter((id) => id !== "devLogin" && !LEFT_OUT.has(id));
    expect([...run.served].toSorted(), "operations that did what they are for").toEqual(expected.toSorted());
  },
  TEST_MS,
);

test("[API2] the description needs no token, and other origins may read it", async ({ world }) => {
  const answer = await request(world.target, "GET", "/openapi.json", { headers: { origin: "https://app.example" } });
  expect(answer.status, answer.text).toBe(200);
  expect(answer.body).toMatchObject({ openapi: "3.1.0", paths: { "/openapi.json": {} } });
  expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
});

test("[API3] the description for people runs no script and loads nothing", async ({ world }) => {
  const answer = await request(world.target, "GET", "/docs");
  expect(answer.status, answer.text).toBe(200);
  expect(answer.headers.get("content-type")).toMatch(/^text\/html\b/);
  const style = /<style>([^]*?)<\/style>/.exec(answer.text)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  const policy = answer.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy, "the policy lets its own style in").toContain(`style-src 'sha256-${hash}'`);
  expect(policy).not.toContain("unsafe-inline");
  expect(answer.text).not.toMatch(/<script|<img|\bsrc=|\bstyle=|\bon\w+=|href="(?!#|\/openapi\.json|data:)/);
  for (const { method, path } of (await readDescription(world.target)).operations) {
    expect(answer.text, `${method} ${path} is on the page`).toContain(`</span> ${path}</h3>`);
  }
});
