/** A server process of the classic design; started by `startClassic`, with a channel to it, and ended when that is closed. */
import { rmSync } from "node:fs";
import { flushCompileCache } from "node:module";
import * as v from "valibot";
import type { Host } from "./hosting/model.ts";
import { openHost } from "./hosting/open.ts";
import { type FromServer, type StartServer, ToServer } from "./messages.ts";
import { readRing, watchRing } from "./ring-document.ts";

/** Close frames have to leave before the process does. */
const CLOSE_FRAMES_MS = 100;
/** Another server may be removing the same folder. */
const REMOVE_TRIES = 5;

const ending = new AbortController();
let serving: Host | undefined;
let folder: string | undefined;

process.on("message", (raw: unknown) => {
  const message = v.parse(ToServer, raw);
  if (message.type === "stop") stop();
  else void start(message);
});
process.on("disconnect", () => {
  // Killed, or it would have said so: Redis and etcd have ended with it, and nobody else cleans up.
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: REMOVE_TRIES });
  stop();
});
// It is told when to end: a signal of the terminal goes to the whole group.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

async function start({ etcdUrl, model, ...options }: StartServer): Promise<void> {
  folder = options.folder;
  try {
    const { document } = await readRing(etcdUrl);
    const { host, port, databaseFile, vars } = options;
    const redisUrls = document.servers;
    serving = await openHost(model, { host, port, databaseFile, vars, redisUrls, onError: note });
    void watchRing(etcdUrl, {
      version: document.version,
      onChange: ({ servers, version }) => {
        void serving?.useServers(servers).then(() => tell({ type: "ring", version }));
      },
      onError: note,
      signal: ending.signal,
    });
    flushCompileCache();
    tell({ type: "ready" });
  } catch (error) {
    tell({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

function tell(message: FromServer): void {
  if (process.connected) process.send?.(message, () => {});
}

function note(error: Error): void {
  // What its parts do when everything ends together is no news.
  if (!ending.signal.aborted) process.stderr.write(`classic: ${error.message}\n`);
}

function stop(): void {
  ending.abort();
  serving?.close();
  setTimeout(() => process.exit(0), CLOSE_FRAMES_MS);
}
