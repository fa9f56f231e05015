/** A server process of the classic design; started by `startClassic`, with a channel to it, and ended when that is closed. */
import * as v from "valibot";
import { readSettings } from "../../../src/settings.ts";
import { type FromServer, type StartServer, ToServer } from "./messages.ts";
import { Peer } from "./peer.ts";
import { readRing, watchRing } from "./ring-document.ts";

/** Close frames have to leave before the process does. */
const CLOSE_FRAMES_MS = 100;

const ending = new AbortController();
let peer: Peer | undefined;

process.on("message", (raw: unknown) => {
  const message = v.parse(ToServer, raw);
  if (message.type === "stop") stop();
  else void start(message);
});
process.on("disconnect", stop);
// It is told when to end: a signal of the terminal goes to the whole group.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

async function start({ host, port, etcdUrl, databaseFile, vars }: StartServer): Promise<void> {
  try {
    const { document } = await readRing(etcdUrl);
    const settings = readSettings(vars);
    peer = await Peer.open({
      origin: String(process.pid),
      settings,
      databaseFile,
      redisUrls: document.servers,
      onError: note,
    });
    await peer.listen(port, host);
    void watchRing(etcdUrl, {
      version: document.version,
      onChange: ({ servers, version }) => {
        void peer?.useServers(servers).then(() => tell({ type: "ring", version }));
      },
      onError: note,
      signal: ending.signal,
    });
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
  peer?.close();
  setTimeout(() => process.exit(0), CLOSE_FRAMES_MS);
}
