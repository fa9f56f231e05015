import * as v from "valibot";

import { askShards, type MonitorEnv } from "../observe/monitor.ts";
import type { ShardView } from "../observe/report.ts";
import { BOUNDS_MS, errorKey, type Latency, latencyKey } from "../observe/tally.ts";
import { COUNTER_NAMES, CountersSchema, MAP_CELLS_MAX, MAP_USERS_MIN, RECENT_ERRORS_MAX } from "../protocol/admin.ts";
import type { CellCount, CounterName, Histogram, SinkStats, Stats } from "../protocol/admin.ts";
import { ERROR_CODE_LIST } from "../protocol/errors.ts";

/** A sink that was given nothing for so long has no lag to tell of: the last one would stand there for ever. */
const LAG_SHOWN_MS = 10 * 60_000;

/** What the shards know that answer in time; null for the others, whose people are missing then. */
export function readShards(env: MonitorEnv, shards: number): Promise<(ShardView | null)[]> {
  return askShards(env, shards, (shard) => shard.view());
}

export function mergeStats(views: readonly (ShardView | null)[], now: number): Stats {
  const known = views.filter((view) => view !== null);
  const sum = (of: (view: ShardView) => number): number => known.reduce((total, view) => total + of(view), 0);
  const counted = (key: string): number => sum(({ counts }) => counts[key] ?? 0);
  const oldest = known.flatMap(({ oldestAt }) => (oldestAt === null ? [] : [oldestAt]));
  const drains = known.flatMap(({ drainUntil }) => (drainUntil === null ? [] : [drainUntil]));
  return {
    at: now,
    since: Math.max(0, ...known.map(({ startedAt }) => startedAt)),
    shards: { asked: views.length, answered: known.length },
    users: { present: sum((one) => one.present), active: sum((one) => one.active), sharing: sum((one) => one.sharing) },
    connections: sum((one) => one.connections),
    contacts: {
      near: sum((one) => one.contacts.near),
      far: sum((one) => one.contacts.far),
      unknown: sum((one) => one.contacts.unknown),
    },
    counters: countersOf(counted),
    errors: Object.fromEntries(ERROR_CODE_LIST.map((code) => [code, counted(errorKey(code))])),
    latency: { meeting: histogramOf("meeting", counted), delivery: histogramOf("delivery", counted) },
    history: {
      waiting: sum((one) => one.waiting),
      oldestMs: oldest.length === 0 ? null : Math.max(0, now - Math.min(...oldest)),
      sinks: sinksOf(known, now),
      deadLetters: sum((one) => one.deadLetters),
    },
    recentErrors: known
      .flatMap(({ errors }) => errors)
      .toSorted((a, b) => b.at - a.at)
      .slice(0, RECENT_ERRORS_MAX),
    cells: cellsOf(known),
    draining: { left: sum((one) => one.leaving), until: drains.length === 0 ? null : Math.max(...drains) },
  };
}

export function countersOf(counted: (key: string) => number): Record<CounterName, number> {
  return v.parse(CountersSchema, Object.fromEntries(COUNTER_NAMES.map((name) => [name, counted(name)])));
}

export function histogramOf(latency: Latency, counted: (key: string) => number): Histogram {
  let count = 0;
  const buckets = BOUNDS_MS[latency].map((leMs) => {
    count += counted(latencyKey(latency, leMs));
    return { leMs, count };
  });
  count += counted(latencyKey(latency, "inf"));
  return { buckets, count, sumMs: counted(latencyKey(latency, "sum")) };
}

function sinksOf(views: readonly ShardView[], now: number): SinkStats[] {
  const byName = new Map<string, SinkStats>();
  for (const { sinks } of views) {
    for (const [name, { stored, failed, lagMs, at }] of Object.entries(sinks)) {
      const merged = byName.get(name) ?? { name, stored: 0, failed: 0, lagMs: null };
      const recent = lagMs === null || now - at > LAG_SHOWN_MS ? null : lagMs;
      byName.set(name, {
        name,
        stored: merged.stored + stored,
        failed: merged.failed + failed,
        lagMs: recent === null ? merged.lagMs : Math.max(recent, merged.lagMs ?? 0),
      });
    }
  }
  return [...byName.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}

/** Cut after everybody was added up: a cell's people are on many shards, few on each. */
function cellsOf(views: readonly ShardView[]): CellCount[] {
  const users = new Map<string, number>();
  for (const { cells } of views) {
    for (const [cell, count] of Object.entries(cells)) users.set(cell, (users.get(cell) ?? 0) + count);
  }
  return Array.from(users, ([cell, count]) => ({ cell, users: count }))
    .filter((one) => one.users >= MAP_USERS_MIN)
    .toSorted((a, b) => b.users - a.users || a.cell.localeCompare(b.cell))
    .slice(0, MAP_CELLS_MAX);
}
