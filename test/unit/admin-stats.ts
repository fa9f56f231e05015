/** Answers of `GET /v1/admin/stats` for tests, by the schema that the server is held to. */
import * as v from "valibot";

import { COUNTER_NAMES, type CounterName, type Histogram, type Stats, StatsSchema } from "../../src/protocol/admin.ts";

export const START_MS = 1_800_000_000_000;

export function countersOf(some: Partial<Record<CounterName, number>> = {}): Record<CounterName, number> {
  const all = Object.fromEntries(COUNTER_NAMES.map((name) => [name, some[name] ?? 0]));
  return all as Record<CounterName, number>;
}

/** @param counts how many lie between each bound and the one before; the last are beyond all */
export function histogramOf(boundsMs: readonly number[], counts: readonly number[]): Histogram {
  let below = 0;
  const buckets = boundsMs.map((leMs, i) => ({ leMs, count: (below += counts[i] ?? 0) }));
  const count = counts.reduce((sum, one) => sum + one, 0);
  return { buckets, count, sumMs: count * 5 };
}

export const NO_TIMES = histogramOf([1, 10, 100], []);

export function statsOf(change: Partial<Stats> = {}): Stats {
  return v.parse(StatsSchema, {
    at: START_MS,
    since: START_MS - 3_600_000,
    shards: { asked: 1, answered: 1 },
    users: { present: 3, active: 2, sharing: 2 },
    connections: 4,
    contacts: { near: 1, far: 2, unknown: 0 },
    counters: countersOf(),
    errors: {},
    latency: { meeting: NO_TIMES, delivery: NO_TIMES },
    history: { waiting: 0, oldestMs: null, sinks: [], deadLetters: 0 },
    recentErrors: [],
    cells: [],
    draining: { left: 0, until: null },
    ...change,
  });
}

/** A busy server after so many seconds. */
export function busyAt(seconds: number): Stats {
  const positions = seconds * 40;
  return statsOf({
    at: START_MS + seconds * 1000,
    users: { present: 1_234, active: 1_180, sharing: 1_150 },
    connections: 1_200 + Math.round(30 * Math.sin(seconds / 9)),
    counters: countersOf({
      positions: positions + Math.round(60 * Math.sin(seconds / 7)),
      deliveries: positions * 12,
      meetings: positions * 3,
      calls_out: positions * 3,
      rows_written: positions / 20,
    }),
    errors: { bad_json: 2, too_fast: Math.floor(seconds / 5) },
    latency: {
      meeting: histogramOf([1, 5, 10, 50, 100], [seconds * 10, seconds * 60, seconds * 20, seconds, 0]),
      delivery: histogramOf([10, 50, 100, 500], [seconds * 100, seconds * 200, seconds * 30, seconds * 2]),
    },
    history: {
      waiting: 17,
      oldestMs: 4_200,
      sinks: [
        { name: "r2", stored: 5_230, failed: 0, lagMs: 1_400 },
        { name: "cassandra", stored: 5_190, failed: 12, lagMs: 95_000 },
      ],
      deadLetters: 2,
    },
    recentErrors: [
      { at: START_MS + seconds * 1000 - 12_000, source: "user", user: "ana.bek", code: "call_failed", count: 1 },
      { at: START_MS + seconds * 1000 - 240_000, source: "history cassandra", code: "timeout", count: 12 },
    ],
    cells: [
      { cell: "wydm", users: 640 },
      { cell: "wydj", users: 210 },
      { cell: "wy7b", users: 120 },
      { cell: "xn76", users: 96 },
      { cell: "xn77", users: 40 },
      { cell: "wm6n", users: 12 },
    ],
  });
}
