/** What a process and all that it has started use, by Linux's /proc: memory that they share is counted once. */
import { readdirSync, readFileSync } from "node:fs";
import { clockTicksPerS, cpuSeconds } from "../usage.ts";

/** The process and its descendants. */
export function treeOf(pid: number): number[] {
  const children = tasksOf(pid).flatMap((task) => numbers(read(`/proc/${pid}/task/${task}/children`)));
  return [pid, ...children.flatMap(treeOf)];
}

/** How often the kernel has taken a CPU from one of their threads and given it to another, so far: asked for by waiting, or not. */
export function contextSwitches(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    for (const task of tasksOf(pid)) {
      const status = read(`/proc/${pid}/task/${task}/status`);
      for (const [, count] of status.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)/gm)) sum += Number(count);
    }
  }
  return sum;
}

/** Proportional set size: of memory that n processes share, each has an nth. */
export function memoryMiB(pids: readonly number[]): number {
  let kib = 0;
  for (const pid of pids) kib += Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  return kib / 1024;
}

export function threadCount(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + tasksOf(pid).length, 0);
}

export function descriptorCount(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + entries(`/proc/${pid}/fd`).length, 0);
}

/** Pieces of memory that the kernel keeps account of, of the process that has the most. */
export function mappingCount(pids: readonly number[]): number {
  return Math.max(0, ...pids.map((pid) => read(`/proc/${pid}/maps`).split("\n").length - 1));
}

/** How many a process may have (vm.max_map_count). */
export function mappingLimit(): number {
  return Number(read("/proc/sys/vm/max_map_count")) || Infinity;
}

export function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (cpuSeconds(pid) ?? 0), 0);
}

/** Seconds for which the machine's CPUs have worked so far, whoever for. */
export function machineCpuSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0, stolen = 0] =
    /^cpu +(.*)$/m.exec(read("/proc/stat"))?.[1]?.split(" ").map(Number) ?? [];
  return (user + nice + system + interrupts + soft + stolen) / clockTicksPerS();
}

/** Memory that could still be had without swapping. */
export function availableMiB(): number {
  return Number(/^MemAvailable:\s+(\d+) kB/m.exec(read("/proc/meminfo"))?.[1] ?? 0) / 1024;
}

function tasksOf(pid: number): number[] {
  return entries(`/proc/${pid}/task`).map(Number);
}

function numbers(text: string): number[] {
  return text.split(" ").filter(Boolean).map(Number);
}

/** Empty for a process that has ended. */
function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
