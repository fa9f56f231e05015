/** What a process has used, by Linux's /proc; undefined where that is missing. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Places in /proc/PID/stat after the name, which is in parentheses and may hold spaces (proc(5)). */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

export interface ServerProcess {
  name: string;
  pid: number;
}

let ticksPerS: number | undefined;

/** User and system time of all threads so far, in seconds. */
export function cpuSeconds(pid: number | undefined): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) / clockTicksPerS();
}

/** In which /proc counts. */
export function clockTicksPerS(): number {
  ticksPerS ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  return ticksPerS;
}

/** The same for all of a server; undefined when one of them is not known. */
export function cpuSecondsOf(processes: readonly ServerProcess[]): number | undefined {
  const each = processes.map(({ pid }) => cpuSeconds(pid)).filter((value) => value !== undefined);
  if (each.length === 0 || each.length < processes.length) return undefined;
  return each.reduce((sum, value) => sum + value, 0);
}

/** The most memory that was resident at once so far, in MiB. */
export function peakMiB(pid: number | undefined): number | undefined {
  return statusMiB(pid, /^VmHWM:\s+(\d+) kB/m);
}

/** The memory that is resident now, in MiB. */
export function residentMiB(pid: number | undefined): number | undefined {
  return statusMiB(pid, /^VmRSS:\s+(\d+) kB/m);
}

function statusMiB(pid: number | undefined, line: RegExp): number | undefined {
  const kib = line.exec(read(`/proc/${pid}/status`) ?? "")?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
