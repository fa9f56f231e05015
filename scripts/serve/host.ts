/**
 * The process that runs Miniflare and workerd; started by `startBackend`, with a channel to it.
 *
 * It leads a process group of its own: Ctrl-C in a terminal signals the whole foreground group, and workerd would die
 * before its sockets were told 1012. So it takes its orders from the channel, and a closed channel (the command was
 * killed) is an order to stop.
 */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import * as v from "valibot";
import { readBundle } from "./bundle.ts";
import { DRAIN_ENTRYPOINT, ENTRY_MODULE, entrySource } from "./entry.ts";
import { ToHost, type FromHost, type StartHost } from "./messages.ts";

const WORKER_NAME = "nearby-friends";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Draining must leave time for the rest of a shutdown, which may last 5 s in all. */
const DRAIN_WAIT_MS = 3_000;
/** Between the last `drain()` and the end of workerd: the close frames have to leave its queue. */
const FLUSH_MS = 150;
/** A cold start of workerd takes about 1 s; a machine under load several times that. */
const HEALTHY_WAIT_MS = 30_000;
const HEALTHY_POLL_MS = 20;

/** Empty until ready. */
let drain: (() => Promise<void>) | undefined;
let miniflare: Miniflare | undefined;
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
  if (options.temporary) process.on("exit", () => rmSync(options.stateDir, { recursive: true, force: true }));
  try {
    await run(options);
    tell({ type: "ready" });
  } catch (error) {
    if (stopping) return;
    tell({ type: "failed", message: error instanceof Error ? error.message : String(error) });
    await stop(1);
  }
}

function tell(message: FromHost): void {
  if (process.connected) process.send?.(message);
}

async function run({ host, port, stateDir, bundleFile, vars }: StartHost): Promise<void> {
  const bundle = await readBundle(bundleFile);
  const [object, ...others] = Object.entries(bundle.durableObjects);
  if (!object || others.length > 0) throw new Error("serve drains exactly one class of objects");
  const secret = randomUUID();
  const source = entrySource(bundle.mainModule, object[0], object[1], secret);
  const modules = [{ type: "ESModule" as const, name: ENTRY_MODULE, contents: source }, ...bundle.modules];
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      // Miniflare's own entrance: it obeys headers that route around the Worker, so nobody else may reach it.
      host: "127.0.0.1",
      port: 0,
      cf: false,
      telemetry: { enabled: false },
      log: new Log(LogLevel.WARN),
      handleStructuredLogs: ({ message }) => process.stderr.write(`${message}\n`),
      resourcePersistencePath: stateDir,
      workers: [
        {
          name: WORKER_NAME,
          compatibilityDate: bundle.compatibilityDate,
          compatibilityFlags: bundle.compatibilityFlags,
          modulesRoot: "/",
          modules: modules.map(({ type, name, contents }) => ({ type, path: join("/", name), contents })),
          bindings: { ...bundle.vars, ...vars },
          durableObjects: { [object[0]]: { className: object[1], useSQLite: true } },
          // Straight into the Worker: one hop and one descriptor less for each socket than through the entrance.
          unsafeDirectSockets: [
            { host, port },
            { host: "127.0.0.1", port: 0, entrypoint: DRAIN_ENTRYPOINT },
          ],
        },
      ],
    }),
  );
  await miniflare.ready;
  // Miniflare exits with 143 at a signal, at once and without a word to the sockets.
  listenToSignals();
  await untilHealthy(await miniflare.unsafeGetDirectURL(WORKER_NAME));
  const drainUrl = await miniflare.unsafeGetDirectURL(WORKER_NAME, DRAIN_ENTRYPOINT);
  drain = () => drainObjects(drainUrl, secret);
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

async function drainObjects(url: URL, secret: string): Promise<void> {
  const signal = AbortSignal.timeout(DRAIN_WAIT_MS);
  try {
    const answer = await fetch(url, { method: "POST", headers: { authorization: secret }, signal });
    const { failures } = v.parse(v.object({ failures: v.array(v.string()) }), await answer.json());
    for (const failure of failures) process.stderr.write(`drain: ${failure}\n`);
  } catch (error) {
    process.stderr.write(`drain: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  await sleep(FLUSH_MS);
}

async function stop(exitCode: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  await drain?.();
  await miniflare?.dispose().catch(() => {
    // Disposing rejects with the reason why the start failed, which has been told already.
  });
  process.exit(exitCode);
}
