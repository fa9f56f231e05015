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

const Trace = v.object({
  traceEvents: v.array(
    v.object({
      name: v.string(),
      ph: v.string(),
      ts: v.number(),
      pid: v.number(),
      tid: v.number(),
      dur: v.optional(v.number()),
      args: v.optional(v.looseObject({ name: v.optional(v.unknown()) })),
    }),
  ),
});

export interface FrameReport {
  readonly frames: number;
  readonly framesPerSecond: number;
  /** Main-thread script of a frame, ms. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly worstMs: number;
}

/** Records a page for a while. */
export async function traceFrames(browser: Browser, page: Page, forMs: number): Promise<FrameReport> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await page.waitForTimeout(forMs);
  const { traceEvents } = v.parse(v.pipe(v.string(), v.parseJson(), Trace), (await browser.stopTracing()).toString());
  const mains = traceEvents.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain");
  const perThread = mains.map(({ pid, tid }) => traceEvents.filter((event) => event.pid === pid && event.tid === tid));
  // Other pages of the browser have main threads, too: the one with the most frames is meant.
  const own = perThread.toSorted((a, b) => framesOf(b).length - framesOf(a).length)[0] ?? [];
  const frames = framesOf(own);
  const script = outermost(own);
  const perFrame = frames.slice(1).map((endUs, i) => {
    const startUs = frames[i] ?? 0;
    return script.reduce((sum, { ts, endUs: to }) => sum + Math.max(0, Math.min(to, endUs) - Math.max(ts, startUs)), 0);
  });
  const sorted = perFrame.map((us) => us / 1000).toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return {
    frames: sorted.length,
    framesPerSecond: (sorted.length * 1000) / forMs,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    worstMs: at(1),
  };
}

type TraceEvent = v.InferOutput<typeof Trace>["traceEvents"][number];

function framesOf(events: readonly TraceEvent[]): number[] {
  return events
    .filter(({ name, ph }) => name === "FireAnimationFrame" && ph === "X")
    .map(({ ts }) => ts)
    .toSorted((a, b) => a - b);
}

function outermost(events: readonly TraceEvent[]): { ts: number; endUs: number }[] {
  const runs = events
    .filter(({ name, ph, dur }) => ph === "X" && dur !== undefined && SCRIPT.has(name))
    .map(({ ts, dur = 0 }) => ({ ts, endUs: ts + dur }))
    .toSorted((a, b) => a.ts - b.ts);
  const outer: { ts: number; endUs: number }[] = [];
  for (const run of runs) {
    if (run.ts >= (outer.at(-1)?.endUs ?? 0)) outer.push(run);
  }
  return outer;
}
