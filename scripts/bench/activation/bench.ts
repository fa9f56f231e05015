/** What it takes somebody with many friends to become active, with the index of active friends and without it. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { sendLines } from "../../import/send.ts";
import { progress } from "../../progress.ts";
import { type Backend, startBackend } from "../../serve/backend.ts";
import type { SettingsEnv } from "../../serve/settings.ts";
import { type Bridge, startBridge } from "../../services/bridge.ts";
import { MemoryRedis } from "../../services/memory-redis.ts";
import { connectRedis, NoRedisError, startRedis } from "../../services/redis.ts";
import { type Client, closeClients, openClients } from "../clients.ts";
import { inGroups } from "../groups.ts";
import { locationFrame } from "../people.ts";
import { adminToken, authorize, socketUrl } from "../targets.ts";
import { type ActivationFigures, type ActivationReport, makeActivationReport } from "./report.ts";

const ENTRY = join(import.meta.dirname, "../history-worker.ts");
/** The runtime puts an object without a socket to sleep after 10 s: a call then has to wake it, as it would at night. */
const SLEEP_MS = 12_000;
const SNAPSHOT_WAIT_MS = 30_000;
const FIRST_POSITIONS_AT_ONCE = 20;

const Meters = v.tuple([v.object({ callsOut: v.number(), redisCommands: v.number() })]);

export interface ActivationOptions {
  readonly friends: number;
  /** Of the friends, active and near. */
  readonly active: number;
  readonly rounds: number;
  readonly onFailure: (error: Error) => void;
  readonly signal: AbortSignal;
}

interface Side {
  readonly backend: Backend;
  readonly clients: Client[];
  readonly headers: readonly Record<string, string>[];
}

export async function benchActivation(options: ActivationOptions): Promise<ActivationReport> {
  const redis = await openRedis();
  const sides: Side[] = [];
  try {
    const bare = await openSide("without", options, {});
    sides.push(bare);
    const { url, token } = redis.bridge;
    const index = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token };
    const indexed = await openSide("with", options, index);
    sides.push(indexed);
    const bar = progress("activations", options.rounds * 2);
    const rounds: { withIndex: ActivationFigures; without: ActivationFigures }[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      await sleep(SLEEP_MS, undefined, { signal: options.signal });
      const without = await activate(bare, round, options);
      bar.tick();
      const withIndex = await activate(indexed, round, options);
      bar.tick();
      rounds.push({ withIndex, without });
    }
    bar.done();
    const { friends, active } = options;
    return makeActivationReport({ friends, active, redis: redis.version }, rounds);
  } finally {
    for (const { clients } of sides) closeClients(clients);
    await Promise.all(sides.map(({ backend }) => backend.stop()));
    await redis.close();
  }
}

interface OpenedRedis {
  readonly bridge: Bridge;
  /** Null: a map stands in its place. */
  readonly version: string | null;
  close(): Promise<void>;
}

async function openRedis(): Promise<OpenedRedis> {
  const token = randomBytes(16).toString("hex");
  try {
    const server = await startRedis(note);
    const connection = await connectRedis(server.url);
    const bridge = await startBridge({ redis: connection, token });
    const close = async () => {
      await bridge.stop();
      await connection.close();
      await server.close();
    };
    return { bridge, version: await connection.version(), close };
  } catch (error) {
    if (!(error instanceof NoRedisError)) throw error;
    note(`${error.message} A map takes its place.`);
    const bridge = await startBridge({ redis: new MemoryRedis(), token });
    return { bridge, version: null, close: () => bridge.stop() };
  }
}

/** A server on which the friends exist, some of them are active, and everybody who is to wake is a friend of all of them. */
async function openSide(name: string, options: ActivationOptions, more: SettingsEnv): Promise<Side> {
  const { friends, active, rounds, onFailure, signal } = options;
  const env: SettingsEnv = { AUTH_SECRET: randomBytes(32).toString("hex"), ...more };
  const say = (step: string) => note(`${name}: ${step}`);
  const backend = await startBackend({ port: 0, memory: true, env, entry: ENTRY, signal, onProgress: say });
  const clients: Client[] = [];
  try {
    const bar = progress(`${name}: friends`, rounds);
    for (let round = 0; round < rounds; round += 1) {
      const lines = Array.from({ length: friends }, (_, i) => JSON.stringify({ a: wakerId(round), b: friendId(i) }));
      const sender = { url: backend.url, token: () => adminToken(env), stop: signal, cut: signal };
      const { accepted } = await sendLines(sender, lines.join("\n"));
      if (accepted !== friends) throw new Error(`${accepted} of ${friends} friendships were made`);
      bar.tick();
    }
    bar.done();
    const people = Array.from({ length: active }, (_, i) => ({ id: friendId(i), friends: [] }));
    const doors = (await authorize(people, env)).map((headers) => ({ url: socketUrl(backend), headers }));
    clients.push(...(await openClients(doors, name, onFailure)));
    await inGroups([...clients.entries()], FIRST_POSITIONS_AT_ONCE, ([i, client]) => firstNearby(client, i, options));
    const wakers = Array.from({ length: rounds }, (_, round) => ({ id: wakerId(round), friends: [] }));
    return { backend, clients, headers: await authorize(wakers, env) };
  } catch (error) {
    closeClients(clients);
    await backend.stop();
    throw error;
  }
}

function wakerId(round: number): string {
  return `waker-${round}`;
}

function friendId(index: number): string {
  return `friend-${index}`;
}

/** Somebody who was never here connects and sends a position. */
async function activate(side: Side, round: number, options: ActivationOptions): Promise<ActivationFigures> {
  const { backend, headers } = side;
  const door = { url: socketUrl(backend), headers: headers[round] ?? {} };
  const [client] = await openClients([door], "waker", options.onFailure);
  if (client === undefined) throw new Error("no socket");
  side.clients.push(client);
  const { tookMs, near } = await firstNearby(client, options.active, options);
  const answer = await fetch(`${backend.url}/bench/meters`, {
    method: "POST",
    body: JSON.stringify([wakerId(round)]),
    signal: options.signal,
  });
  const [{ callsOut, redisCommands }] = v.parse(Meters, await answer.json());
  return { calls: callsOut, redisCommands, firstNearbyMs: tookMs, near };
}

/** A first position. @returns how long its `nearby` took, and how many it shows */
async function firstNearby(
  client: Client,
  index: number,
  { active, signal }: ActivationOptions,
): Promise<{ tookMs: number; near: number }> {
  const { promise, resolve } = Promise.withResolvers<number>();
  client.onFrame = ({ type, friends = [] }) => void (type === "nearby" && resolve(friends.length));
  const startMs = performance.now();
  client.socket.send(locationFrame(index, active + 1, 0, Date.now() - SNAPSHOT_WAIT_MS));
  const stopped = new AbortController();
  const late = sleep(SNAPSHOT_WAIT_MS, "late" as const, { signal: AbortSignal.any([signal, stopped.signal]) });
  const near = await Promise.race([promise, late]).finally(() => stopped.abort());
  late.catch(() => {
    // It came in time.
  });
  if (near === "late") throw new Error("no snapshot after the first position");
  return { tookMs: performance.now() - startMs, near };
}

function note(step: string): void {
  process.stderr.write(`activation: ${step}\n`);
}
