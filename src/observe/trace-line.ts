/** A trace as a line of the log. */
import { admit } from "../protocol/pace.ts";
import { logTrace } from "./log.ts";
import { type Row, rowsOf, type Trace, worst } from "./steps.ts";

/** Rows of one line: nobody reads 400 meetings, and a line of the platform's log may have 256 KB. */
export const ROWS_MAX = 30;

/**
 * Lines of one isolate: so many at once, then one a second. When a deploy resets objects by the thousand, each of their
 * friends' objects sees a call fail, and a line of the log costs four calls.
 */
export const LINES_BURST = 20;
export const LINE_MIN_MS = 1_000;

/**
 * Answers of one isolate that have a trace beside them. In an overload every answer is late, and to make each of them longer
 * would add to it, for lines of which one a second is printed.
 */
export const REPORTS_BURST = 100;
export const REPORT_MIN_MS = 20;

/** Names of errors are of the code's making, but a friend's object may run another version of it. */
const ERROR_NAME = /^[A-Za-z_]{1,40}$/;

let paceTatMs = 0;
let reportTatMs = 0;
/** Traces that were not printed since the last one that was. */
let skipped = 0;

export function mayReport(now: number): boolean {
  const admission = admit(reportTatMs, now, REPORTS_BURST, REPORT_MIN_MS);
  if (admission.ok) reportTatMs = admission.tatMs;
  return admission.ok;
}

/** The kind of an error and no more of it: a message may repeat what the log must not know. */
export function errorName(error: unknown): string {
  const name = error instanceof Error || error instanceof DOMException ? error.name : typeof error;
  return ERROR_NAME.test(name) ? name : "Error";
}

/** What a line says of a trace; beside it stands what `About.state` counts. */
export interface TraceLine {
  readonly id: string;
  readonly object: string;
  readonly call: string;
  readonly ms: number;
  readonly slowMs: number;
  readonly calls: readonly Row[];
  /** Calls that are left out. */
  readonly more?: number;
  /** Traces that were not printed since the line before. */
  readonly skipped?: number;
}

export function printTrace(trace: Trace, now: number): void {
  const admission = admit(paceTatMs, now, LINES_BURST, LINE_MIN_MS);
  if (!admission.ok) {
    skipped += 1;
    return;
  }
  paceTatMs = admission.tatMs;
  const { id, about, root } = trace;
  const all = rowsOf(trace, now);
  const calls = worst(all, ROWS_MAX);
  const line: TraceLine = {
    id,
    object: about.object,
    call: root.call.name,
    ms: now - root.startMs,
    slowMs: about.slowMs,
    calls,
    ...(calls.length < all.length ? { more: all.length - calls.length } : {}),
    ...(skipped > 0 ? { skipped } : {}),
  };
  skipped = 0;
  // A call that failed was answered for by whoever made it: a friend is late, a chunk waits. What failed as a whole was not.
  const event = root.error !== null ? "failed" : trace.failed ? "call_failed" : "slow";
  logTrace(event === "failed" ? "error" : "info", event, { ...line, ...stateOf(trace) });
}

/** Of an object that has been reset meanwhile nothing can be read; its trace is all the more of interest. */
function stateOf({ about }: Trace): object {
  try {
    return { ...about.state?.() };
  } catch {
    return {};
  }
}
