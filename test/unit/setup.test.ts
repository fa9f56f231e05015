/** `npm run setup`, with a wrangler that answers as it is told. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { missingSettings } from "../../scripts/setup/missing.ts";
import { growQueues } from "../../scripts/setup/queues-section.ts";
import type { Config } from "../../scripts/setup/resources.ts";
import { setUp } from "../../scripts/setup/run.ts";
import { readConfig, wrangler, type WranglerRun } from "../../scripts/wrangler.ts";
import { QUEUES_MAX } from "../../src/settings.ts";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
const ADDED = ["nearby-friends-history-1", "nearby-friends-history-2"];

let dir: string;
let toml: string;
let config: Config;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "nearby-test-"));
  copyFileSync(join(PROJECT_DIR, "wrangler.toml"), join(dir, "wrangler.toml"));
  toml = readFileSync(join(dir, "wrangler.toml"), "utf8");
  config = await readConfig(dir);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Account {
  loggedIn?: boolean;
  /** Names of queues and buckets that are there. */
  there?: string[];
  /** Names that cannot be made. */
  forbidden?: string[];
  /** Undefined: the Worker was never deployed. */
  secrets?: string[];
}

/** An account behind `run`, and what it was asked. */
function account({ loggedIn = true, there = [], forbidden = [], secrets }: Account = {}) {
  const asked: string[] = [];
  const existing = new Set(there);
  const run = async (args: string[]): Promise<WranglerRun> => {
    asked.push(args.join(" "));
    const [name = ""] = args.slice(-1);
    const answer = (good: boolean, stdout: string): WranglerRun => ({ code: good ? 0 : 1, stdout, output: stdout });
    if (args[0] === "whoami") return answer(loggedIn, JSON.stringify({ loggedIn }));
    if (args[0] === "secret" && !secrets) return answer(false, 'Worker "nearby-friends" not found.');
    if (args[0] === "secret") return answer(true, JSON.stringify(secrets?.map((each) => ({ name: each }))));
    // A queue whose name only begins with what is asked for is found, too.
    if (args[0] === "queues" && args[1] === "info")
      return answer(true, `Queue Name: ${existing.has(name) ? name : `${name}0`}\n`);
    if (args.includes("lifecycle")) return answer(existing.has(name), "");
    if (forbidden.includes(name)) return answer(false, `${name}: you may not\n`);
    if (existing.has(name)) return answer(false, "taken");
    existing.add(name);
    return answer(true, "");
  };
  return { run, asked };
}

async function setup(with_: ReturnType<typeof account>, options: { queues?: number; dryRun?: boolean } = {}) {
  const lines: string[] = [];
  const { dryRun = false, queues } = options;
  await setUp({ projectDir: dir, config, queues, dryRun, run: with_.run, say: (line) => lines.push(line) });
  return lines;
}

