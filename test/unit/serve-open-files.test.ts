/** `serve` says that its open files run out before they do, and that it was this when they have. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";

import { CALM_SHARE, OpenFilesWatch, ranOutOf, WARN_SHARE } from "../../scripts/serve/open-files.ts";
import { childrenOf, openFiles } from "../../scripts/serve/proc.ts";
import { signToken } from "../../src/auth/token.ts";

const LIMIT = 20_000;
const RUNTIME = { name: "runtime", pid: 7 } as const;

describe("what is told", () => {
  function watch(counts: readonly number[], processes = [RUNTIME]) {
    const lines: string[] = [];
    let open = 0;
    const watching = new OpenFilesWatch({
      processes: () => processes,
      count: () => ({ open, limit: LIMIT }),
      tell: (line) => lines.push(line),
    });
    for (const count of counts) {
      open = count;
      watching.look();
    }
    return lines;
  }
  const [warn, calm] = [LIMIT * WARN_SHARE, LIMIT * CALM_SHARE];

  test("at nine tenths of the limit, not before", () => {
    expect([warn - 1, warn, warn + 1].map((count) => watch([count]).length)).toEqual([0, 1, 1]);
  });

  test("how many, of how many, and what to do", () => {
    const [line] = watch([warn]);
    expect(line).toContain("the runtime has 18000 of 20000");
    expect(line).toContain("ulimit -n");
    expect(line).toContain("--fronts");
  });

  test("again only when they were clearly fewer in between", () => {
    expect(watch([warn, warn, warn + 500])).toHaveLength(1);
    expect([calm - 1, calm, calm + 1].map((between) => watch([warn, between, warn]).length)).toEqual([2, 1, 1]);
  });

  test("of each process by itself; one that is gone is passed over", () => {
    const lines: string[] = [];
    const processes = [RUNTIME, { name: "front" as const, pid: 8 }, { name: "front" as const, pid: 9 }];
    const count = (pid: number) => (pid === 9 ? undefined : { open: LIMIT, limit: LIMIT });
    new OpenFilesWatch({ processes: () => processes, count, tell: (line) => lines.push(line) }).look();
    expect(lines.map((line) => /the (\w+) has/.exec(line)?.[1])).toEqual(["runtime", "front"]);
  });

  test("an end of another kind is left to others to explain", () => {
    expect(ranOutOf("runtime", "Segmentation fault", 300)).toBeUndefined();
    expect(ranOutOf("front", "accept(): Too many open files (os error 24)", undefined)).toContain(
      "the front has ended",
    );
  });
});

test("the open files of a process, and its limit", async () => {
  const shell = "ulimit -n 123; exec 7</dev/null 8</dev/null; echo ready; read line";
  const child = spawn("sh", ["-c", shell], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    expect(childrenOf(process.pid)).toContain(child.pid);
    const listed = readdirSync(`/proc/${child.pid}/fd`);
    expect(listed).toEqual(expect.arrayContaining(["0", "1", "2", "7", "8"]));
    expect(openFiles(child.pid ?? 0)).toEqual({ open: listed.length, limit: 123 });
  } finally {
    child.kill();
    await once(child, "exit");
  }
  expect(openFiles(child.pid ?? 0)).toBeUndefined();
});

test("a bench of more people than fit is refused before anything is started, with how many would", async () => {
  const command = 'ulimit -n 1024; exec "$0" scripts/bench.ts --workload crowd --users "$1"';
  const child = spawn("sh", ["-c", command, process.execPath, "925"], {
    cwd: resolve(import.meta.dirname, "../.."),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const [code]: unknown[] = await once(child, "close");
  expect([code, said.stdout]).toEqual([1, ""]);
  expect(said.stderr).toBe(
    "bench: this process may have 1024 open files: at most 924 people can be connected from it\n",
  );
});

const SECRET = "a-secret-that-only-this-test-knows-0123456789";
/** The runtime has about 60 open before anybody comes. */
const SMALL_LIMIT = 300;
const START_WITHIN_MS = 60_000;
const TOLD_WITHIN_MS = 20_000;

