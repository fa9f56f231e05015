/** `serve` with queues and R2, on a Worker whose consumer does as it is told. No message may be lost by a planned end. */
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exportHistory } from "../../scripts/history/export.ts";
import { startBackend, type Backend } from "../../scripts/serve/backend.ts";
import { keptFile, readKept } from "../../scripts/serve/kept-messages.ts";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
const projectDir = resolve(import.meta.dirname, "serve-project");
const STOP_WITHIN_MS = 5_000;
/** Two attempts and the dead-letter queue are three batches of a second each. */
const STORED_WITHIN_MS = 15_000;
/** The Worker is built first, beside other tests. */
const TIMEOUT_MS = 60_000;

type Sink = "up" | "down" | "hang";
type Body = { name: string; poison?: true };

let dir: string;
let stateDir: string;
/** What the runtime logs about sinks that fail. */
let logFd: number;
let running: Backend | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nearby-test-"));
  stateDir = join(dir, "state");
  logFd = openSync(join(dir, "log"), "w");
});

afterEach(async () => {
  await running?.stop();
  running = undefined;
  closeSync(logFd);
  rmSync(dir, { recursive: true, force: true });
});

async function start(SINK: Sink, env: Record<string, string> = {}): Promise<Backend> {
  running = await startBackend({ port: 0, env: { ...env, SINK }, stateDir, projectDir, logFd });
  return running;
}

async function stop(): Promise<void> {
  const startMs = performance.now();
  await running?.stop();
  expect(performance.now() - startMs).toBeLessThan(STOP_WITHIN_MS);
  expect(await running?.ended).toBe(true);
}

/** Through an object of the binding, or the `worker` itself. */
async function send(to: { binding: "USER" | "OTHER" | "worker"; queue: number }, bodies: Body[]): Promise<void> {
  const url = `${running?.url}/${to.binding}/${to.queue}`;
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(bodies) });
  expect(answer.status).toBe(202);
}

/** What the sink has, by name. */
async function stored(): Promise<Record<string, unknown>> {
  const outDir = join(dir, "out");
  const { objects } = await exportHistory({ stateDir, outDir });
  const files = readdirSync(outDir, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  expect(files).toHaveLength(objects);
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(outDir.length + 1), JSON.parse(readFileSync(path, "utf8"))];
    }),
  );
}

/** Starts a server whose runtime crashes and comes back before the end. */
async function crashRuntime(): Promise<void> {
  const { url, runtimePid = 0 } = await start("down");
  process.kill(runtimePid, "SIGKILL");
  const answer = () =>
    fetch(`${url}/healthz`).then(
      ({ status }) => status,
      () => 0,
    );
  await expect.poll(answer, { timeout: STORED_WITHIN_MS }).toBe(200);
  await stop();
}

/** Starts a server whose processes are all killed. */
async function crashAll(): Promise<void> {
  const { runtimePid, ended } = await start("hang");
  const parent = Number(execFileSync("ps", ["-o", "ppid=", "-p", String(runtimePid)], { encoding: "utf8" }));
  process.kill(parent, "SIGKILL");
  expect(await ended).toBe(false);
}

describe("local queues", { timeout: TIMEOUT_MS }, () => {
  test("what was sent right before the end is stored, from Worker and objects, in each of several queues", async () => {
    await start("up", { HISTORY_QUEUES: "3" });
    await send({ binding: "worker", queue: 0 }, [{ name: "a" }]);
    await send({ binding: "USER", queue: 1 }, [{ name: "b" }]);
    await send({ binding: "OTHER", queue: 2 }, [{ name: "c" }, { name: "d" }]);
    await stop();
    expect(await stored()).toEqual({
      "history/serve-project-0/a": { body: { name: "a" }, attempts: 1 },
      "history/serve-project-1/b": { body: { name: "b" }, attempts: 1 },
      "history/serve-project-2/c": { body: { name: "c" }, attempts: 1 },
      "history/serve-project-2/d": { body: { name: "d" }, attempts: 1 },
    });
    expect(readKept(stateDir)).toEqual([]);
  });

  test("a batch that does not fill is stored after about a second, and a poisonous message as a dead letter", async () => {
    await start("up");
    await send({ binding: "worker", queue: 0 }, [{ name: "good" }, { name: "bad", poison: true }]);
    const keys = ["dead/bad", "history/serve-project-0/good"];
    await expect
      .poll(async () => (await fetch(`${running?.url}/stored`)).json(), { timeout: STORED_WITHIN_MS })
      .toEqual(keys);
    await stop();
    expect(readKept(stateDir)).toEqual([]);
    expect(Object.keys(await stored()).toSorted()).toEqual(keys);
  });

  for (const sink of ["down", "hang"] as const) {
    test(`messages for a sink that ${sink === "down" ? "fails" : sink + "s"} survive the end and crashes`, async () => {
      await start(sink, { HISTORY_QUEUES: "2" });
      await send({ binding: "USER", queue: 0 }, [{ name: "a" }]);
      await send({ binding: "worker", queue: 1 }, [{ name: "b" }]);
      await stop();
      const kept = readKept(stateDir);
      expect(kept.map(({ queue, body }) => [queue, body])).toEqual([
        ["serve-project-0", { name: "a" }],
        ["serve-project-1", { name: "b" }],
      ]);
      if (sink === "down") await crashRuntime();
      else await crashAll();
      expect(readKept(stateDir)).toEqual(kept);
      // One queue now: the message of the second is stored all the same.
      await start("up");
      await stop();
      expect(Object.keys(await stored()).toSorted()).toEqual([
        "history/serve-project-0/a",
        "history/serve-project-1/b",
      ]);
      expect(readKept(stateDir)).toEqual([]);
    });
  }

  test("a state that is in use is neither served again nor copied; a damaged file of messages stops the start", async () => {
    await start("up");
    const again = startBackend({ port: 0, env: {}, stateDir, projectDir, logFd });
    await expect(again).rejects.toThrow("a server is using the state");
    await expect(exportHistory({ stateDir, outDir: join(dir, "out") })).rejects.toThrow("a server is using the state");
    await stop();
    writeFileSync(keptFile(stateDir), "{}\n");
    await expect(start("up")).rejects.toThrow("line 1: no queue message");
    expect(readFileSync(keptFile(stateDir), "utf8")).toBe("{}\n");
  });

  test("copying from where no state is: refused, and nothing is made", async () => {
    await expect(exportHistory({ stateDir, outDir: join(dir, "out") })).rejects.toThrow(
      `there is no state in ${stateDir}`,
    );
    expect(readdirSync(dir)).toEqual(["log"]);
  });

  test("the copying command says what is wrong, and what it has copied", async () => {
    const run = (...args: string[]) =>
      spawnSync(process.execPath, ["scripts/history.ts", ...args], { cwd: PROJECT_DIR, encoding: "utf8" });
    const unclear = run("--state", stateDir);
    expect([unclear.status, unclear.stderr.split("\n")[0]]).toEqual([2, "--out needs a directory"]);
    const missing = run("--state", stateDir, "--out", join(dir, "out"));
    expect([missing.status, missing.stderr]).toEqual([
      1,
      `there is no state in ${stateDir}: \`npm run serve\` makes one\n`,
    ]);
    await start("up");
    await send({ binding: "worker", queue: 0 }, [{ name: "a" }, { name: "b" }]);
    await stop();
    const done = run("--state", stateDir, "--out", join(dir, "out"));
    expect([done.status, done.stdout]).toEqual([0, `2 objects, 68 bytes in ${join(dir, "out")} (history/ 2)\n`]);
  });
});
