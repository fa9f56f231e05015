/**
 * A thread per connection. Node hands a socket to another process but not to a thread, so the bytes go: the main thread accepts,
 * reads and writes, and each thread has a stream over its message port, in which it is a whole server with one connection.
 */
import type { Socket } from "node:net";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { accept } from "./acceptor.ts";
import type { Host, HostOptions } from "./model.ts";

const THREAD_FILE = join(import.meta.dirname, "connection-thread.ts");

/** To a thread: bytes of the client, its end, or another list of Redis servers. */
export type ToThread = { bytes: Uint8Array } | { end: true } | { redisUrls: readonly string[] };
/** From a thread: bytes for the client, or the end of them. */
export type FromThread = { bytes: Uint8Array } | { end: true };

export interface ThreadData {
  readonly origin: string;
  readonly databaseFile: string;
  readonly redisUrls: readonly string[];
  readonly vars: Readonly<Record<string, string>>;
}

export async function openThreads(options: HostOptions): Promise<Host> {
  const threads = new Set<Worker>();
  let { redisUrls } = options;
  let count = 0;
  // No more threads are to be had: this client is turned away, the others stay.
  const start = (workerData: ThreadData): Worker | undefined => {
    try {
      return new Worker(THREAD_FILE, { workerData });
    } catch (error) {
      options.onError(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  };
  const take = (socket: Socket): void => {
    count += 1;
    const { databaseFile, vars } = options;
    const workerData: ThreadData = { origin: `${process.pid}-${count}`, databaseFile, redisUrls, vars };
    const thread = start(workerData);
    if (thread === undefined) {
      socket.destroy();
      return;
    }
    threads.add(thread);
    const say = (message: ToThread): void => thread.postMessage(message);
    socket.on("data", (bytes: Buffer) => say({ bytes }));
    socket.on("error", () => {});
    socket.once("close", () => say({ end: true }));
    thread.on("message", (message: FromThread) => {
      if ("end" in message) socket.end();
      else socket.write(message.bytes);
    });
    thread.on("error", options.onError);
    thread.once("exit", () => {
      threads.delete(thread);
      socket.destroy();
    });
    socket.resume();
  };
  const server = await accept(options.port, options.host, take);
  return {
    useServers: (urls) => {
      redisUrls = urls;
      const message: ToThread = { redisUrls };
      for (const thread of threads) thread.postMessage(message);
      return Promise.resolve();
    },
    // Threads end with the process, which is about to.
    close: () => void server.close(),
  };
}
