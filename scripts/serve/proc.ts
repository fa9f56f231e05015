/** What a process has open, by Linux's /proc; undefined where that is missing, or when the process has ended. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";

export interface OpenFiles {
  readonly open: number;
  readonly limit: number;
}

export function openFiles(pid: number): OpenFiles | undefined {
  const open = countOpen(pid);
  const limit = Number(/^Max open files\s+(\d+)/m.exec(read(`/proc/${pid}/limits`) ?? "")?.[1]);
  return open === undefined || Number.isNaN(limit) ? undefined : { open, limit };
}

function countOpen(pid: number): number | undefined {
  const dir = `/proc/${pid}/fd`;
  try {
    // Since Linux 6.2 its size is their number; before, it is 0, and to list 20,000 of them takes some ms.
    return statSync(dir).size || readdirSync(dir).length;
  } catch {
    return undefined;
  }
}

/** The children of a process, the oldest first. */
export function childrenOf(pid: number): number[] {
  const text = read(`/proc/${pid}/task/${pid}/children`) ?? "";
  return text.split(" ").filter(Boolean).map(Number);
}

/**
 * How many open files a child of this process may have, which is what counts: Node raises its own limit to the hard one.
 * Undefined where nothing limits them, or nobody tells.
 */
export function childLimit(): number | undefined {
  const limit = Number(spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }).stdout);
  return limit > 0 ? limit : undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
