/** One server of the classic design, run in five ways: how many connections each holds, and how much it does with 120. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { signToken } from "../../../src/auth/token.ts";
import { readSettings } from "../../../src/settings.ts";
import { progress } from "../../progress.ts";
import { MODELS, type Model } from "../classic/hosting/model.ts";
import { type ClassicPeer, startClassic } from "../classic/start.ts";
import { type Client, closeClients, type Door } from "../clients.ts";
import type { Around } from "../entry.ts";
import { importFriendships } from "../friendships.ts";
import { Load } from "../load.ts";
import { describeMachine } from "../machine.ts";
import { makePeople, type Person } from "../people.ts";
import { authorize, MACHINE_PACE } from "../targets.ts";
import {
  contextSwitches,
  cpuOf,
  descriptorCount,
  machineCpuSeconds,
  mappingCount,
  memoryMiB,
  threadCount,
  treeOf,
} from "./processes.ts";
import { ramp, type Ramp } from "./ramp.ts";
import { makeModelsReport, type ModelFigures, type ModelsReport } from "./report.ts";

/** People of the closed loop. Any model holds as many; a process for each is the slowest to start, some 6 a second on two cores. */
export const LOOP_USERS = 120;
/** Each may send ten frames a second, so they need many friends to give a server enough to do: 125,000 deliveries a second. */
export const LOOP_FRIENDS = 110;
/** Of each who only connects: the figure is of connections, not of friends. */
const CROWD_FRIENDS = 10;
/** More connections than this are not tried: an event loop would go on to the limit of descriptors (20,000 where these figures are from). */
export const CONNECTIONS_MAX = 4_000;
/** The loop's people must be open by then; it is the slowest model that needs most of it. */
const OPEN_MS = 90_000;
/** How long connections are opened on top of those of the loop. */
export const RAMP_MS = 25_000;
/** What the others used ends after they have been closed. */
const SETTLE_MS = 2_000;
const WINDOW = 4;
const WARM_UP_MS = 1_500;
const MEASURE_MS = 4_000;
const TOKEN_LIFETIME_S = 3_600;
const BYTES_OF_SECRET = 32;

/** Measures one model after the other; a run that is cut short hands back those that it has. */
export async function benchModels({ signal, onFailure }: Around): Promise<ModelsReport> {
  const bar = progress("models", MODELS.length);
  const figures: ModelFigures[] = [];
  for (const model of MODELS) {
    try {
      figures.push(await measure(model, { signal, onFailure }));
    } catch (error) {
      if (!signal.aborted || figures.length === 0) throw error;
      break;
    }
    bar.tick();
  }
  bar.done();
  return makeModelsReport(figures, describeMachine());
}

async function measure(model: Model, { signal, onFailure }: Around): Promise<ModelFigures> {
  const settings = { AUTH_SECRET: randomBytes(BYTES_OF_SECRET).toString("hex"), ...MACHINE_PACE };
  const onProgress = (step: string): void => void process.stderr.write(`${model}: ${step}\n`);
  const begin = async (): Promise<ClassicPeer> =>
    startClassic({ redisServers: 1, servers: 1, settings, signal, onProgress, model });
  let peer = await begin();
  const open: Client[] = [];
  const people = makePeople(LOOP_USERS, LOOP_FRIENDS);
  const crowd = makePeople(CONNECTIONS_MAX - LOOP_USERS, CROWD_FRIENDS).map((person) => ({
    ...person,
    id: `crowd-${person.id}`,
  }));
  const first = async (): Promise<Client[]> => {
    await befriend(peer, people, settings, { model, signal });
    const { held } = await opened(model, await doorsOf(peer, people, settings), OPEN_MS, signal);
    open.push(...held);
    if (held.length < LOOP_USERS) throw new Error(`${model}: only ${held.length} of ${LOOP_USERS} could connect`);
    return held;
  };
  try {
    const [empty, emptyMappings] = [memoryMiB(serverOf(peer)), mappingCount(serverOf(peer))];
    let clients = await first();
    const [atFirst, mappings] = [memoryMiB(serverOf(peer)), mappingCount(serverOf(peer))];
    await befriend(peer, crowd, settings, { model, signal });
    const more = await opened(model, await doorsOf(peer, crowd, settings), RAMP_MS, signal);
    open.push(...more.held);
    // One that is at its end may take a moment to get there.
    if (more.stop === "refused") await sleep(SETTLE_MS, undefined, { signal });
    const pids = serverOf(peer);
    const isUp = clients.every(({ socket }) => socket.readyState === socket.OPEN) && memoryMiB(pids) > 0;
    const held = clients.length + more.held.length;
    // A server that did not survive it has no memory left to be measured.
    const [memory, users] = isUp ? [memoryMiB(pids), held] : [atFirst, LOOP_USERS];
    const counts = { descriptors: descriptorCount(pids), threads: threadCount(pids) };
    closeClients(more.held);
    // What is at its limit would measure the limit again.
    if (more.stop === "refused") {
      closeClients(clients);
      await peer.close();
      peer = await begin();
      clients = await first();
    }
    await sleep(SETTLE_MS, undefined, { signal });
    for (const client of clients) {
      client.onEnd = (code) => onFailure(new Error(`${model}: a socket was closed with ${code}`));
    }
    const loop = await closedLoop(peer, people, clients, signal);
    return {
      model,
      held,
      stop: more.stop,
      refusal: more.refusal ?? null,
      survived: isUp,
      openedPerS: more.seconds === 0 ? 0 : more.held.length / more.seconds,
      memoryMiB: memory,
      perConnectionMiB: (memory - empty) / users,
      descriptorsPerConnection: counts.descriptors / held,
      mappingsPerConnection: Math.max(0, mappings - emptyMappings) / LOOP_USERS,
      threads: counts.threads,
      processes: pids.length,
      ...loop,
    };
  } finally {
    closeClients(open);
    await peer.close();
  }
}

