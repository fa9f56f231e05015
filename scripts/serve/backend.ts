/** Starts the backend in processes of its own: for `serve`, `start`, `bench` and the black-box tests. */
import { fork, type ChildProcess, type StdioOptions } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { buildBundle } from "./bundle.ts";
import { FromHost, type ToHost } from "./messages.ts";
import { buildPage } from "./page.ts";
import { claimPort } from "./port.ts";
import { temporaryRoot } from "./tmpfs.ts";

const HOST_FILE = join(import.meta.dirname, "host.ts");
/** Node's stripping of types, for the ledger that goes into the Worker, announces itself as experimental. */
const HOST_NODE_OPTIONS = ["--disable-warning=ExperimentalWarning"];
/** A shutdown may last 5 s; what is still there shortly before is killed. */
const STOP_WAIT_MS = 4_500;
const STDERR_FD = 2;

export type BackendOptions = {
  /** 0 takes a free one. */
  port: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Vars of the Worker; what is undefined is left out. */
  env: Record<string, string | undefined>;
  /** Told each step, in words. */
  onProgress?: (step: string) => void;
  /** Aborting gives the start up; what it started is gone when the promise rejects. */
  signal?: AbortSignal;
  /** Where the runtime's log lines go: a descriptor, default stderr. */
  logFd?: number;
  /** So many processes hold the sockets in place of the runtime (fronts.ts); default 0. */
  fronts?: number;
  /** Another Worker than that of wrangler.toml, with the same bindings: it must export all classes that are bound. */
  entry?: string;
  projectDir?: string;
} & ({ stateDir: string; memory?: false } | { memory: true; stateDir?: never });

export interface Backend {
  /** Such as `http://127.0.0.1:8787`. */
  url: string;
  /** Where the state is kept; with `memory` it is gone in the end. */
  stateDir: string;
  /** The process that serves, for measurements; undefined where /proc is missing. */
  runtimePid: number | undefined;
  frontPids: readonly number[];
  /** The parent of all of them, which reads what they log. */
  hostPid: number | undefined;
  /** Settled when the processes have ended, asked for or not: true when they ended as asked. */
  ended: Promise<boolean>;
  /**
   * Tells every open socket 1012, brings what the queues hold to their consumers (what they cannot take is kept in the
   * state directory), ends the processes and removes a temporary state; within 5 s, also when repeated.
   */
  stop(): Promise<void>;
}

/** Builds the Worker if needed and starts it; resolves once `/healthz` answers. Rejects with a message for people. */
export async function startBackend(options: BackendOptions): Promise<Backend> {
  const { host = "127.0.0.1", env, onProgress, signal, logFd = STDERR_FD, fronts = 0, entry, projectDir } = options;
  const port = await claimPort(host, options.port);
  const build = { onProgress, signal, ...(projectDir ? { projectDir } : {}) };
  const bundleFile = await buildBundle({ entry, ...build });
  signal?.throwIfAborted();
  // Another Worker is there to be measured or tested, and not to be looked at.
  const pageDir = entry === undefined ? await buildPage(build) : undefined;
  signal?.throwIfAborted();
  const temporary = options.memory === true;
  const stateDir = temporary ? makeTemporaryDir() : resolve(options.stateDir);
  if (!temporary) mkdirSync(stateDir, { recursive: true });
  onProgress?.(`state: ${stateDir}${temporary ? " (removed at the end)" : ""}`);
  onProgress?.("worker: starting");
  const stdio: StdioOptions = ["ignore", logFd, logFd, "ipc"];
  const child = fork(HOST_FILE, [], { detached: true, execArgv: HOST_NODE_OPTIONS, stdio });
  const frontsDir = fronts === 0 ? undefined : mkdtempSync(join(tmpdir(), "nearby-fronts-"));
  const ended = untilEnded(child, [temporary ? stateDir : undefined, frontsDir]);
  const stop = () => stopHost(child, ended);
  const onAbort = () => void stop();
  signal?.addEventListener("abort", onAbort);
  let ready: Ready;
  try {
    const start = { host, port, stateDir, temporary, bundleFile, vars: definedOnly(env) };
    const behind = frontsDir === undefined ? {} : { fronts: { count: fronts, dir: frontsDir } };
    send(child, { type: "start", ...start, ...behind, ...(pageDir ? { pageDir } : {}) });
    ready = await untilReady(child);
  } catch (error) {
    await stop();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const pids = { runtimePid: ready.runtimePid, frontPids: ready.frontPids, hostPid: child.pid };
  return { url: `http://${authority}`, stateDir, ...pids, ended, stop };
}

/** A fresh directory for state that is not kept: in memory where there is a roomy tmpfs. */
function makeTemporaryDir(): string {
  return mkdtempSync(join(temporaryRoot(), "nearby-"));
}

function definedOnly(env: Record<string, string | undefined>): Record<string, string> {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

function send(child: ChildProcess, message: ToHost): void {
  // A child that has just ended is told apart by its exit, not by this.
  if (child.connected) child.send(message, () => {});
}

type Ready = Extract<FromHost, { type: "ready" }>;

async function untilReady(child: ChildProcess): Promise<Ready> {
  const { promise, resolve: ready, reject } = Promise.withResolvers<Ready>();
  child.on("message", (raw: unknown) => {
    const message = v.parse(FromHost, raw);
    if (message.type === "ready") ready(message);
    else reject(new Error(message.message));
  });
  child.on("error", reject);
  child.on("exit", (code, signal) =>
    reject(new Error(`the runtime's process ended: ${signal ?? `exit code ${code}`}`)),
  );
  return promise;
}

/** @param temporaryDirs also removed when the host was killed, and could not do it */
async function untilEnded(child: ChildProcess, temporaryDirs: readonly (string | undefined)[]): Promise<boolean> {
  const { promise, resolve: done } = Promise.withResolvers<boolean>();
  child.on("error", () => done(false));
  child.on("exit", (code) => done(code === 0));
  const asAsked = await promise;
  killGroup(child);
  for (const dir of temporaryDirs) if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  return asAsked;
}

async function stopHost(child: ChildProcess, ended: Promise<boolean>): Promise<void> {
  send(child, { type: "stop" });
  const waiting = new AbortController();
  const late = sleep(STOP_WAIT_MS, "late" as const, { signal: waiting.signal }).catch(() => "cancelled" as const);
  if ((await Promise.race([ended, late])) === "late") killGroup(child);
  waiting.abort();
  await ended;
}

/** workerd outlives its parent when that is killed: it is in the group that the parent led. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nobody is left in the group.
  }
}