describe("setup", () => {
  test("makes what wrangler.toml names, each once, and says what is missing", async () => {
    const fresh = account();
    expect(await setup(fresh)).toEqual([
      "account: asking",
      "1/3 queue nearby-friends-history-0: made",
      "2/3 queue nearby-friends-history-dead: made",
      "3/3 bucket nearby-friends-history: made",
      "setting: AUTH_SECRET is missing (or AUTH_JWKS_URL): npx wrangler secret put AUTH_SECRET",
      "the Worker is not there yet: `npm run deploy` first, then set its secrets",
    ]);
    expect(fresh.asked).toEqual([
      "whoami --json",
      "queues create nearby-friends-history-0",
      "queues create nearby-friends-history-dead",
      "r2 bucket create nearby-friends-history",
      "secret list",
    ]);
    expect(readFileSync(join(dir, "wrangler.toml"), "utf8")).toBe(toml);
  });

  test("a second run finds all of it", async () => {
    const same = account({ secrets: ["AUTH_SECRET"] });
    await setup(same);
    expect(await setup(same)).toEqual([
      "account: asking",
      "1/3 queue nearby-friends-history-0: there already",
      "2/3 queue nearby-friends-history-dead: there already",
      "3/3 bucket nearby-friends-history: there already",
      "settings: nothing is missing",
    ]);
  });

  test("without a login: says how to log in, and makes nothing", async () => {
    const stranger = account({ loggedIn: false });
    await expect(setup(stranger)).rejects.toThrow("not logged in to Cloudflare: run `npx wrangler login`");
    expect(stranger.asked).toEqual(["whoami --json"]);
  });

  test("what cannot be made ends it, with wrangler's words, and wrangler.toml stays", async () => {
    const poor = account({ forbidden: ["nearby-friends-history"] });
    await expect(setup(poor, { queues: 2 })).rejects.toThrow(
      "bucket nearby-friends-history could not be made:\nnearby-friends-history: you may not",
    );
    expect(readFileSync(join(dir, "wrangler.toml"), "utf8")).toBe(toml);
  });

  test("--queues makes more and binds them", async () => {
    const same = account({ secrets: ["AUTH_SECRET"] });
    const lines = await setup(same, { queues: 3 });
    expect(lines.slice(-3)).toEqual([
      "wrangler.toml: 2 more queues are bound and consumed",
      "settings: nothing is missing",
      'now set HISTORY_QUEUES = "3" (it is 1) under [vars] in wrangler.toml, then `npm run deploy`',
    ]);
    expect(same.asked.filter((line) => ADDED.some((name) => line.endsWith(`create ${name}`)))).toHaveLength(2);
    const { queues } = await readConfig(dir);
    expect(queues.producers?.map(({ binding, queue }) => [binding, queue])).toEqual([
      ["HISTORY_QUEUE_0", "nearby-friends-history-0"],
      ["HISTORY_QUEUE_1", ADDED[0]],
      ["HISTORY_QUEUE_2", ADDED[1]],
    ]);
    const [first, ...others] = (queues.consumers ?? []).filter(({ queue }) => !queue.endsWith("-dead"));
    expect(others).toEqual(ADDED.map((queue) => ({ ...first, queue })));
  });

  test("--dry-run says all of it, asks nobody and writes nothing", async () => {
    const nobody = account();
    const text = (await setup(nobody, { queues: 3, dryRun: true })).join("\n");
    for (const name of ["nearby-friends-history-0", "nearby-friends-history-dead", ...ADDED]) {
      expect(text).toContain(`would run: npx wrangler queues create ${name}\n`);
    }
    expect(text).toContain("would run: npx wrangler r2 bucket create nearby-friends-history\n");
    expect(text).toContain(`would add to wrangler.toml:\n\n[[queues.producers]]\nbinding = "HISTORY_QUEUE_1"\n`);
    expect(text).toContain('HISTORY_QUEUES = "3"');
    expect(nobody.asked).toEqual([]);
    expect(readFileSync(join(dir, "wrangler.toml"), "utf8")).toBe(toml);
  });
});

