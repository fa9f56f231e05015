/** What the figures were measured on. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";

export interface Machine {
  readonly cpus: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** The following are null where they are not known. */
  readonly workerd: string | null;
  readonly redis: string | null;
  readonly etcd: string | null;
  /** Files and sockets that a process may have open. */
  readonly descriptors: number | null;
}

const GIB = 2 ** 30;
const WORKERD_PACKAGE = join(import.meta.dirname, "../../node_modules/workerd/package.json");

export function describeMachine(): Machine {
  return {
    cpus: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / GIB),
    kernel: release(),
    node: process.versions.node,
    workerd: firstMatch(() => readFileSync(WORKERD_PACKAGE, "utf8"), /"version":\s*"([^"]+)"/),
    redis: firstMatch(() => versionOf("redis-server"), /v=([\d.]+)/),
    etcd: firstMatch(() => versionOf("etcd"), /etcd Version: ([\d.]+)/),
    descriptors: descriptorLimit(),
  };
}

export function descriptorLimit(): number | null {
  const limit = firstMatch(() => readFileSync("/proc/self/limits", "utf8"), /^Max open files\s+(\d+)/m);
  return limit === null ? null : Number(limit);
}

export function formatMachine(machine: Machine): string {
  const { workerd, redis, etcd, descriptors } = machine;
  return [
    `${machine.cpus} CPUs (${machine.cpu}), ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}`,
    ...(workerd === null ? [] : [`workerd ${workerd}`]),
    ...(redis === null ? [] : [`Redis ${redis}`]),
    ...(etcd === null ? [] : [`etcd ${etcd}`]),
    ...(descriptors === null ? [] : [`${descriptors} descriptors`]),
  ].join(", ");
}

function versionOf(command: string): string {
  return execFileSync(command, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

function firstMatch(read: () => string, pattern: RegExp): string | null {
  try {
    return pattern.exec(read())?.[1] ?? null;
  } catch {
    return null;
  }
}
