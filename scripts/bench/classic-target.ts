/** The classic design as a server of a bench. */
import { randomBytes } from "node:crypto";
import type { SettingsEnv } from "../serve/settings.ts";
import { type ClassicPeer, startClassic } from "./classic/start.ts";
import { closeClients, openClients } from "./clients.ts";
import { importFriendships } from "./friendships.ts";
import {
  adminToken,
  awaitSnapshots,
  doorsOf,
  MACHINE_PACE,
  say,
  socketUrl,
  type Target,
  type TargetOptions,
} from "./targets.ts";

/** So that the ring has something to divide. */
const REDIS_SERVERS = 2;
/**
 * On two cores, one of them for the load, a second server process would take its turns from the first: they and the Redis
 * servers share one core.
 */
const SERVERS = 1;

export interface ClassicOptions extends TargetOptions {
  readonly settings?: SettingsEnv;
}

export interface ClassicTarget extends Target {
  /** See ClassicPeer. */
  addRedis(): Promise<void>;
}

export async function openClassic(options: ClassicOptions): Promise<ClassicTarget> {
  const { people, onFailure, signal, label = "classic", settle } = options;
  const settings: SettingsEnv = { AUTH_SECRET: randomBytes(32).toString("hex"), ...MACHINE_PACE, ...options.settings };
  const peer = await startPeer({ settings, signal, label });
  try {
    await importFriendships({ url: peer.url, people, label, signal, token: async () => adminToken(settings) });
    const doors = await doorsOf(
      people,
      peer.urls.map((url) => socketUrl({ url })),
      settings,
    );
    const clients = await openClients(doors, label, onFailure);
    const close = async () => {
      closeClients(clients);
      await peer.close();
    };
    const target: ClassicTarget = {
      name: "classic",
      label,
      url: peer.url,
      clients,
      processes: () => peer.pids(),
      addRedis: async () => peer.addRedis(),
      close,
    };
    try {
      await (settle ?? (async () => awaitSnapshots(people, clients, label, signal)))(clients);
    } catch (error) {
      closeClients(clients);
      throw error;
    }
    return target;
  } catch (error) {
    await peer.close();
    throw error;
  }
}

async function startPeer({
  settings,
  signal,
  label,
}: Pick<TargetOptions, "signal"> & { settings: SettingsEnv; label: string }): Promise<ClassicPeer> {
  try {
    return await startClassic({
      redisServers: REDIS_SERVERS,
      servers: SERVERS,
      settings,
      signal,
      onProgress: say(label),
    });
  } catch (error) {
    signal.throwIfAborted();
    const cause = error instanceof Error ? error.message : String(error);
    throw new Error(`${cause} (--targets leaves servers out)`, { cause: error });
  }
}
