/** What the classic design does beside the rules: a ring that changes, and processes that end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { MODELS } from "../../scripts/bench/classic/hosting/model.ts";
import { startClassic } from "../../scripts/bench/classic/start.ts";
import { descriptorCount } from "../../scripts/bench/models/processes.ts";
import type { Connection } from "../blackbox/connection.ts";
import { leaves, refuses, shows } from "../blackbox/frames.ts";
import { World } from "../blackbox/helpers.ts";
import { HOME, offset } from "../blackbox/places.ts";

const secret = randomBytes(32).toString("base64url");
/** A connection may send ten frames a second. */
const STEP_MS = 100;
const OPTIONS = {
  redisServers: 1,
  servers: 2,
  settings: { AUTH_SECRET: secret, POSITION_BURST: "1000000", POSITION_MIN_S: "0" },
  onProgress: () => {},
};

/** Whether a process runs: one that has ended and that nobody has asked for is none. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** A PATH on which everything is that the classic design takes, but one program. */
function pathWithout(missing: string): string {
  const folder = mkdtempSync(join(tmpdir(), "path-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  for (const program of ["redis-server", "etcd", "setpriv"]) {
    const file = folders.map((one) => join(one, program)).find((one) => existsSync(one));
    if (program !== missing && file !== undefined) symlinkSync(file, join(folder, program));
  }
  return folder;
}

/** A process that starts the classic design and prints the ids of its processes, and where they keep what is not kept. */
async function starter(): Promise<{ child: ChildProcess; pids: number[]; folder: string }> {
  const file = join(import.meta.dirname, "starter.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, AUTH_SECRET: secret },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  return { child, ...JSON.parse(String(line)) };
}

describe("the classic design", { timeout: 60_000 }, () => {
  test("while a Redis joins the ring, every move of many pairs on two servers arrives, in order", async () => {
    const peer = await startClassic({ ...OPTIONS, signal: new AbortController().signal });
    onTestFinished(() => peer.close());
    const worlds = peer.urls.map((url) => new World({ url, secret }));
    const [world, other] = worlds;
    if (world === undefined || other === undefined) throw new Error("two servers were started");
    onTestFinished(() => worlds.forEach((one) => one.end()));
    const pairs: { walker: Connection; watcher: Connection; id: string }[] = [];
    for (let n = 0; n < 12; n += 1) {
      const [ana, ben] = [world.user(`ana${n}`), world.user(`ben${n}`)];
      await world.befriend(ana, ben);
      const walker = await ben.appear(HOME);
      const watcher = await other.userWithId(ana.id).appear(HOME);
      await watcher.until((view) => view.has(ben.id), "the friend on the other server");
      watcher.skip();
      pairs.push({ walker, watcher, id: ben.id });
    }
    const before = peer.pids().filter(({ name }) => name.startsWith("redis"));
    let changed = false;
    const change = peer.addRedis().then(() => (changed = true));
    // Awaited below; when something else fails first, this is not what is wrong.
    change.catch(() => {});
    let step = 0;
    for (let after = 0; after < 20; after += changed ? 1 : 0) {
      step += 1;
      await sleep(STEP_MS);
      const place = offset(HOME, { northM: step });
      await Promise.all(
        pairs.map(async ({ walker, watcher, id }) => {
          walker.move(place);
          expect((await watcher.next(shows(id), `step ${step}`)).friend).toMatchObject(place);
        }),
      );
    }
    await change;
    expect(peer.pids().filter(({ name }) => name.startsWith("redis"))).toHaveLength(before.length + 1);
    // Who connects now finds those who have not moved since.
    const late = await other.userWithId(pairs[0]?.id ?? "").connect();
    expect((await late.nearby()).friends).toHaveLength(1);
  });

  test.each(MODELS)(
    "run as %s, friends meet, move and leave, and a client that goes leaves nothing behind",
    async (model) => {
      const peer = await startClassic({ ...OPTIONS, servers: 1, signal: new AbortController().signal, model });
      onTestFinished(() => peer.close());
      const world = new World({ url: peer.url, secret });
      onTestFinished(() => world.end());
      const { a, b, ana, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
      a.move(offset(HOME, { northM: 10 }));
      expect((await b.next(shows(ana.id), "the move")).friend).toMatchObject(offset(HOME, { northM: 10 }));
      b.send({ type: "location", lat: 91, lng: 0, ts: 1, ref: 7 });
      await b.next(refuses("bad_location", 7), "the refusal");
      b.move(offset(HOME, { northM: 30_000 }));
      await a.next(leaves(ben.id, "far"), "the leave");
      await b.close();
      await ana.patchMe({ sharing: false });
      await a.close();
      const server = peer.pids().find(({ name }) => name === "server 1")?.pid ?? 0;
      const before = descriptorCount([server]);
      const c = await ana.connect();
      await c.close();
      await vi.waitFor(() => expect(descriptorCount([server])).toBeLessThanOrEqual(before));
    },
  );

  test("close ends every process and leaves no folder", async () => {
    const steps: string[] = [];
    const signal = new AbortController().signal;
    const peer = await startClassic({ ...OPTIONS, signal, onProgress: (step) => void steps.push(step) });
    const pids = peer.pids();
    expect(pids.map(({ name }) => name)).toEqual(["server 1", "server 2", "redis 1", "etcd"]);
    expect(pids.every(({ pid }) => isRunning(pid))).toBe(true);
    const folder = dirname(readlinkSync(`/proc/${pids.find(({ name }) => name === "redis 1")?.pid}/cwd`));
    expect(existsSync(folder)).toBe(true);
    await peer.close();
    expect(existsSync(folder)).toBe(false);
    await vi.waitFor(() => expect(pids.filter(({ pid }) => isRunning(pid))).toEqual([]));
    expect(steps.length).toBeGreaterThan(3);
  });

  test("an abort while it starts ends what was started", async () => {
    const ending = new AbortController();
    const starting = startClassic({
      ...OPTIONS,
      signal: ending.signal,
      onProgress: (step) => void (step.startsWith("server 2") && ending.abort(new Error("enough"))),
    });
    await expect(starting).rejects.toThrow("enough");
  });

  test.each(["SIGINT", "SIGKILL"] as const)("%s to who started it ends every process", async (signal) => {
    const { child, pids, folder } = await starter();
    expect(existsSync(folder)).toBe(true);
    expect(pids.length).toBe(4);
    child.kill(signal);
    await once(child, "exit");
    await vi.waitFor(() => expect(pids.filter((pid) => isRunning(pid))).toEqual([]), { timeout: 5_000 });
    expect(existsSync(folder)).toBe(false);
  });

  test.each([
    ["redis-server", "apt-get install redis-server"],
    ["etcd", "apt-get install etcd-server"],
  ])("without %s it says how to get it", async (missing, way) => {
    vi.stubEnv("PATH", pathWithout(missing));
    onTestFinished(() => void vi.unstubAllEnvs());
    const starting = startClassic({ ...OPTIONS, signal: new AbortController().signal });
    await expect(starting).rejects.toThrow(`${missing} is not installed`);
    await expect(startClassic({ ...OPTIONS, signal: new AbortController().signal })).rejects.toThrow(way);
  });
});