async function opened(label: Model, doors: Door[], timeMs: number, signal: AbortSignal): Promise<Ramp> {
  const bar = progress(`${label}: connections`, doors.length);
  try {
    return await ramp({ label, doors, timeMs, signal, onOpen: () => bar.tick() });
  } finally {
    bar.done();
  }
}

async function closedLoop(peer: ClassicPeer, people: Person[], clients: Client[], signal: AbortSignal) {
  const edges: { switches: number; serverS: number; redisS: number; loadS: number; machineS: number }[] = [];
  const redis = peer
    .pids()
    .filter(({ name }) => name.startsWith("redis"))
    .map(({ pid }) => pid);
  const onEdge = (): void => {
    const pids = serverOf(peer);
    const { user, system } = process.cpuUsage();
    const loadS = (user + system) / 1e6;
    const machineS = machineCpuSeconds();
    edges.push({ switches: contextSwitches(pids), serverS: cpuOf(pids), redisS: cpuOf(redis), loadS, machineS });
  };
  const load = new Load({
    people,
    clients,
    window: WINDOW,
    warmUpMs: WARM_UP_MS,
    measureMs: MEASURE_MS,
    onEdge,
    signal,
  });
  const { updatesPerS, deliveriesPerS, lost, paceBound } = await load.run();
  const [start, end] = edges;
  if (start === undefined || end === undefined) throw new Error("the load has two edges");
  const updates = updatesPerS * (MEASURE_MS / 1000);
  const seconds = MEASURE_MS / 1000;
  return {
    updatesPerS,
    deliveriesPerS,
    lost,
    paceBound,
    switchesPerUpdate: (end.switches - start.switches) / updates,
    serverCpus: (end.serverS - start.serverS) / seconds,
    redisCpus: (end.redisS - start.redisS) / seconds,
    loadCpus: (end.loadS - start.loadS) / seconds,
    machineCpus: (end.machineS - start.machineS) / seconds,
  };
}

/** The server's processes, without Redis and etcd. */
function serverOf(peer: ClassicPeer): number[] {
  return peer
    .pids()
    .filter(({ name }) => name.startsWith("server"))
    .flatMap(({ pid }) => treeOf(pid));
}

async function doorsOf(peer: ClassicPeer, people: Person[], env: Record<string, string>): Promise<Door[]> {
  const url = `${peer.url.replace("http", "ws")}/v1/connect`;
  return (await authorize(people, env)).map((headers) => ({ url, headers }));
}

async function befriend(
  { url }: ClassicPeer,
  people: Person[],
  env: Record<string, string>,
  { model, signal }: { model: Model; signal: AbortSignal },
): Promise<void> {
  const { auth } = readSettings(env);
  const token = async (): Promise<string> => {
    if (auth.kind !== "hs256") throw new Error("the bench signs with a secret");
    const at = { nowMs: Date.now(), lifetimeS: TOKEN_LIFETIME_S };
    return (await signToken(auth, { user: "operator", role: "admin" }, at)).token;
  };
  await importFriendships({ url, people, label: model, signal, token });
}
