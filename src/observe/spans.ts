/**
 * Spans of the platform's own tracing (`tracing` of `cloudflare:workers`, from September 2026 on), which a deploy records
 * when `[observability.traces]` is on. The module is handed in by the Worker: tests outside of the runtime have none, and a
 * runtime that is older must not fail on an import.
 */

interface Span {
  readonly isTraced: boolean;
}

interface Tracing {
  enterSpan<T>(name: string, callback: (span: Span) => T): T;
  getActiveSpan(): Span | undefined;
}

let tracing: Tracing | null = null;

/** @param module `cloudflare:workers`, whatever it offers */
export function useSpansOf(module: object): void {
  const found: unknown = Reflect.get(module, "tracing");
  tracing = isTracing(found) ? found : null;
}

/** Whether the platform records this event: it samples, and a span that goes nowhere costs as much as one that is kept. */
export function isRecorded(): boolean {
  return tracing?.getActiveSpan()?.isTraced === true;
}

/** Runs `work` as a span of the platform, below the one that is active. */
export function inSpan<T>(name: string, work: () => T): T {
  return tracing === null ? work() : tracing.enterSpan(name, work);
}

function isTracing(value: unknown): value is Tracing {
  if (typeof value !== "object" || value === null) return false;
  return ["enterSpan", "getActiveSpan"].every((name) => typeof Reflect.get(value, name) === "function");
}
