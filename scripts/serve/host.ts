/**
 * The process that runs Miniflare and workerd; started by `startBackend`, with a channel to it.
 *
 * It leads a process group of its own: Ctrl-C in a terminal signals the whole foreground group, and workerd would die
 * before its sockets were told 1012. So it takes its orders from the channel, and a closed channel (the command was
 * killed) is an order to stop.
 */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Miniflare } from "miniflare";
import * as v from "valibot";
import { readBundle } from "./bundle.ts";
import { CONTROL_ENTRYPOINT } from "./entry.ts";
import { Door, Fronts } from "./fronts.ts";
import { keptFile, KeptMessages, readKept, writeKept } from "./kept-messages.ts";
import type { KeptMessage } from "./ledger.ts";
import { lockState } from "./lock.ts";
import { ToHost, type FromHost, type StartHost } from "./messages.ts";
import { OpenFilesWatch, ranOutOf, type WatchedProcess } from "./open-files.ts";
import { childrenOf, openFiles } from "./proc.ts";
import { RUNTIME_SERVICE, runtimeOptions, WORKER_NAME } from "./runtime.ts";
import { V8_FLAGS, V8_FLAGS_NAME } from "./v8-flags.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** These two must leave time for the rest of a shutdown, which may last 5 s in all. */
const DRAIN_WAIT_MS = 2_300;
/** A consumer writes a batch in some milliseconds; one whose sink hangs is not waited for, its messages are kept. */
const FLUSH_WAIT_MS = 1_300;
/** For the answer to a flush, which may carry a long list. */
const ANSWER_WAIT_MS = 300;
/** Between the last `drain()` and the end of workerd: the close frames have to leave its queue. */
const CLOSE_FRAMES_MS = 150;
/** A cold start of workerd takes about 1 s; a machine under load several times that. */
const HEALTHY_WAIT_MS = 30_000;
const HEALTHY_POLL_MS = 20;
/** Some microseconds each time. 1,000 people connecting in a second take 5,000 descriptors. */
const OPEN_FILES_LOOK_MS = 1_000;

/** Empty until ready. */
let end: (() => Promise<void>) | undefined;
let miniflare: Miniflare | undefined;
let door: Door | undefined;
let fronts: Fronts | undefined;
/** What the runtime wrote last of open files; with it, its end is explained. */
let lastOfOpenFiles = "";
let stopping = false;

process.on("message", (raw: unknown) => {
  const message = v.parse(ToHost, raw);
  if (message.type === "stop") void stop(0);
  else void start(message);
});
process.on("disconnect", () => void stop(0));
listenToSignals();

function listenToSignals(): void {
  for (const signal of SIGNALS) {
    process.removeAllListeners(signal);
    process.on(signal, () => void stop(0));
  }
}

async function start(options: StartHost): Promise<void> {
  process.on("exit", () => door?.remove());
  if (options.temporary) process.on("exit", () => rmSync(options.stateDir, { recursive: true, force: true }));
  try {
    await run(options);
    const runtime = runtimePid();
    tell({
      type: "ready",
      ...(runtime === undefined ? {} : { runtimePid: runtime }),
      frontPids: fronts?.pids ?? [],
    });
  } catch (error) {
    if (stopping) return;
    tell({ type: "failed", message: messageOf(error) });
    await stop(1);
  }
}

function tell(message: FromHost): void {
  if (process.connected) process.send?.(message);
}

async function run(options: StartHost): Promise<void> {
  const { stateDir, temporary, bundleFile } = options;
  if (!temporary) lockState(stateDir);
  const kept = readKept(stateDir);
  const keptQueues = kept.map(({ queue }) => queue);
  const secret = randomUUID();
  const bundle = await readBundle(bundleFile);
  process.env[V8_FLAGS_NAME] ??= V8_FLAGS.join(" ");
  if (options.fronts !== undefined) {
    door = new Door(options.fronts.dir);
    door.openIn(process.env);
  }
  // Behind fronts nobody else comes in by an address.
  const listen = door === undefined ? {} : { host: "127.0.0.1", port: 0 };
  miniflare = new Miniflare(
    runtimeOptions({ ...options, ...listen, bundle, secret, keptQueues, onLine: onRuntimeLine, onRestart }),
  );
  await miniflare.ready;
  // Miniflare exits with 143 at a signal, at once and without a word to the sockets.
  listenToSignals();
  await untilHealthy(await miniflare.unsafeGetDirectURL(WORKER_NAME));
  const control = { url: await miniflare.unsafeGetDirectURL(WORKER_NAME, CONTROL_ENTRYPOINT), secret };
  const { run: runId } = await ask(control, "/give-back", { schema: v.object({ run: v.string() }), body: kept });
  if (kept.length > 0) note(`${kept.length} queue messages of an earlier run are back in their queues`);
  end = () => endOrderly(control, { runId, kept, keepDir: temporary ? undefined : stateDir });
  if (door !== undefined && options.fronts !== undefined) {
    const { compatibilityDate } = bundle;
    fronts = await startFronts(door, options, { count: options.fronts.count, compatibilityDate });
  }
  const watch = new OpenFilesWatch({ processes: watched, count: openFiles, tell: note });
  setInterval(() => watch.look(), OPEN_FILES_LOOK_MS).unref();
}

