/** The servers of a bench: the real one with its friendships made, and the bare one. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { signToken } from "../../src/auth/token.ts";
import { readSettings } from "../../src/settings.ts";
import { progress } from "../progress.ts";
import { startBackend, type Backend } from "../serve/backend.ts";
import type { SettingsEnv } from "../serve/settings.ts";
import { closeClients, openClients, type Client, type Door } from "./clients.ts";
import type { TargetName } from "./entry.ts";
import { importFriendships } from "./friendships.ts";
import { inGroups } from "./groups.ts";
import { locationFrame, type Person } from "./people.ts";
import type { ServerProcess } from "./usage.ts";

const FLOOR_ENTRY = join(import.meta.dirname, "floor-worker.ts");
const TOKEN_LIFETIME_S = 24 * 3600;
const PAIRS_AT_ONCE = 16;
const REQUEST_WAIT_MS = 10_000;
/** A snapshot comes at the latest 2 s after the first position; a busy machine needs some more. */
const SNAPSHOT_WAIT_MS = 30_000;
/** Starting all at once would ask every object for all its friends in the same moment. */
const FIRST_POSITIONS_AT_ONCE = 20;

/** The load is a machine's; the limits are a walker's. */
export const MACHINE_PACE: SettingsEnv = { POSITION_BURST: "1000000", POSITION_MIN_S: "0" };

/** A running server, and an open socket for each of the people. */
export interface Target {
  name: TargetName;
  /** What the tables call it. */
  label: string;
  url: string;
  /** In the order of the people. */
  clients: Client[];
  /** All that it consists of; empty where there is no /proc. */
  processes(): ServerProcess[];
  close(): Promise<void>;
}

export interface TargetOptions {
  people: Person[];
  onFailure: (error: Error) => void;
  signal: AbortSignal;
  /** Default: its name. */
  label?: string;
  /** What is to have happened before the target is used; by default everybody has sent a position and seen who is near. */
  settle?: (clients: Client[]) => Promise<void>;
}

export interface RealOptions extends TargetOptions {
  /** Beside those that a bench needs. */
  settings?: SettingsEnv;
  /** See BackendOptions. */
  entry?: string;
  /** See BackendOptions. */
  logFd?: number;
}

export async function openFloor({ people, onFailure, signal }: TargetOptions): Promise<Target> {
  const start = { port: 0, memory: true, env: {}, entry: FLOOR_ENTRY, signal, onProgress: say("floor") } as const;
  const backend = await startBackend(start);
  return finish({ name: "floor", label: "floor", backend }, async () => {
    const doors = people.map(({ id, friends }) => {
      const ids = [id, ...friends.map((friend) => idOf(people, friend))].join(",");
      return { url: `${socketUrl(backend)}?people=${ids}`, headers: {} };
    });
    return openClients(doors, "floor", onFailure);
  });
}

export async function openReal(options: RealOptions): Promise<Target> {
  const { people, onFailure, signal, label = "ours", entry, logFd, settle } = options;
  const env: SettingsEnv = {
    AUTH_SECRET: randomBytes(32).toString("hex"),
    ...MACHINE_PACE,
    ...options.settings,
  };
  const started = { ...(entry === undefined ? {} : { entry }), ...(logFd === undefined ? {} : { logFd }) };
  const backend = await startBackend({ port: 0, memory: true, env, signal, onProgress: say(label), ...started });
  return finish({ name: "ours", label, backend }, async () => {
    await importFriendships({ url: backend.url, people, label, signal, token: () => adminToken(env) });
    const doors = await doorsOf(people, [socketUrl(backend)], env);
    const clients = await openClients(doors, label, onFailure);
    try {
      await (settle ?? (async () => awaitSnapshots(people, clients, label, signal)))(clients);
    } catch (error) {
      closeClients(clients);
      throw error;
    }
    return clients;
  });
}

interface Started extends Pick<Target, "name" | "label"> {
  backend: Backend;
}

