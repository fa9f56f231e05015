/** Whether a process keeps what it should give back. Pure. */

export interface MemorySample {
  readonly residentMiB: number;
  /** Open sockets: more people take more memory, which is no leak. */
  readonly connections: number;
}

/** `short`: not enough samples yet. `load`: memory rises, and so do the connections. */
export type MemoryTrend =
  | { readonly kind: "short" }
  | { readonly kind: "steady" }
  | { readonly kind: "load"; readonly risenMiB: number }
  | { readonly kind: "leak"; readonly risenMiB: number };

/**
 * A collector frees in jumps, so single values say little; the lowest of a stretch is what is left after it. In each part
 * that has to be higher than in the one before: six in order by chance are one in 720.
 */
const PARTS = 6;
/** A rise that has ended, or that comes in one jump, is no leak: each step is at least so much of the mean one. */
const STEP_MIN_SHARE = 0.2;
/** Below both, a page cache or a new thread explains it. */
const RISE_MIN_MIB = 8;
const RISE_MIN_SHARE = 0.02;
/** With so many more connections than at the start of the window the load has grown. */
const LOAD_MIN_SHARE = 0.02;

/** Fewer would make parts of single samples. */
export const LEAK_INTERVALS_MIN = 2 * PARTS;

/** Looks at the newest `intervals` samples, of which there must be as many. */
export function memoryTrend(samples: readonly MemorySample[], intervals: number): MemoryTrend {
  const window = samples.slice(-intervals);
  if (window.length < Math.max(intervals, LEAK_INTERVALS_MIN)) return { kind: "short" };
  const parts = Array.from({ length: PARTS }, (_, i) => partOf(window, i));
  const floors = parts.map((part) => Math.min(...part.map(({ residentMiB }) => residentMiB)));
  const first = floors[0] ?? 0;
  const risenMiB = (floors.at(-1) ?? 0) - first;
  if (risenMiB < Math.max(RISE_MIN_MIB, first * RISE_MIN_SHARE)) return { kind: "steady" };
  const stepMinMiB = (risenMiB / (PARTS - 1)) * STEP_MIN_SHARE;
  const isRising = floors.every((floor, i) => i === 0 || floor - (floors[i - 1] ?? 0) >= stepMinMiB);
  if (!isRising) return { kind: "steady" };
  return { kind: hasMoreLoad(parts) ? "load" : "leak", risenMiB };
}

function partOf(window: readonly MemorySample[], index: number): readonly MemorySample[] {
  const at = (part: number) => Math.round((part * window.length) / PARTS);
  return window.slice(at(index), at(index + 1));
}

function hasMoreLoad(parts: readonly (readonly MemorySample[])[]): boolean {
  const most = (part: readonly MemorySample[] = []) => Math.max(...part.map(({ connections }) => connections));
  const before = most(parts[0]);
  return most(parts.at(-1)) - before > Math.max(0, before * LOAD_MIN_SHARE);
}
