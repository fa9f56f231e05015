/** What the commands refuse, and how they say it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { dirname, resolve } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { verifyToken } from "../../src/auth/token.ts";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
const SECRET = "a-secret-that-only-this-test-knows-0123456789";
/** A command builds the Worker before it ends, at worst. */
const TIMEOUT_MS = 60_000;

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

async function run(script: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [`scripts/${script}.ts`, ...args], {
    cwd: PROJECT_DIR,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended: Ended = { code: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (ended.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (ended.stderr += chunk.toString()));
  await once(child, "close");
  return { ...ended, code: child.exitCode };
}

describe("bad options", { concurrent: true, timeout: TIMEOUT_MS }, () => {
  const cases: [script: string, args: string[], names: string][] = [
    ["serve", ["--port", "65536"], "--port"],
    ["serve", ["--port", "8787x"], "--port"],
    ["serve", ["--port"], "--port"],
    ["serve", ["--memory", "--state", "x"], "--state"],
    ["serve", ["--state="], "--state"],
    ["serve", ["--fronts", "17"], "--fronts"],
    ["serve", ["--nonsense"], "--nonsense"],
    ["serve", ["extra"], "extra"],
    ["bench", ["--users", "0"], "--users"],
    ["bench", ["--users", "40", "--friends", "40"], "--friends"],
    ["bench", ["--users", "41", "--friends", "39"], "even"],
    ["bench", ["--seconds", "1.5"], "--seconds"],
    ["bench", ["--rounds", "-1"], "--rounds"],
    ["bench", ["--workload", "crowd", "--users", "56"], "--users"],
    ["bench", ["--workload", "idle", "--rounds", "2"], "--rounds"],
    ["bench", ["--owntracks", "--history"], "--owntracks"],
    ["bench", ["--history", "--rate", "300"], "--rate"],
    ["bench", ["--workload", "marathon"], "--workload"],
    ["bench", ["--targets", "theirs"], "--targets"],
    ["bench", ["--owntracks", "--rate", "0"], "--rate"],
    ["token", [], "USER"],
    ["token", ["a/b"], "USER"],
    ["token", ["ana", "--role", "boss"], "--role"],
    ["token", ["ana", "--minutes", "0"], "--minutes"],
    ["token", ["ana", "--name", ""], "--name"],
    ["deploy", ["--force"], "--force"],
  ];
  for (const [script, args, names] of cases) {
    test(`${script} ${args.join(" ")}: exit 2, a message that names it, and the usage`, async () => {
      const { code, stdout, stderr } = await run(script, args, { AUTH_SECRET: SECRET });
      expect(code).toBe(2);
      expect(stdout).toBe("");
      const [message, usage] = stderr.split("\n");
      expect(message).toContain(names);
      expect(usage).toMatch(new RegExp(`^usage: npm run ${script} -- `));
    });
  }
});

describe("bench", { concurrent: true, timeout: TIMEOUT_MS }, () => {
  test("tracks that are not there: exit 1, and what to do about it", async () => {
    const { code, stdout, stderr } = await run("bench", ["--workload", "taxis", "--tracks", "nowhere.csv"]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^bench: there is no nowhere\.csv: .*--tracks, or set NEARBY_DATA\n$/);
  });

  test("tracks that are none: exit 1, with the line", async () => {
    const { code, stderr } = await run("bench", ["--workload", "taxis", "--tracks", "package.json"]);
    expect(code).toBe(1);
    expect(stderr).toContain("bench: package.json:1: the first line must be entity_id");
  });

  test("no Redis: exit 1, and which server is missing", async () => {
    const env = { PATH: dirname(process.execPath) };
    const { code, stdout, stderr } = await run("bench", ["--targets", "classic"], env);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^bench: .*redis-server.*\(--targets leaves servers out\)\n$/m);
  });
});

describe("serve", { concurrent: true, timeout: TIMEOUT_MS }, () => {
  const servers: Server[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  const settings: [name: string, env: Record<string, string>][] = [
    ["RADIUS_M", { AUTH_SECRET: SECRET, RADIUS_M: "abc" }],
    ["AUTH_SECRET", { AUTH_SECRET: "abc" }],
    ["FANOUT", { AUTH_SECRET: SECRET, FANOUT: "most" }],
    ["POSITION_BURST", { POSITION_BURST: "0" }],
    ["AUTH_ISSUER", { AUTH_JWKS_URL: "https://example.com/keys" }],
  ];
  for (const [name, env] of settings) {
    test(`a bad ${name}: exit 2 and a message that names it, before anything is started`, async () => {
      const { code, stdout, stderr } = await run("serve", ["--memory", "--port", "0"], env);
      expect(code).toBe(2);
      expect(stdout).toBe("");
      expect(stderr).toContain(`bad setting: ${name} `);
      expect(stderr).not.toContain("state:");
    });
  }

  test("a port in use: exit 1 and a message that names it", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    servers.push(server);
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : Number.NaN;
    const { code, stdout, stderr } = await run("serve", ["--memory", "--port", String(port)], { AUTH_SECRET: SECRET });
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toBe(`cannot listen on 127.0.0.1:${port}: the port is in use\n`);
  });
});

describe("token", { concurrent: true, timeout: TIMEOUT_MS }, () => {
  const auth = { kind: "hs256", secrets: [new TextEncoder().encode(SECRET)] } as const;

  test("prints a token that is good for as long as asked, and nothing else", async () => {
    const beforeMs = Date.now();
    const args = ["ana", "--name", "Ana B.", "--role", "admin", "--minutes", "5"];
    const { code, stdout, stderr } = await run("token", args, { AUTH_SECRET: SECRET });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const verdict = await verifyToken(stdout.trim(), auth, Date.now());
    if (!verdict.ok) throw new Error(verdict.reason);
    const { expMs, ...caller } = verdict.caller;
    expect(caller).toEqual({ user: "ana", name: "Ana B.", role: "admin" });
    expect(expMs - beforeMs).toBeGreaterThan(5 * 60_000 - 1_000);
    expect(expMs - Date.now()).toBeLessThanOrEqual(5 * 60_000);
  });

  test("the first secret of a list signs", async () => {
    const { stdout } = await run("token", ["ana"], { AUTH_SECRET: `${SECRET},${SECRET.toUpperCase()}` });
    expect(await verifyToken(stdout.trim(), auth, Date.now())).toMatchObject({ ok: true, caller: { user: "ana" } });
  });

  for (const env of [{}, { AUTH_SECRET: "" }, { AUTH_SECRET: "short" }] satisfies Record<string, string>[]) {
    test(`with ${JSON.stringify(env)}: exit 2 and a message that names the setting`, async () => {
      const { code, stdout, stderr } = await run("token", ["ana"], env);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toContain("AUTH_SECRET must be");
    });
  }
});

describe("deploy", { timeout: TIMEOUT_MS }, () => {
  test("refuses to ship DEV_LOGIN", async () => {
    const { code, stdout, stderr } = await run("deploy", ["--dry-run"], { DEV_LOGIN: "1" });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("DEV_LOGIN is set in the environment");
  });

  test("--dry-run builds what would be uploaded, without a network", async () => {
    const { code, stdout } = await run("deploy", ["--dry-run"]);
    expect(code).toBe(0);
    expect(stdout).toContain("--dry-run: exiting now.");
  });
});