describe("a server with few open files", { timeout: 2 * START_WITHIN_MS }, () => {
  let server: ChildProcess | undefined;
  const sockets: WebSocket[] = [];
  const connections: Socket[] = [];

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate();
    for (const connection of connections.splice(0)) connection.destroy();
    if (server === undefined || server.exitCode !== null) return;
    server.kill("SIGTERM");
    await once(server, "exit");
  });

  /** @returns its address, and what it has written so far */
  async function start(...words: string[]) {
    const command = `ulimit -n ${SMALL_LIMIT}; exec "$0" scripts/serve.ts --port 0 --memory "$@"`;
    const child = spawn("sh", ["-c", command, process.execPath, ...words], {
      cwd: resolve(import.meta.dirname, "../.."),
      env: { ...process.env, AUTH_SECRET: SECRET },
      stdio: ["ignore", "pipe", "pipe"],
    });
    server = child;
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
    const url = await until(START_WITHIN_MS, () => /^listening on (\S+)$/m.exec(said.stdout)?.[1]);
    return { url, said };
  }

  async function until<T>(waitMs: number, look: () => T | undefined): Promise<T> {
    const deadlineMs = performance.now() + waitMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (performance.now() > deadlineMs) throw new Error(`nothing within ${waitMs} ms`);
      await sleep(20);
    }
  }

  /** Settles when the socket is open, or could not be had. */
  async function connect(url: string, user: string): Promise<void> {
    const auth = { kind: "hs256", secrets: [new TextEncoder().encode(SECRET)] } as const;
    const { token } = await signToken(auth, { user }, { nowMs: Date.now(), lifetimeS: 600 });
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/connect`, {
      headers: { authorization: `Bearer ${token}` },
    });
    sockets.push(socket);
    const settled = new Promise<void>((done) => socket.on("open", done).on("error", () => done()));
    await Promise.race([settled, sleep(1_000)]);
  }

  /** Connections on which nothing is asked: 2 descriptors each, and no object. */
  function occupy(url: string): void {
    const { hostname, port } = new URL(url);
    connections.push(connectTcp({ host: hostname, port: Number(port) }).on("error", () => {}));
  }

  /** Below nine tenths at once, and from there on so slowly that the look of each second comes in time. */
  async function occupyUntilWarned(url: string, { said, own }: { said: { stderr: string }; own: number }) {
    const fastUntil = (SMALL_LIMIT * WARN_SHARE - own) / 2;
    while (warnings(said).length === 0) {
      expect(connections.length).toBeLessThan(SMALL_LIMIT / 2);
      occupy(url);
      await sleep(connections.length < fastUntil ? 0 : 100);
    }
  }

  const warnings = (said: { stderr: string }) => said.stderr.match(/^open files: .* has \d+ of \d+\..*$/gm) ?? [];

  test("says at its start for how many people they are enough, and once when they run short", async () => {
    const { url, said } = await start();
    expect(said.stderr).toMatch(/only 300 open files are allowed: about 36 people who move, or 90 who are silent/);
    await occupyUntilWarned(url, { said, own: 75 });
    await sleep(2_500);
    expect(warnings(said)).toHaveLength(1);
    expect(warnings(said)[0]).toMatch(/the runtime has 2[789]\d of 300\. .*ulimit -n/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test("says that it was this when it has run out of them, after all other lines", async () => {
    const { url, said } = await start();
    for (let person = 0; person < SMALL_LIMIT / 5 && !said.stderr.includes("Too many open files"); person += 1) {
      await connect(url, `person-${person}`);
    }
    const last = await until(TOLD_WITHIN_MS, () => /^open files: the runtime has ended .*$/m.exec(said.stderr)?.[0]);
    expect(last).toContain("(300 are allowed)");
    expect(said.stderr.trimEnd().split("\n").at(-1)).toBe(last);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test("a front tells of its own, and is there again when it has run out", async () => {
    const { url, said } = await start("--fronts", "1");
    await occupyUntilWarned(url, { said, own: 30 });
    expect(warnings(said)[0]).toMatch(/the front has 2[789]\d of 300\. .*more --fronts/);
    for (let more = 0; more < 20; more += 1) occupy(url);
    await until(TOLD_WITHIN_MS, () => /^open files: the front has ended .*\(300 are allowed\)/m.exec(said.stderr)?.[0]);
    for (const connection of connections.splice(0)) connection.destroy();
    await connect(url, "person");
    expect(sockets[0]?.readyState).toBe(WebSocket.OPEN);
  });
});