async function startFronts(
  through: Door,
  { host, port }: StartHost,
  { count, compatibilityDate }: { count: number; compatibilityDate: string },
): Promise<Fronts> {
  const started = new Fronts(through, {
    host,
    port,
    count,
    compatibilityDate,
    service: RUNTIME_SERVICE,
    onLine: note,
    onEnded: ({ lastLines, isFinal }) => {
      if (isFinal) {
        note("a front could not start");
        void stop(1);
        return;
      }
      // Its children's limit is this process's own.
      const limit = openFiles(process.pid)?.limit;
      note(ranOutOf("front", lastLines, limit) ?? "a front has ended, and has been started again");
    },
  });
  fronts = started;
  await started.start();
  await untilHealthy(new URL(`http://${host.includes(":") ? `[${host}]` : host}:${port}`));
  return started;
}

function watched(): WatchedProcess[] {
  const runtime = runtimePid();
  return [
    ...(runtime === undefined ? [] : [{ name: "runtime" as const, pid: runtime }]),
    ...(fronts?.pids ?? []).map((pid) => ({ name: "front" as const, pid })),
  ];
}

function runtimePid(): number | undefined {
  const others = new Set(fronts?.pids);
  return childrenOf(process.pid).find((pid) => !others.has(pid));
}

function onRuntimeLine(line: string): void {
  if (ranOutOf("runtime", line, undefined) !== undefined) lastOfOpenFiles = line;
  note(line);
}

/** The last word on a crash, after those of workerd and of Miniflare. */
function onRestart(): void {
  const runtime = runtimePid();
  const limit = runtime === undefined ? undefined : openFiles(runtime)?.limit;
  const line = ranOutOf("runtime", lastOfOpenFiles, limit);
  lastOfOpenFiles = "";
  if (line !== undefined) note(line);
}

async function untilHealthy(url: URL): Promise<void> {
  const deadlineMs = performance.now() + HEALTHY_WAIT_MS;
  for (;;) {
    const timeLeftMs = deadlineMs - performance.now();
    const answer = await fetch(new URL("/healthz", url), {
      signal: AbortSignal.timeout(Math.max(1, Math.ceil(timeLeftMs))),
    });
    await answer.arrayBuffer();
    if (answer.ok) return;
    if (timeLeftMs < HEALTHY_POLL_MS) throw new Error(`/healthz answers ${answer.status}`);
    await sleep(HEALTHY_POLL_MS);
  }
}

interface Control {
  url: URL;
  secret: string;
}

/** Asks the control entrypoint (entry.ts) and reads its answer by `schema`. */
async function ask<T>({ url, secret }: Control, path: string, asked: Asked<T>): Promise<T> {
  const answer = await fetch(new URL(path, url), {
    method: "POST",
    headers: { authorization: secret },
    body: JSON.stringify(asked.body ?? {}),
    ...(asked.waitMs === undefined ? {} : { signal: AbortSignal.timeout(asked.waitMs) }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return v.parse(asked.schema, await answer.json());
}

interface Asked<T> {
  schema: v.GenericSchema<unknown, T>;
  body?: unknown;
  waitMs?: number;
}

interface Queues {
  /** Which run of the runtime the kept messages were given back to. */
  runId: string;
  kept: readonly KeptMessage[];
  /** Where to keep the messages that could not be written; undefined: nowhere. */
  keepDir: string | undefined;
}

async function endOrderly(control: Control, queues: Queues): Promise<void> {
  try {
    const failures = await ask(control, "/drain", { schema: v.array(v.string()), waitMs: DRAIN_WAIT_MS });
    for (const failure of failures) note(`drain: ${failure}`);
  } catch (error) {
    note(`drain: ${messageOf(error)}`);
  }
  try {
    const schema = v.object({ run: v.string(), left: KeptMessages });
    const asked = { schema, waitMs: FLUSH_WAIT_MS + ANSWER_WAIT_MS };
    const { run: runId, left } = await ask(control, `/flush?waitMs=${FLUSH_WAIT_MS}`, asked);
    // A runtime that has crashed since does not know what became of those: sending them again does no harm.
    keep(runId === queues.runId ? left : [...queues.kept, ...left], queues.keepDir);
  } catch (error) {
    note(`queues: ${messageOf(error)}`);
  }
  await sleep(CLOSE_FRAMES_MS);
}

function keep(left: readonly KeptMessage[], keepDir: string | undefined): void {
  if (keepDir !== undefined) writeKept(keepDir, left);
  if (left.length === 0) return;
  const fate = keepDir === undefined ? "gone with the temporary state" : `kept in ${keptFile(keepDir)}`;
  note(`${left.length} queue messages could not be written, and are ${fate}`);
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function stop(exitCode: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  await end?.();
  await miniflare?.dispose().catch(() => {
    // Disposing rejects with the reason why the start failed, which has been told already.
  });
  fronts?.stop();
  process.exit(exitCode);
}
