/** The two servers of a bench: the real one with its friendships made, and the bare one. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { signToken } from "../../src/auth/token.ts";
import { readSettings } from "../../src/settings.ts";
import { progress } from "../progress.ts";
import { startBackend, type Backend } from "../serve/backend.ts";
import type { SettingsEnv } from "../serve/settings.ts";
import { closeClients, openClients, type Client, type Door } from "./clients.ts";
import { inGroups } from "./groups.ts";
import { locationFrame, type Person } from "./people.ts";

const FLOOR_ENTRY = join(import.meta.dirname, "floor-worker.ts");
const TOKEN_LIFETIME_S = 24 * 3600;
const PAIRS_AT_ONCE = 16;
const REQUEST_WAIT_MS = 10_000;
/** A snapshot comes at the latest 2 s after the first position; a busy machine needs some more. */
const SNAPSHOT_WAIT_MS = 30_000;
/** Starting all at once would ask every object for all its friends in the same moment. */
const FIRST_POSITIONS_AT_ONCE = 20;

export interface Target {
  name: "floor" | "real";
  backend: Backend;
  clients: Client[];
  close(): Promise<void>;
}

export interface TargetOptions {
  people: Person[];
  onFailure: (error: Error) => void;
  signal: AbortSignal;
  /** Of the real server, beside those that a bench needs. */
  settings?: SettingsEnv;
}

export async function openFloor({ people, onFailure, signal }: TargetOptions): Promise<Target> {
  const backend = await startBackend({
    port: 0,
    memory: true,
    env: {},
    entry: FLOOR_ENTRY,
    signal,
    onProgress: say("floor"),
  });
  const doors = people.map(({ id, friends }) => {
    const ids = [id, ...friends.map((friend) => idOf(people, friend))].join(",");
    return { url: `${socketUrl(backend)}?people=${ids}`, headers: {} };
  });
  return open("floor", backend, doors, onFailure, async () => {});
}

export async function openReal({ people, onFailure, signal, settings = {} }: TargetOptions): Promise<Target> {
  const env: SettingsEnv = {
    AUTH_SECRET: randomBytes(32).toString("hex"),
    // The load is a machine's; the limits are a walker's.
    POSITION_BURST: "1000000",
    POSITION_MIN_S: "0",
    ...settings,
  };
  const backend = await startBackend({ port: 0, memory: true, env, signal, onProgress: say("real") });
  const headers = await authorize(people, env);
  const doors = headers.map((each) => ({ url: socketUrl(backend), headers: each }));
  return open(
    "real",
    backend,
    doors,
    onFailure,
    async (clients) => awaitSnapshots(people, clients, signal),
    async () => befriend(people, backend.url, headers, signal),
  );
}

async function open(
  name: Target["name"],
  backend: Backend,
  doors: Door[],
  onFailure: (error: Error) => void,
  afterOpening: (clients: Client[]) => Promise<void>,
  beforeOpening: () => Promise<void> = async () => {},
): Promise<Target> {
  try {
    await beforeOpening();
    const clients = await openClients(doors, name, onFailure);
    await afterOpening(clients);
    const close = async () => {
      closeClients(clients);
      await backend.stop();
    };
    return { name, backend, clients, close };
  } catch (error) {
    await backend.stop();
    throw error;
  }
}

function say(name: Target["name"]) {
  return (step: string) => void process.stderr.write(`${name}: ${step}\n`);
}

export function socketUrl(backend: Backend): string {
  return `${backend.url.replace("http", "ws")}/v1/connect`;
}

function idOf(people: Person[], index: number): string {
  const person = people[index];
  if (!person) throw new Error(`there is no person ${index}`);
  return person.id;
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

/** Both sides of each pair ask, one after the other, so that nobody has many requests pending. */
export async function befriend(
  people: Person[],
  url: string,
  headers: Record<string, string>[],
  signal: AbortSignal,
): Promise<void> {
  const pairs = people.flatMap(({ friends }, a) => friends.filter((b) => a < b).map((b) => [a, b] as const));
  const bar = progress("real: friendships", pairs.length);
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
async function awaitSnapshots(people: Person[], clients: Client[], signal: AbortSignal): Promise<void> {
  const bar = progress("real: snapshots", clients.length);
  await inGroups([...clients.entries()], FIRST_POSITIONS_AT_ONCE, async ([index, client]) => {
    const arrived = new AbortController();
    client.onFrame = ({ type }) => void (type === "nearby" && arrived.abort());
    client.socket.send(locationFrame(index, people.length, 0, Date.now() - SNAPSHOT_WAIT_MS));
    const either = AbortSignal.any([signal, arrived.signal]);
    const late = await sleep(SNAPSHOT_WAIT_MS, true, { signal: either }).catch(() => false);
    signal.throwIfAborted();
    if (late) throw new Error("real: no snapshot after the first position");
    bar.tick();
  });
  bar.done();
}