describe("with the real wrangler", { timeout: 60_000 }, () => {
  let api: Server | undefined;

  afterEach(() => {
    api?.close();
    api = undefined;
    vi.unstubAllEnvs();
  });

  const runReal = (args: string[]) => wrangler(args, { cwd: dir });

  test("an account that has the queue but not the bucket gets the bucket", async () => {
    const requests: string[] = [];
    api = createServer((request, response) => {
      const url = `${request.method} ${request.url?.split("?")[0]}`;
      requests.push(url);
      const { status, result, errors = [] } = cloudflare(url);
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ success: errors.length === 0, errors, messages: [], result }));
    }).listen(0, "127.0.0.1");
    await once(api, "listening");
    const address = api.address();
    vi.stubEnv("CLOUDFLARE_API_BASE_URL", `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
    vi.stubEnv("CLOUDFLARE_API_TOKEN", "only-for-this-test");
    vi.stubEnv("CLOUDFLARE_ACCOUNT_ID", "account");
    vi.stubEnv("HOME", dir);
    const small = { ...config, queues: { producers: [{ binding: "HISTORY_QUEUE_0", queue: "there" }] } };
    const lines: string[] = [];
    await setUp({ projectDir: dir, config: small, dryRun: false, run: runReal, say: (line) => lines.push(line) });
    expect(lines).toEqual([
      "account: asking",
      "1/2 queue there: there already",
      "2/2 bucket nearby-friends-history: made",
      "settings: nothing is missing",
    ]);
    expect(requests).toContain("POST /accounts/account/queues");
    expect(requests).toContain("POST /accounts/account/r2/buckets");
  });

  test("nobody is logged in: it says how to", async () => {
    vi.stubEnv("HOME", dir);
    vi.stubEnv("XDG_CONFIG_HOME", dir);
    vi.stubEnv("CLOUDFLARE_API_TOKEN", undefined);
    const asked = setUp({ projectDir: dir, config, dryRun: false, run: runReal, say: () => {} });
    await expect(asked).rejects.toThrow("not logged in to Cloudflare: run `npx wrangler login`");
  });

  test("the command's dry run works without an account, and a bad option is refused", () => {
    const run = (...args: string[]) =>
      spawnSync(process.execPath, ["scripts/setup.ts", ...args], { cwd: PROJECT_DIR, encoding: "utf8" });
    const dry = run("--dry-run", "--queues", String(QUEUES_MAX));
    expect([dry.status, dry.stderr]).toEqual([0, ""]);
    expect(dry.stdout).toContain(`would run: npx wrangler queues create nearby-friends-history-${QUEUES_MAX - 1}\n`);
    for (const count of ["0", String(QUEUES_MAX + 1)]) {
      const refused = run("--queues", count);
      expect([refused.status, refused.stdout]).toEqual([2, ""]);
      expect(refused.stderr).toContain(`--queues must be a whole number from 1 to ${QUEUES_MAX}`);
    }
  });
});

interface CloudflareAnswer {
  status: number;
  result: unknown;
  errors?: { code: number; message: string }[];
}

/** As much of Cloudflare's API as setup needs: the queue `there` is there. */
function cloudflare(request: string): CloudflareAnswer {
  switch (request) {
    case "GET /user/tokens/verify":
      return { status: 200, result: { id: "token", status: "active" } };
    case "GET /user":
      return { status: 200, result: { id: "user", email: "user@example.com" } };
    case "GET /accounts":
      return { status: 200, result: [{ id: "account", name: "Account" }] };
    case "GET /memberships":
      return { status: 200, result: [] };
    case "POST /accounts/account/queues":
      return { result: null, status: 409, errors: [{ code: 1, message: "something like that is there" }] };
    case "GET /accounts/account/queues":
      return { status: 200, result: [{ queue_name: "there", producers_total_count: 0, consumers_total_count: 0 }] };
    case "POST /accounts/account/r2/buckets":
      return { status: 200, result: {} };
    case "GET /accounts/account/workers/scripts/nearby-friends/secrets":
      return { status: 200, result: [{ name: "AUTH_SECRET", type: "secret_text" }] };
    default:
      return { result: null, status: 404, errors: [{ code: 2, message: `unknown: ${request}` }] };
  }
}

describe("the queues in wrangler.toml", () => {
  test("more are added in one place, everything else stays byte for byte, and a second time adds nothing", async () => {
    const grown = growQueues(toml, config, 3);
    expect(grown.added).toEqual(ADDED);
    expect(grown.toml.replace(grown.addition, "")).toBe(toml);
    writeFileSync(join(dir, "wrangler.toml"), grown.toml);
    expect(growQueues(grown.toml, await readConfig(dir), 3)).toEqual({ added: [], addition: "", toml: grown.toml });
  });

  test("line ends stay what they are", async () => {
    const dos = toml.replaceAll("\n", "\r\n");
    const grown = growQueues(dos, config, 2);
    expect(grown.toml.replaceAll("\r\n", "")).not.toContain("\n");
    expect(grown.toml.replaceAll("\r\n", "\n")).toBe(growQueues(toml, config, 2).toml);
  });

  test("fewer: refused, because what is still in a queue must be consumed", async () => {
    writeFileSync(join(dir, "wrangler.toml"), growQueues(toml, config, 3).toml);
    config = await readConfig(dir);
    await expect(setup(account(), { queues: 2 })).rejects.toThrow("wrangler.toml has 3 queues. To use fewer, lower");
  });

  test("without the section or the first queue: refused with what is missing", () => {
    expect(() => growQueues(toml.replace("# <<< queues", ""), config, 2)).toThrow("no line `# <<< queues`");
    expect(() => growQueues(toml, { ...config, queues: {} }, 2)).toThrow("no HISTORY_QUEUE_0");
  });
});

