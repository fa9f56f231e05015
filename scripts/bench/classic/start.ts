/**
 * The textbook's design beside this one: stateful WebSocket servers, Redis as location cache and as a pub/sub channel for each
 * user, the channels spread over the Redis servers by a hash ring that is kept in etcd, users and friendships in a database.
 */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import * as v from "valibot";
import { claimPort } from "../../serve/port.ts";
import type { SettingsEnv } from "../../serve/settings.ts";
import { temporaryFolder } from "../../serve/tmpfs.ts";
import { type EtcdServer, startEtcd } from "../../services/etcd.ts";
import { type RedisServer, startRedis } from "../../services/redis.ts";
import type { Model } from "./hosting/model.ts";
import { FromServer, type ToServer } from "./messages.ts";
import { writeRing } from "./ring-document.ts";

const HOST = "127.0.0.1";
const SERVER_FILE = join(import.meta.dirname, "server.ts");
/** `node:sqlite` and the stripping of types announce themselves. */
const NODE_OPTIONS = ["--disable-warning=ExperimentalWarning"];
/** What has not ended by then is killed. */
const STOP_WAIT_MS = 3_000;
/** Subscribing at a new Redis takes some milliseconds, the handover a second. */
const RING_WAIT_MS = 30_000;

export interface ClassicOptions {
  redisServers: number;
  /** Server processes. */
  servers: number;
  /** With AUTH_SECRET. */
  settings: SettingsEnv;
  signal: AbortSignal;
  onProgress: (step: string) => void;
  /** How each server runs its connections; default: all in one event loop. */
  model?: Model;
}

export interface ClassicPeer {
  /** Of the first server. */
  url: string;
  urls: string[];
  pids(): { name: string; pid: number }[];
  /** Starts one more Redis, and resolves when all servers have changed over to the new ring. */
  addRedis(): Promise<void>;
  close(): Promise<void>;
}

/** Starts everything; what it started is gone when it rejects. Rejects with words for people when something is missing. */
export async function startClassic(options: ClassicOptions): Promise<ClassicPeer> {
  const parts = new Parts(options);
  const onAbort = () => void parts.close();
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    options.signal.throwIfAborted();
    return await parts.start();
  } catch (error) {
    await parts.close();
    options.signal.throwIfAborted();
    throw error;
  } finally {
    options.signal.removeEventListener("abort", onAbort);
  }
}

interface ServerProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<void>;
}

class Parts {
  readonly #options: ClassicOptions;
  readonly #folder = temporaryFolder("nearby-classic-");
  #etcd: EtcdServer | undefined;
  readonly #redis: RedisServer[] = [];
  readonly #servers: ServerProcess[] = [];
  #version = 0;
  #closing: Promise<void> | undefined;

  constructor(options: ClassicOptions) {
    this.#options = options;
  }

  async start(): Promise<ClassicPeer> {
    const { redisServers, servers, onProgress, signal } = this.#options;
    // A user's frames come from the server, the friends' from Redis; each is asked for before the next is started.
    for (let n = 0; n < redisServers; n += 1) this.#redis.push(await startRedis(onProgress, this.#folder.path));
    signal.throwIfAborted();
    this.#etcd = await startEtcd(onProgress, this.#folder.path);
    await this.#writeRing();
    for (let n = 0; n < servers; n += 1) {
      signal.throwIfAborted();
      onProgress(`server ${n + 1} of ${servers}: starting`);
      await this.#startServer();
    }
    const urls = this.#servers.map((server) => server.url);
    return {
      url: urls[0] ?? "",
      urls,
      pids: () => this.#pids(),
      addRedis: async () => this.#addRedis(),
      close: async () => this.close(),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    await Promise.all(this.#servers.map(endServer));
    await Promise.all([...this.#redis, ...(this.#etcd ? [this.#etcd] : [])].map((part) => part.close()));
    this.#folder.remove();
  }

  #pids(): { name: string; pid: number }[] {
    const named = [
      ...this.#servers.map(({ child }, n) => ({ name: `server ${n + 1}`, pid: child.pid })),
      ...this.#redis.map(({ pid }, n) => ({ name: `redis ${n + 1}`, pid })),
      { name: "etcd", pid: this.#etcd?.pid },
    ];
    return named.flatMap(({ name, pid }) => (pid === undefined ? [] : [{ name, pid }]));
  }

  async #addRedis(): Promise<void> {
    this.#redis.push(await startRedis(this.#options.onProgress, this.#folder.path));
    const version = this.#version + 1;
    const changed = Promise.all(this.#servers.map(({ child }) => untilRing(child, version)));
    await this.#writeRing();
    await changed;
  }

  async #writeRing(): Promise<void> {
    if (this.#etcd === undefined) throw new Error("etcd has not been started");
    this.#version += 1;
    await writeRing(this.#etcd.url, { version: this.#version, servers: this.#redis.map(({ url }) => url) });
  }

  async #startServer(): Promise<void> {
    const port = await claimPort(HOST, 0);
    // In a group of its own: Ctrl-C is for the command, which closes it.
    // Processes and threads of a connection load what the server has loaded: compiled once, not once each.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(this.#folder.path, "compiled") };
    const child = fork(SERVER_FILE, [], {
      detached: true,
      env,
      execArgv: NODE_OPTIONS,
      stdio: ["ignore", 2, 2, "ipc"],
    });
    const server: ServerProcess = { child, url: `http://${HOST}:${port}`, ended: untilEnded(child) };
    this.#servers.push(server);
    const ready = untilReady(child);
    send(child, {
      type: "start",
      host: HOST,
      port,
      etcdUrl: this.#etcd?.url ?? "",
      folder: this.#folder.path,
      databaseFile: join(this.#folder.path, "people.sqlite"),
      vars: { ...this.#options.settings },
      model: this.#options.model ?? "loop",
    });
    await ready;
  }
}

function send(child: ChildProcess, message: ToServer): void {
  // A child that has just ended is told apart by its exit, not by this.
  if (child.connected) child.send(message, () => {});
}

async function untilReady(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on("message", (raw: unknown) => {
    const message = v.parse(FromServer, raw);
    if (message.type === "ready") resolve();
    else if (message.type === "failed") reject(new Error(message.message));
  });
  child.on("error", reject);
  child.on("exit", (code, signal) => reject(new Error(`a server process ended: ${signal ?? `exit code ${code}`}`)));
  return promise;
}

async function untilRing(child: ChildProcess, version: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onMessage = (raw: unknown): void => {
    const message = v.parse(FromServer, raw);
    if (message.type === "ring" && message.version >= version) resolve();
  };
  child.on("message", onMessage);
  child.once("exit", () => reject(new Error("a server process ended while the ring changed")));
  const timer = setTimeout(
    () => reject(new Error(`a server has not changed to ring ${version} in time`)),
    RING_WAIT_MS,
  );
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    child.off("message", onMessage);
  }
}

async function untilEnded(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once("error", () => resolve());
  child.once("exit", () => resolve());
  return promise;
}

async function endServer({ child, ended }: ServerProcess): Promise<void> {
  send(child, { type: "stop" });
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_WAIT_MS);
  await ended;
  clearTimeout(timer);
}
