/** Which process of this machine serves an address, by Linux's /proc. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export type Owner = { readonly pid: number } | { readonly pid: undefined; readonly why: string };

/** proc_net_tcp(5): places of the fields in a line, and the state of a socket that listens. */
const LOCAL_ADDRESS = 1;
const STATE = 3;
const INODE = 9;
const LISTENING = "0A";

const LOOPBACK = /^(?:127(?:\.\d+){3}|localhost|\[::1\])$/;

/**
 * The process that listens at `url`: workerd, which takes connections itself. Found by the socket and not by a name or a
 * file, either of which would be wrong as soon as two servers run here or one has crashed.
 */
export function ownerOf(url: string): Owner {
  const { hostname, port, protocol } = new URL(url);
  if (!LOOPBACK.test(hostname)) return { pid: undefined, why: "the server is not on this machine" };
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(read);
  if (tables.every((table) => table === undefined)) return { pid: undefined, why: "there is no /proc: needs Linux" };
  const portNumber = Number(port || (protocol === "https:" ? 443 : 80));
  const inodes = new Set(tables.flatMap((table) => listenersOn(table ?? "", portNumber)));
  if (inodes.size === 0) return { pid: undefined, why: `nothing listens on port ${portNumber} of this machine` };
  const pid = holderOf(inodes);
  return pid === undefined
    ? { pid, why: "the process belongs to another user: run this as that user, or give --pid" }
    : { pid };
}

/** Inodes of sockets that listen on a port, of a table in the format of /proc/net/tcp. */
export function listenersOn(table: string, port: number): string[] {
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[STATE] === LISTENING)
    .filter((fields) => Number.parseInt(fields[LOCAL_ADDRESS]?.split(":")[1] ?? "", 16) === port)
    .flatMap((fields) => fields[INODE] ?? []);
}

function holderOf(inodes: ReadonlySet<string>): number | undefined {
  const links = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  return list("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => list(`/proc/${pid}/fd`).some((fd) => links.has(target(`/proc/${pid}/fd/${fd}`))));
}

/** Processes end while they are looked at, and those of others cannot be looked into. */
function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function target(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
