/** The end of `npm run serve`, however it is asked for. Always against a server of its own, never one given by URL. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { signToken } from "../../src/auth/token.ts";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
const SECRET = randomBytes(32).toString("hex");
const EXIT_WITHIN_MS = 5_000;
/** A cold start builds the Worker first, on a machine that runs other tests. */
const START_WITHIN_MS = 60_000;
const SOCKETS = 3;

const NPM = ["npm", "run", "serve", "--"] as const;
const NODE = [process.execPath, "scripts/serve.ts"] as const;
const WITH_FRONTS = [...NODE, "--fronts", "2"] as const;

class Serve {
  readonly process: ChildProcess;
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stdout = "";
  stderr = "";

  constructor(command: readonly [string, ...string[]]) {
    const [file, ...words] = command;
    this.process = spawn(file, [...words, "--port", "0", "--memory"], {
      cwd: PROJECT_DIR,
      env: { ...process.env, AUTH_SECRET: SECRET },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, as a shell with job control gives to a command.
      detached: true,
    });
    this.process.stdout?.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.process.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exit = once(this.process, "exit").then(([code, signal]) => ({ code, signal }));
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error("the command did not start");
    return this.process.pid;
  }

  /** What the given text says after `label`, once it says it. */
  async says(from: "stdout" | "stderr", label: RegExp): Promise<string> {
    const deadlineMs = performance.now() + START_WITHIN_MS;
    for (;;) {
      const found = label.exec(this[from])?.[1];
      if (found !== undefined) return found;
      if (performance.now() > deadlineMs) throw new Error(`no ${label} within a minute:\n${this.stdout}${this.stderr}`);
      await sleep(20);
    }
  }

  url(): Promise<string> {
    return this.says("stdout", /^listening on (http:\/\/127\.0\.0\.1:\d+)$/m);
  }

  stateDir(): Promise<string> {
    return this.says("stderr", /^state: (\S+)/m);
  }
}

let running: Serve | undefined;

afterEach(() => {
  // Only after a failed test is anybody left.
  for (const pid of running ? [running.pid, ...descendants(running.pid)] : []) {
    if (alive(pid)) process.kill(pid, "SIGKILL");
  }
  running = undefined;
});

function start(command: readonly [string, ...string[]]): Serve {
  running = new Serve(command);
  return running;
}

/** Children, their children and so on. */
function descendants(pid: number): number[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  const childrenOf = (parent: number): number[] => {
    const children = rows.filter((row) => row[1] === parent).map(([child = 0]) => child);
    return [...children, ...children.flatMap(childrenOf)];
  };
  return childrenOf(pid);
}

/** Whether it still runs; a zombie, which nobody has asked for its exit code yet, does not. */
function alive(pid: number): boolean {
  try {
    const state = execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
    return !state.startsWith("Z");
  } catch {
    return false;
  }
}

async function connect(url: string, user: string): Promise<{ closed: Promise<number> }> {
  const auth = { kind: "hs256", secrets: [new TextEncoder().encode(SECRET)] } as const;
  const { token } = await signToken(auth, { user }, { nowMs: Date.now(), lifetimeS: 600 });
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/connect`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const closed = once(socket, "close").then(([code]) => Number(code));
  // The first message, not the opening: then the object has taken the socket.
  await once(socket, "message");
  return { closed };
}

async function expectGone(pids: number[], stateDir: string): Promise<void> {
  const deadlineMs = performance.now() + EXIT_WITHIN_MS;
  while (pids.some(alive) && performance.now() < deadlineMs) await sleep(20);
  expect(pids.filter(alive)).toEqual([]);
  expect(existsSync(stateDir)).toBe(false);
}

const ENDINGS: { title: string; command: readonly [string, ...string[]]; send: (pid: number) => void }[] = [
  { title: "SIGTERM to the process", command: NODE, send: (pid) => process.kill(pid, "SIGTERM") },
  { title: "SIGINT to the process", command: NODE, send: (pid) => process.kill(pid, "SIGINT") },
  { title: "SIGTERM to the process, with fronts", command: WITH_FRONTS, send: (pid) => process.kill(pid, "SIGTERM") },
  { title: "SIGTERM to npm", command: NPM, send: (pid) => process.kill(pid, "SIGTERM") },
  { title: "SIGTERM to the process group", command: NPM, send: (pid) => process.kill(-pid, "SIGTERM") },
  { title: "SIGINT to the process group", command: NPM, send: (pid) => process.kill(-pid, "SIGINT") },
];

describe("the end of serve", { timeout: 2 * START_WITHIN_MS }, () => {
  for (const { title, command, send } of ENDINGS) {
    test(`[CLOSE2] ${title}: sockets get 1012, exit 0 within 5 s, nothing is left`, async () => {
      const serve = start(command);
      const url = await serve.url();
      const stateDir = await serve.stateDir();
      expect(existsSync(stateDir)).toBe(true);
      const users = Array.from({ length: SOCKETS }, (_, index) => `user-${index}`);
      const sockets = await Promise.all(users.map((user) => connect(url, user)));
      const pids = descendants(serve.pid);
      // The process that runs the runtime, and the runtime.
      expect(pids.length).toBeGreaterThanOrEqual(2);

      const sentMs = performance.now();
      send(serve.pid);
      expect(await serve.exit).toEqual({ code: 0, signal: null });
      expect(performance.now() - sentMs).toBeLessThan(EXIT_WITHIN_MS);
      expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual(users.map(() => 1012));
      await expectGone(pids, stateDir);
      expect(serve.stdout.match(/^listening on .*$/gm)).toEqual([`listening on ${url}`]);
    });
  }

  test("[CLOSE2] a killed command takes the runtime with it, and the sockets still get 1012", async () => {
    const serve = start(NODE);
    const url = await serve.url();
    const stateDir = await serve.stateDir();
    const { closed } = await connect(url, "user");
    const pids = descendants(serve.pid);
    process.kill(serve.pid, "SIGKILL");
    expect(await closed).toBe(1012);
    await expectGone(pids, stateDir);
  });

  test("[CLOSE2] SIGTERM before it listens: exit 0, nothing is left", async () => {
    const serve = start(NODE);
    const stateDir = await serve.stateDir();
    const pids = descendants(serve.pid);
    process.kill(serve.pid, "SIGTERM");
    expect(await serve.exit).toEqual({ code: 0, signal: null });
    expect(serve.stdout).toBe("");
    await expectGone(pids, stateDir);
  });
});
