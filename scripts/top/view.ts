/** What `npm run top` knows at one moment; the same for a frame, a line and JSON. */
import type { Stats } from "../../src/protocol/admin.ts";
import { figuresOf } from "../../src/operate/figures.ts";
import type { MemoryTrend } from "./leak.ts";

/** What the local process has used. */
export interface ProcessUse {
  readonly pid: number;
  /** Of one core since the last sample: 1.5 is one and a half; undefined at the first. */
  readonly cpuCores: number | undefined;
  readonly residentMiB: number;
}

export interface View {
  readonly url: string;
  /** Oldest first, at least one. */
  readonly samples: readonly Stats[];
  /** As many as `samples`, undefined where the process was not there. */
  readonly uses: readonly (ProcessUse | undefined)[];
  /** Why there is no process to look at. */
  readonly noProcess: string | undefined;
  readonly trend: MemoryTrend;
  /** Over how many intervals of how many seconds the trend was looked at. */
  readonly window: { readonly intervals: number; readonly intervalS: number };
  /** Why the newest sample is old; undefined while the server answers. */
  readonly trouble: string | undefined;
}

/** One object per interval, for a program to read. */
export function jsonLine({ samples, uses, trend, trouble }: View): string {
  const stats = samples.at(-1);
  const figures = figuresOf(samples).map(({ id, value }) => [id, known(value)] as const);
  const use = uses.at(-1);
  return JSON.stringify({
    at: stats?.at,
    figures: Object.fromEntries(figures),
    users: stats?.users,
    history: stats?.history,
    draining: stats?.draining,
    process: use === undefined ? null : { ...use, cpuCores: known(use.cpuCores) },
    memory: trend,
    trouble: trouble ?? null,
  });
}

/** JSON has neither undefined in a record nor Infinity. */
function known(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : Math.round(value * 1000) / 1000;
}

/** What to say of the memory, and how bad that is. */
export function memoryText(view: View): { text: string; isLeak: boolean } | undefined {
  const { trend, window, uses } = view;
  if (uses.at(-1) === undefined || trend.kind === "short" || trend.kind === "steady") return undefined;
  const minutes = Math.max(1, Math.round((window.intervals * window.intervalS) / 60));
  const risen = `memory has risen by ${Math.round(trend.risenMiB)} MiB in ${minutes} min`;
  if (trend.kind === "load") return { text: `${risen}, and so have the connections`, isLeak: false };
  return { text: `leak? ${risen} without more connections`, isLeak: true };
}