describe("missing settings", () => {
  const CASSANDRA = { CASSANDRA_CONTACT_POINTS: "db", CASSANDRA_DATACENTER: "dc1", CASSANDRA_KEYSPACE: "nearby" };
  const KEYS = { AUTH_JWKS_URL: "u", AUTH_ISSUER: "i", AUTH_AUDIENCE: "a" };
  const cases: [
    title: string,
    vars: Record<string, string | number>,
    secrets: string[],
    missing: (string | RegExp)[],
  ][] = [
    ["nothing set", {}, [], ["AUTH_SECRET is missing"]],
    ["an empty text is not set", { AUTH_SECRET: "" }, [], ["AUTH_SECRET is missing"]],
    ["a secret", {}, ["AUTH_SECRET"], []],
    [
      "keys without issuer",
      { AUTH_JWKS_URL: "u" },
      ["LINK_SECRET"],
      ["AUTH_ISSUER is missing", "AUTH_AUDIENCE is missing"],
    ],
    ["keys", { AUTH_JWKS_URL: "u", AUTH_ISSUER: "i" }, ["AUTH_AUDIENCE", "LINK_SECRET"], []],
    ["keys, and nothing to seal links with", KEYS, [], ["LINK_SECRET is missing"]],
    ["an index", { UPSTASH_REDIS_REST_URL: "u" }, ["AUTH_SECRET", "UPSTASH_REDIS_REST_TOKEN"], []],
    [
      "an index without a token",
      { UPSTASH_REDIS_REST_URL: "u" },
      ["AUTH_SECRET"],
      ["UPSTASH_REDIS_REST_TOKEN is missing, needed with the URL: npx wrangler secret put"],
    ],
    [
      "a token among the vars, without an index",
      { UPSTASH_REDIS_REST_TOKEN: "t" },
      ["AUTH_SECRET"],
      ["UPSTASH_REDIS_REST_URL is missing, needed with a token", "UPSTASH_REDIS_REST_TOKEN stands in wrangler.toml"],
    ],
    ["a secret among the vars", { LINK_SECRET: "x" }, ["AUTH_SECRET"], ["LINK_SECRET stands in wrangler.toml"]],
    ["both", KEYS, ["AUTH_SECRET", "LINK_SECRET"], ["are both set"]],
    [
      "cassandra",
      { HISTORY_SINKS: "r2, cassandra" },
      ["AUTH_SECRET"],
      ["_POINTS is", "_DATACENTER is", "_KEYSPACE is"],
    ],
    ["cassandra, all", { HISTORY_SINKS: "cassandra", ...CASSANDRA }, ["AUTH_SECRET"], []],
    [
      "half a login",
      { HISTORY_SINKS: "cassandra", ...CASSANDRA, CASSANDRA_USERNAME: "u" },
      ["AUTH_SECRET"],
      ["_PASSWORD"],
    ],
    [
      "the other half",
      { HISTORY_SINKS: "cassandra", ...CASSANDRA },
      ["AUTH_SECRET", "CASSANDRA_PASSWORD"],
      ["_USERNAME"],
    ],
    ["no history", { HISTORY_SINKS: "" }, ["AUTH_SECRET"], []],
    ["a way in without a token", { DEV_LOGIN: "1" }, ["AUTH_SECRET"], ["DEV_LOGIN is set"]],
    ["as many queues as are bound", { HISTORY_QUEUES: "1" }, ["AUTH_SECRET"], []],
    ["more queues than are bound", { HISTORY_QUEUES: 2 }, ["AUTH_SECRET"], ["npm run setup -- --queues 2"]],
  ];
  for (const [title, vars, secrets, missing] of cases) {
    test(title, () => {
      const problems = missingSettings({ ...config, vars }, secrets);
      expect(problems).toEqual(missing.map((part) => expect.stringContaining(String(part))));
    });
  }
});
