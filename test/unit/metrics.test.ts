/** `/metrics` as a Prometheus would read it, and the dashboard that asks for it. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as v from "valibot";
import { expect, test } from "vitest";

import { Ledger } from "../../durable-objects/monitor/ledger.ts";
import { metricsText } from "../../src/api/metrics.ts";
import { mergeStats } from "../../src/api/stats.ts";
import type { ShardView } from "../../src/observe/report.ts";
import { newMeter } from "../../src/observe/meter.ts";
import { Tally } from "../../src/observe/tally.ts";
import { MAP_USERS_MIN, StatsSchema } from "../../src/protocol/admin.ts";
import { NOW, reportOf } from "./monitor-report.ts";

const ROOT = join(import.meta.dirname, "../..");

const Family = v.object({
  name: v.string(),
  help: v.pipe(v.string(), v.minLength(10)),
  type: v.picklist(["COUNTER", "GAUGE", "HISTOGRAM"]),
  metrics: v.array(
    v.object({
      value: v.optional(v.string()),
      labels: v.optional(v.record(v.string(), v.string())),
      buckets: v.optional(v.record(v.string(), v.string())),
    }),
  ),
});

/** The parser has no types. */
function parse(text: string): v.InferOutput<typeof Family>[] {
  const parser: unknown = createRequire(import.meta.url)("parse-prometheus-text-format");
  if (typeof parser !== "function") throw new Error("the parser is no function");
  return v.parse(v.array(Family), Reflect.apply(parser, undefined, [text]));
}

function shard(fill: (ledger: Ledger) => void): ShardView {
  const ledger = new Ledger(NOW);
  fill(ledger);
  return { ...ledger.view(NOW), leaving: 0, drainUntil: null };
}

const tally = new Tally(newMeter());
tally.add("positions", 4);
tally.add("meetings", 6);
tally.failed("bad_json");
for (const ms of [1, 3, 40, 9_000]) tally.took("meeting", ms);
tally.took("delivery", 80);

const VIEWS = [
  shard((ledger) => {
    ledger.feed(reportOf("ann", { counts: tally.take(), waiting: 2, oldestAt: NOW - 3_000 }));
    ledger.noteSink({ sink: "r2", at: NOW, stored: 7, failed: 1, lagMs: 1_500 });
  }),
  shard((ledger) => ledger.feed(reportOf("bob", { counts: { positions: 1 } }))),
  null,
];

const FAMILIES = new Map(parse(metricsText(VIEWS, mergeStats(VIEWS, NOW))).map((family) => [family.name, family]));

function valuesOf(name: string): [Record<string, string> | undefined, number][] {
  return (FAMILIES.get(name)?.metrics ?? []).map(({ labels, value }) => [labels, Number(value)]);
}

test("[ADMIN5] a parser of Prometheus reads every family, and counters end with _total", () => {
  expect(FAMILIES.size).toBeGreaterThan(20);
  for (const { name, type, metrics } of FAMILIES.values()) {
    expect(name).toMatch(/^nearby_[a-z_]+$/);
    expect(name.endsWith("_total"), name).toBe(type === "COUNTER");
    for (const { value, buckets } of metrics) {
      expect(Number(value ?? buckets?.["+Inf"]), name).toBeGreaterThanOrEqual(0);
    }
  }
});

test("[ADMIN5] counters are told by shard, gauges of all of them together", () => {
  expect(valuesOf("nearby_positions_total")).toEqual([
    [{ shard: "0" }, 4],
    [{ shard: "1" }, 1],
  ]);
  expect(valuesOf("nearby_users")).toContainEqual([{ state: "active" }, 2]);
  expect(valuesOf("nearby_monitor_shards")).toContainEqual([{ state: "answered" }, 2]);
  expect(valuesOf("nearby_meetings_per_position")).toEqual([[undefined, 6 / 5]]);
  expect(valuesOf("nearby_queue_waiting_chunks")).toEqual([[undefined, 2]]);
  expect(valuesOf("nearby_queue_oldest_seconds")).toEqual([[undefined, 3]]);
  expect(valuesOf("nearby_sink_lag_seconds")).toEqual([[{ sink: "r2" }, 1.5]]);
  expect(valuesOf("nearby_sink_failed_total")).toEqual([[{ shard: "0", sink: "r2" }, 1]]);
  expect(valuesOf("nearby_errors_total")).toContainEqual([{ code: "bad_json", shard: "0" }, 1]);
});

test("[ADMIN5] each bucket of a histogram has those of the smaller ones, the last has all", () => {
  const text = metricsText(VIEWS, mergeStats(VIEWS, NOW));
  const bucket = (le: string): number =>
    Number(new RegExp(`nearby_meeting_duration_seconds_bucket\\{le="${le}",shard="0"\\} (\\d+)`).exec(text)?.[1]);
  expect(["0.001", "0.005", "0.05", "2", "\\+Inf"].map(bucket)).toEqual([1, 2, 3, 3, 4]);
  expect(text).toContain('nearby_meeting_duration_seconds_sum{shard="0"} 9.044');
  expect(text).toContain('nearby_meeting_duration_seconds_count{shard="0"} 4');
});

test.each([MAP_USERS_MIN - 1, MAP_USERS_MIN, MAP_USERS_MIN + 1])(
  "[ADMIN3] %i people of a cell on two shards are told of from 10 on",
  (people) => {
    const views = [0, 1].map((half) =>
      shard((ledger) => {
        for (let at = half; at < people; at += 2) ledger.feed(reportOf(`user-${at}`));
      }),
    );
    const { cells } = v.parse(StatsSchema, mergeStats(views, NOW));
    expect(cells).toEqual(people < MAP_USERS_MIN ? [] : [{ cell: "u281", users: people }]);
  },
);

const Dashboard = v.object({
  panels: v.pipe(
    v.array(
      v.object({
        title: v.pipe(v.string(), v.minLength(3)),
        targets: v.pipe(v.array(v.object({ expr: v.string() })), v.minLength(1)),
      }),
    ),
    v.minLength(8),
  ),
});

/** Every name of a metric in a text, as it is served: parts of a histogram count as the histogram. */
function metricsIn(text: string): string[] {
  return Array.from(text.matchAll(/\bnearby_[a-z_]+\b/g), ([name]) => name.replace(/_(bucket|sum|count)$/, ""));
}

test("the dashboard asks for metrics that are served, in each of its panels", () => {
  const { panels } = v.parse(Dashboard, JSON.parse(readFileSync(join(ROOT, "docs/grafana.json"), "utf8")));
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      expect(metricsIn(expr).length, title).toBeGreaterThan(0);
      for (const name of metricsIn(expr)) expect([...FAMILIES.keys()], title).toContain(name);
    }
  }
});

test("the documentation names every metric, and no other", () => {
  const documented = metricsIn(readFileSync(join(ROOT, "docs/operations.md"), "utf8"));
  expect(new Set(documented)).toEqual(new Set(FAMILIES.keys()));
});
