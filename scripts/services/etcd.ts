/** An etcd on the loopback address, for tests and benches: Debian's etcd-server, one member, its data removed at the end. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { claimPort } from "../serve/port.ts";
import { temporaryFolder } from "../serve/tmpfs.ts";
import { endBound, hasEnded, isInstalled, spawnBound } from "./bound.ts";

const HOST = "127.0.0.1";
/** A member alone elects itself after a second; a busy machine takes some more. */
const START_WAIT_MS = 20_000;
const START_POLL_MS = 50;
const ANSWER_WAIT_MS = 1_000;
const LOG_TAIL_LINES = 10;

export const WAYS_TO_ETCD = "It takes etcd (Debian: apt-get install etcd-server; the service need not run)";

/** `etcd` is not installed. */
export class NoEtcdError extends Error {
  override readonly name = "NoEtcdError";
}

export interface EtcdServer {
  readonly url: string;
  readonly pid: number | undefined;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/**
 * Starts one and resolves once it answers. Rejects with words for people.
 *
 * @param root where its folder is made
 */
export async function startEtcd(onProgress: (step: string) => void, root?: string): Promise<EtcdServer> {
  if (!isInstalled("etcd")) throw new NoEtcdError(`etcd is not installed. ${WAYS_TO_ETCD}`);
  const folder = temporaryFolder("nearby-etcd-", root);
  const dir = folder.path;
  const url = `http://${HOST}:${await claimPort(HOST, 0)}`;
  const peerUrl = `http://${HOST}:${await claimPort(HOST, 0)}`;
  onProgress(`etcd: starting on ${url}`);
  const logFile = join(dir, "etcd.log");
  const log = openSync(logFile, "a");
  const clients = ["--listen-client-urls", url, "--advertise-client-urls", url];
  const peers = ["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl];
  const cluster = ["--name", "one", "--initial-cluster", `one=${peerUrl}`];
  const args = ["--data-dir", join(dir, "data"), "--log-level", "warn", ...clients, ...peers, ...cluster];
  const child = spawnBound("etcd", args, { cwd: dir, logFd: log });
  closeSync(log);
  const close = async () => {
    await endBound(child);
    folder.remove();
  };
  try {
    const deadlineMs = performance.now() + START_WAIT_MS;
    while (!(await isHealthy(url))) {
      if (performance.now() > deadlineMs || hasEnded(child)) {
        const tail = readFileSync(logFile, "utf8").trim().split("\n").slice(-LOG_TAIL_LINES).join("\n");
        throw new Error(`etcd does not answer. Its log ends:\n${tail}`);
      }
      await sleep(START_POLL_MS);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { url, pid: child.pid, close };
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(ANSWER_WAIT_MS) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}
