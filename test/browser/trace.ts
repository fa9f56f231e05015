/** What a page's main thread did, from a trace of Chromium. */
import type { Browser, Page } from "playwright-core";
import * as v from "valibot";

const CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel", "__metadata"];
/** Runs of scripts, outermost first; what they call is inside of them. */
const SCRIPT = new Set([
  "FunctionCall",
  "EvaluateScript",
  "v8.evaluateModule",
  "TimerFire",
  "FireAnimationFrame",
  "FireIdleCallback",
  "EventDispatch",
  "RunMicrotasks",
  "MinorGC",
  "MajorGC",
]);
/** The main thread hands a frame over: what ran since the one before was for this frame. */
const FRAME_END = "Commit";

const Trace = v.object({
  traceEvents: v.array(
    v.object({
      name: v.string(),
      ph: v.string(),
      ts: v.number(),
      pid: v.number(),
      tid: v.number(),
      /** On the wall, and on the clock of the thread, which stands still while others have the processor; µs. */
      dur: v.optional(v.number()),
      tdur: v.optional(v.number()),
      args: v.optional(v.looseObject({ name: v.optional(v.unknown()) })),
    }),
  ),
});

/** ms */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly worst: number;
}

export interface FrameReport {
  readonly frames: number;
  readonly framesPerSecond: number;
  /** What the scripts of a frame took of the main thread. */
  readonly cpuMs: Spread;
  /** How long they took: longer, where the thread had to wait for a processor. */
  readonly wallMs: Spread;
}

/** Records a page for a while. */
export async function traceFrames(browser: Browser, page: Page, forMs: number): Promise<FrameReport> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await page.waitForTimeout(forMs);
  const { traceEvents } = v.parse(v.pipe(v.string(), v.parseJson(), Trace), (await browser.stopTracing()).toString());
  const mains = traceEvents.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain");
  const perThread = mains.map(({ pid, tid }) => traceEvents.filter((event) => event.pid === pid && event.tid === tid));
  // Other pages of the browser have main threads, too: the one with the most frames is meant.
  const own = perThread.toSorted((a, b) => endsOf(b).length - endsOf(a).length)[0] ?? [];
  const ends = endsOf(own);
  const runs = outermost(own);
  const perFrame = ends.slice(1).map((endUs, i) => runs.filter(({ ts }) => ts >= (ends[i] ?? 0) && ts < endUs));
  return {
    frames: perFrame.length,
    framesPerSecond: (perFrame.length * 1000) / forMs,
    cpuMs: spreadOf(perFrame.map((frame) => frame.reduce((sumUs, { cpuUs }) => sumUs + cpuUs, 0))),
    wallMs: spreadOf(perFrame.map((frame) => frame.reduce((sumUs, { wallUs }) => sumUs + wallUs, 0))),
  };
}

function spreadOf(valuesUs: readonly number[]): Spread {
  const sorted = valuesUs.map((us) => us / 1000).toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), worst: at(1) };
}

type TraceEvent = v.InferOutput<typeof Trace>["traceEvents"][number];

function endsOf(events: readonly TraceEvent[]): number[] {
  return events
    .filter(({ name, ph }) => name === FRAME_END && ph === "X")
    .map(({ ts }) => ts)
    .toSorted((a, b) => a - b);
}

interface Run {
  readonly ts: number;
  readonly wallUs: number;
  readonly cpuUs: number;
}

function outermost(events: readonly TraceEvent[]): Run[] {
  const runs = events
    .filter(({ name, ph, dur }) => ph === "X" && dur !== undefined && SCRIPT.has(name))
    // Without the thread's clock the time on the wall is counted, which is never less.
    .map(({ ts, dur = 0, tdur = dur }) => ({ ts, wallUs: dur, cpuUs: tdur }))
    .toSorted((a, b) => a.ts - b.ts || b.wallUs - a.wallUs);
  const outer: Run[] = [];
  let endUs = 0;
  for (const run of runs) {
    if (run.ts < endUs) continue;
    outer.push(run);
    endUs = run.ts + run.wallUs;
  }
  return outer;
}
