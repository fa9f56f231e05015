/** A Redis on the loopback address, for tests and benches: Debian's redis-server, with nothing kept on a disk. */
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@redis/client";
import { claimPort } from "../serve/port.ts";
import { temporaryFolder } from "../serve/tmpfs.ts";
import { endBound, hasEnded, isInstalled, spawnBound } from "./bound.ts";
import type { RedisLike, Reply } from "./redis-like.ts";

const HOST = "127.0.0.1";
const START_WAIT_MS = 10_000;
const START_POLL_MS = 20;
/** A Redis that is gone shall show in the test, not in a queue of commands. */
const CONNECT_WAIT_MS = 500;
const LOG_TAIL_LINES = 10;

export const WAYS_TO_REDIS =
  "It takes redis-server (Debian: apt-get install redis-server). With Docker: docker compose up --wait redis, then" +
  " REDIS_URL=redis://127.0.0.1:6379";

/** `redis-server` is not installed. */
export class NoRedisError extends Error {
  override readonly name = "NoRedisError";
}

export interface RedisServer {
  readonly url: string;
  /** Undefined while it is stopped. */
  readonly pid: number | undefined;
  /** On the same port, empty. */
  start(): Promise<void>;
  /** Ends the server; `start` brings it back. */
  stop(): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/**
 * Starts one and resolves once it answers. Rejects with words for people.
 *
 * @param root where its folder is made
 */
export async function startRedis(onProgress: (step: string) => void, root?: string): Promise<RedisServer> {
  if (!isInstalled("redis-server")) throw new NoRedisError(`redis-server is not installed. ${WAYS_TO_REDIS}`);
  const folder = temporaryFolder("nearby-redis-", root);
  const dir = folder.path;
  const port = await claimPort(HOST, 0);
  const url = `redis://${HOST}:${port}`;
  let child: ChildProcess | undefined;
  const stop = async () => {
    const ending = child;
    child = undefined;
    if (ending) await endBound(ending);
  };
  const server: RedisServer = {
    url,
    get pid() {
      return child?.pid;
    },
    async start() {
      onProgress(`redis: starting on ${url}`);
      const log = join(dir, "redis.log");
      child = run(dir, port, log);
      try {
        await untilAnswers(url, child, log);
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
    async close() {
      await stop();
      folder.remove();
    },
  };
  try {
    await server.start();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

function run(dir: string, port: number, logFile: string): ChildProcess {
  const log = openSync(logFile, "a");
  const args = ["--port", String(port), "--bind", HOST, "--save", "", "--appendonly", "no", "--dir", dir];
  const child = spawnBound("redis-server", args, { cwd: dir, logFd: log });
  closeSync(log);
  return child;
}

async function untilAnswers(url: string, child: ChildProcess, logFile: string): Promise<void> {
  const deadlineMs = performance.now() + START_WAIT_MS;
  for (;;) {
    try {
      const redis = await connectRedis(url);
      await redis.close();
      return;
    } catch (error) {
      const late = performance.now() > deadlineMs;
      if (late || hasEnded(child)) {
        const tail = readFileSync(logFile, "utf8").trim().split("\n").slice(-LOG_TAIL_LINES).join("\n");
        throw new Error(`redis-server does not answer. Its log ends:\n${tail}`, { cause: error });
      }
    }
    await sleep(START_POLL_MS);
  }
}

export interface RedisConnection extends RedisLike {
  /** Such as 7.0.15. */
  version(): Promise<string>;
  close(): Promise<void>;
}

/** Rejects when nothing answers there. Afterwards it comes back by itself; commands fail while it is away. */
export async function connectRedis(url: string): Promise<RedisConnection> {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: CONNECT_WAIT_MS, reconnectStrategy: START_POLL_MS },
  });
  // Each failure reaches whoever gave the command.
  client.on("error", () => {});
  const late = sleep(CONNECT_WAIT_MS, "late" as const);
  if ((await Promise.race([client.connect(), late])) === "late") {
    client.destroy();
    throw new Error(`nothing answers at ${url}`);
  }
  return {
    command: async (args) => toReply(await client.sendCommand([...args])),
    async transaction(commands) {
      const multi = client.multi();
      for (const command of commands) multi.addCommand([...command]);
      return (await multi.exec()).map(toReply);
    },
    async version() {
      const info = toReply(await client.sendCommand(["INFO", "server"]));
      return /redis_version:(\S+)/.exec(String(info))?.[1] ?? "of an unknown version";
    },
    async close() {
      client.destroy();
      await Promise.resolve();
    },
  };
}

function toReply(value: unknown): Reply {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  if (Array.isArray(value)) return value.map(toReply);
  throw new TypeError(`Redis answers with ${typeof value}`);
}