async function finish({ name, label, backend }: Started, open: () => Promise<Client[]>): Promise<Target> {
  try {
    const clients = await open();
    const close = async () => {
      closeClients(clients);
      await backend.stop();
    };
    return { name, label, url: backend.url, clients, processes: () => processesOf(backend), close };
  } catch (error) {
    await backend.stop();
    throw error;
  }
}

function processesOf({ runtimePid, hostPid }: Backend): ServerProcess[] {
  return [
    ...(runtimePid === undefined ? [] : [{ name: "workerd", pid: runtimePid }]),
    ...(hostPid === undefined ? [] : [{ name: "host", pid: hostPid }]),
  ];
}

export function say(label: string) {
  return (step: string) => void process.stderr.write(`${label}: ${step}\n`);
}

export function socketUrl({ url }: { url: string }): string {
  return `${url.replace("http", "ws")}/v1/connect`;
}

function idOf(people: Person[], index: number): string {
  const person = people[index];
  if (!person) throw new Error(`there is no person ${index}`);
  return person.id;
}

/** A door for each of the people, spread over the addresses by turns. */
export async function doorsOf(people: readonly Person[], urls: readonly string[], env: SettingsEnv): Promise<Door[]> {
  const headers = await authorize(people, env);
  return headers.map((each, index) => ({ url: urls[index % urls.length] ?? "", headers: each }));
}

/** The headers of each person's requests. */
export async function authorize(people: readonly Person[], env: SettingsEnv): Promise<Record<string, string>[]> {
  const { auth } = readSettings(env);
  if (auth.kind !== "hs256") throw new Error("the bench signs with a secret");
  const at = { nowMs: Date.now(), lifetimeS: TOKEN_LIFETIME_S };
  return Promise.all(
    people.map(async ({ id }) => ({ authorization: `Bearer ${(await signToken(auth, { user: id }, at)).token}` })),
  );
}

/** Of somebody who may import friendships. */
export async function adminToken(env: SettingsEnv): Promise<string> {
  const { auth } = readSettings(env);
  if (auth.kind !== "hs256") throw new Error("the bench signs with a secret");
  const subject = { user: "operator", role: "admin" } as const;
  return (await signToken(auth, subject, { nowMs: Date.now(), lifetimeS: TOKEN_LIFETIME_S })).token;
}

/** Both sides of each pair ask, one after the other, so that nobody has many requests pending. */
export async function befriend(
  people: Person[],
  url: string,
  headers: Record<string, string>[],
  signal: AbortSignal,
): Promise<void> {
  const pairs = people.flatMap(({ friends }, a) => friends.filter((b) => a < b).map((b) => [a, b] as const));
  const bar = progress("friendships", pairs.length);
  async function put(from: number, to: number): Promise<void> {
    const answer = await fetch(`${url}/v1/friends/${idOf(people, to)}`, {
      method: "PUT",
      headers: headers[from] ?? {},
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_WAIT_MS)]),
    });
    const body = await answer.text();
    if (!answer.ok) throw new Error(`PUT /v1/friends answers ${answer.status}: ${body}`);
  }
  await inGroups(pairs, PAIRS_AT_ONCE, async ([a, b]) => {
    await put(a, b);
    await put(b, a);
    bar.tick();
  });
  bar.done();
}

/** Everybody sends a first position and waits for the snapshot that answers it. */
export async function awaitSnapshots(
  people: Person[],
  clients: Client[],
  label: string,
  signal: AbortSignal,
): Promise<void> {
  const bar = progress(`${label}: snapshots`, clients.length);
  await inGroups([...clients.entries()], FIRST_POSITIONS_AT_ONCE, async ([index, client]) => {
    const arrived = new AbortController();
    client.onFrame = ({ type }) => void (type === "nearby" && arrived.abort());
    client.socket.send(locationFrame(index, people.length, 0, Date.now() - SNAPSHOT_WAIT_MS));
    const either = AbortSignal.any([signal, arrived.signal]);
    const late = await sleep(SNAPSHOT_WAIT_MS, true, { signal: either }).catch(() => false);
    signal.throwIfAborted();
    if (late) throw new Error(`${label}: no snapshot after the first position`);
    bar.tick();
  });
  bar.done();
}
