/** What the processes of a server have open and resident, looked at each second. */
import { spawnSync } from "node:child_process";
import type { Backend } from "../../serve/backend.ts";
import { OBJECT_DESCRIPTORS, SOCKET_DESCRIPTORS } from "../../serve/descriptors.ts";
import { openFiles } from "../../serve/proc.ts";
import { cpuSeconds, residentMiB } from "../usage.ts";

const LOOK_EVERY_MS = 1_000;
const KIB = 1_024;

export interface ProcessSample {
  readonly open: number;
  readonly residentMiB: number;
  /** Since it started. */
  readonly cpuS: number;
}

export interface Sample {
  readonly runtime: ProcessSample;
  readonly fronts: readonly ProcessSample[];
  /** What is stored, which is in memory as well with `--memory`. */
  readonly stateMiB: number;
}

export class Sampler {
  readonly #backend: Backend;
  readonly #timer: NodeJS.Timeout;
  /** With nobody connected. */
  readonly before: Sample;
  readonly limit: number | undefined;
  peakOpen = 0;
  peakFrontOpen = 0;
  /** Of each look since `restart`, the runtime's open files. */
  #open: number[] = [];

  constructor(backend: Backend) {
    this.#backend = backend;
    this.limit = backend.runtimePid === undefined ? undefined : openFiles(backend.runtimePid)?.limit;
    this.before = this.take();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  take(): Sample {
    const { runtimePid, frontPids, stateDir } = this.#backend;
    const du = spawnSync("du", ["-sk", stateDir], { encoding: "utf8" }).stdout;
    return {
      runtime: sampleOf(runtimePid),
      fronts: frontPids.map(sampleOf),
      stateMiB: Number.parseInt(du, 10) / KIB,
    };
  }

  /** From here on the looks count. */
  restart(): void {
    this.#open = [];
  }

  /** How many objects are in memory, by what is open, at most so many as there were at one of the looks; and in the middle. */
  awake(sockets: number): { median: number; most: number } {
    const own = this.before.runtime.open + (this.before.fronts.length > 0 ? 0 : sockets * SOCKET_DESCRIPTORS);
    const sorted = this.#open.map((open) => Math.round((open - own) / OBJECT_DESCRIPTORS)).toSorted((a, b) => a - b);
    return { median: sorted[sorted.length >> 1] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { runtimePid, frontPids } = this.#backend;
    const open = openOf(runtimePid);
    this.#open.push(open);
    this.peakOpen = Math.max(this.peakOpen, open);
    this.peakFrontOpen = Math.max(this.peakFrontOpen, ...frontPids.map(openOf));
  }
}

function sampleOf(pid: number | undefined): ProcessSample {
  return {
    open: openOf(pid),
    residentMiB: residentMiB(pid) ?? Number.NaN,
    cpuS: cpuSeconds(pid) ?? Number.NaN,
  };
}

function openOf(pid: number | undefined): number {
  return (pid === undefined ? undefined : openFiles(pid)?.open) ?? Number.NaN;
}
