/** What an operator reads, made of the answers of `GET /v1/admin/stats`: for the console and for `npm run top`. */
import type { CounterName, Histogram, Stats } from "../protocol/admin.ts";

/**
 * People's objects report when they become active or inactive, else about every ten minutes: over that time each has
 * reported once, and the steps in which counters grow are a rate. Of less, a small server would show nothing but gaps.
 */
export const RATE_WINDOW_MS = 600_000;

/** What to say beside rates. */
export const RATE_NOTE =
  "rates are of the last 10 min, in which everybody's counts come in; until then they are too low";

export type Unit = "count" | "perS" | "ratio" | "ms";

export interface Figure {
  readonly id: string;
  readonly label: string;
  readonly unit: Unit;
  /** Of the newest sample; undefined where it cannot be known yet. */
  readonly value: number | undefined;
  /** The same at each sample, oldest first. */
  readonly series: readonly (number | undefined)[];
}

/** Two samples, the earlier from about a window before. */
interface Span {
  readonly now: Stats;
  readonly before: Stats | undefined;
}

interface Kind {
  readonly id: string;
  readonly label: string;
  readonly unit: Unit;
  readonly read: (span: Span) => number | undefined;
}

const KINDS: readonly Kind[] = [
  { id: "connections", label: "Connections", unit: "count", read: ({ now }) => now.connections },
  { id: "active", label: "Active people", unit: "count", read: ({ now }) => now.users.active },
  { id: "positions", label: "Positions", unit: "perS", read: rate("positions") },
  { id: "deliveries", label: "Deliveries", unit: "perS", read: rate("deliveries") },
  { id: "meetings", label: "Meetings per position", unit: "ratio", read: ratio("meetings", "positions") },
  { id: "calls", label: "Calls to objects", unit: "perS", read: rate("calls_out") },
  { id: "rows", label: "Rows written", unit: "perS", read: rate("rows_written") },
  { id: "errors", label: "Errors told to clients", unit: "perS", read: errorRate },
  { id: "meeting-p95", label: "Meeting, p95", unit: "ms", read: quantile("meeting", 0.95) },
  { id: "delivery-p95", label: "Delivery, p95", unit: "ms", read: quantile("delivery", 0.95) },
  { id: "waiting", label: "Chunks waiting for the queue", unit: "count", read: ({ now }) => now.history.waiting },
];

/** @param samples oldest first; a rate needs two of them */
export function figuresOf(samples: readonly Stats[]): Figure[] {
  const spans = samples.map((now, i) => ({ now, before: before(samples, i) }));
  return KINDS.map(({ id, label, unit, read }) => {
    const series = spans.map(read);
    return { id, label, unit, series, value: series.at(-1) };
  });
}

/** The youngest sample that is a window older, else the oldest; none from before a shard began to count anew. */
function before(samples: readonly Stats[], index: number): Stats | undefined {
  const now = samples[index];
  if (now === undefined) return undefined;
  let found: Stats | undefined;
  for (let i = index - 1; i >= 0; i--) {
    const sample = samples[i];
    if (sample === undefined || sample.since !== now.since) break;
    found = sample;
    if (now.at - sample.at >= RATE_WINDOW_MS) break;
  }
  return found;
}

function rate(name: CounterName): Kind["read"] {
  return (span) => perS(span, ({ counters }) => counters[name] ?? 0);
}

function errorRate(span: Span): number | undefined {
  return perS(span, ({ errors }) => Object.values(errors).reduce((sum, count) => sum + count, 0));
}

function perS({ now, before: then }: Span, read: (stats: Stats) => number): number | undefined {
  if (then === undefined || now.at <= then.at) return undefined;
  return Math.max(0, ((read(now) - read(then)) * 1000) / (now.at - then.at));
}

function ratio(over: CounterName, under: CounterName): Kind["read"] {
  return (span) => {
    const [a, b] = [rate(over)(span), rate(under)(span)];
    return a === undefined || b === undefined || b === 0 ? undefined : a / b;
  };
}

function quantile(of: keyof Stats["latency"], share: number): Kind["read"] {
  return ({ now, before: then }) =>
    then === undefined ? undefined : quantileMs(since(now.latency[of], then.latency[of]), share);
}

/** What has been observed between two looks at the same histogram. */
export function since(now: Histogram, then: Histogram): Histogram {
  const earlier = new Map(then.buckets.map(({ leMs, count }) => [leMs, count]));
  return {
    buckets: now.buckets.map(({ leMs, count }) => ({ leMs, count: Math.max(0, count - (earlier.get(leMs) ?? 0)) })),
    count: Math.max(0, now.count - then.count),
    sumMs: Math.max(0, now.sumMs - then.sumMs),
  };
}

/**
 * Within a bucket observations are taken as evenly spread, as Prometheus does.
 *
 * @returns undefined without observations, Infinity beyond the largest bound
 */
export function quantileMs({ buckets, count }: Histogram, share: number): number | undefined {
  if (count === 0) return undefined;
  const rank = share * count;
  let [fromMs, below] = [0, 0];
  for (const bucket of buckets) {
    if (bucket.count >= rank && bucket.count > below) {
      return fromMs + ((bucket.leMs - fromMs) * (rank - below)) / (bucket.count - below);
    }
    [fromMs, below] = [bucket.leMs, bucket.count];
  }
  return Infinity;
}

/** "1,234", "12.3/s", "0.42", "8.1 ms"; "–" where there is nothing to tell. */
export function figureText(value: number | undefined, unit: Unit): string {
  if (value === undefined) return "–";
  if (!Number.isFinite(value)) return "over the scale";
  const text = numberText(value);
  switch (unit) {
    case "count":
    case "ratio":
      return text;
    case "perS":
      return `${text}/s`;
    case "ms":
      return `${text} ms`;
  }
}

/** Three digits that count, and whole numbers whole. */
function numberText(value: number): string {
  const digits = Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** "40 s", "3 min", "2 h", "5 days": how long something has lasted, or will. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
