import type { ShardView } from "../observe/report.ts";
import { errorKey } from "../observe/tally.ts";
import { COUNTER_NAMES, type CounterName, type Histogram, type Stats } from "../protocol/admin.ts";
import { ERROR_CODE_LIST } from "../protocol/errors.ts";
import { countersOf, histogramOf } from "./stats.ts";

/** Of the text format of Prometheus, which its scrapers ask for. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const COUNTER_HELP: Readonly<Record<CounterName, string>> = {
  connections_opened: "Sockets that were opened.",
  messages_in: "Frames from clients, pings excluded.",
  positions: "Live positions that were taken.",
  meetings: "Calls to friends' objects that positions and activations have caused.",
  suppressed: "Calls to active friends that a safe region has spared.",
  deliveries: "Frames with a friend's position that were sent to clients.",
  calls_out: "Calls of people's objects to other objects, retries and words of friendship included.",
  rows_read: "Rows of SQLite read.",
  rows_written: "Rows of SQLite written, index entries included.",
  alarms_set: "Alarms set, each a row.",
  queue_messages: "Messages that the history queues have taken.",
  redis_commands: "Commands to the index of active friends.",
  invalid_reports: "Parts of phone reports that nobody can use.",
};

type Labels = Readonly<Record<string, string | number>>;

class Text {
  #lines: string[] = [];

  family(name: string, type: "counter" | "gauge" | "histogram", help: string): this {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    return this;
  }

  sample(name: string, value: number, labels: Labels = {}): this {
    const inner = Object.entries(labels)
      .map(([key, text]) => `${key}="${escapeLabel(String(text))}"`)
      .join(",");
    this.#lines.push(`${name}${inner === "" ? "" : `{${inner}}`} ${value}`);
    return this;
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}

/**
 * What operators' tools collect. Counters are per shard of the monitor: each begins at zero with the memory of its shard,
 * and a sum over all of them would seem to have begun anew each time that one of them does.
 */
export function metricsText(views: readonly (ShardView | null)[], stats: Stats): string {
  const text = new Text();
  writeGauges(text, stats);
  const shards = views.flatMap((view, shard) => (view === null ? [] : [{ view, shard }]));
  const keyed = shards.map(({ view, shard }) => ({ shard, counted: (key: string) => view.counts[key] ?? 0 }));
  for (const name of COUNTER_NAMES) {
    const metric = `nearby_${name}_total`;
    text.family(metric, "counter", COUNTER_HELP[name]);
    for (const { shard, counted } of keyed) text.sample(metric, countersOf(counted)[name], { shard });
  }
  text.family("nearby_errors_total", "counter", "Error frames that clients got, by code of the protocol.");
  for (const { shard, counted } of keyed) {
    for (const code of ERROR_CODE_LIST) text.sample("nearby_errors_total", counted(errorKey(code)), { code, shard });
  }
  const meeting = "nearby_meeting_duration_seconds";
  text.family(meeting, "histogram", "From a call to a friend's object to its answer.");
  for (const { shard, counted } of keyed) writeHistogram(text, meeting, histogramOf("meeting", counted), shard);
  const delivery = "nearby_delivery_age_seconds";
  text.family(
    delivery,
    "histogram",
    "Age of a friend's new position when it was sent to clients, by its sender's clock.",
  );
  for (const { shard, counted } of keyed) writeHistogram(text, delivery, histogramOf("delivery", counted), shard);
  writeSinks(text, shards);
  return text.toString();
}

function writeGauges(text: Text, { users, connections, contacts, history, counters, shards, draining }: Stats): void {
  text
    .family("nearby_users", "gauge", "People by state, as their objects said last (at most one interval ago).")
    .sample("nearby_users", users.present, { state: "present" })
    .sample("nearby_users", users.active, { state: "active" })
    .sample("nearby_users", users.sharing, { state: "sharing" })
    .family("nearby_connections", "gauge", "Open sockets of these people.")
    .sample("nearby_connections", connections)
    .family("nearby_contacts", "gauge", "Pairs of active friends, seen from each side, by what is known of them.");
  for (const [kind, count] of Object.entries(contacts)) text.sample("nearby_contacts", count, { kind });
  text
    .family(
      "nearby_meetings_per_position",
      "gauge",
      "Meetings for each live position since the monitor began to count.",
    )
    .sample("nearby_meetings_per_position", counters.positions === 0 ? 0 : counters.meetings / counters.positions)
    .family("nearby_queue_waiting_chunks", "gauge", "Chunks in people's objects that the history queue has not taken.")
    .sample("nearby_queue_waiting_chunks", history.waiting)
    .family("nearby_queue_oldest_seconds", "gauge", "Age of the oldest of these chunks, 0 for none.")
    .sample("nearby_queue_oldest_seconds", (history.oldestMs ?? 0) / 1_000)
    .family("nearby_sink_lag_seconds", "gauge", "Age of the oldest message of a sink's last batch when it was stored.");
  for (const { name, lagMs } of history.sinks) {
    if (lagMs !== null) text.sample("nearby_sink_lag_seconds", lagMs / 1_000, { sink: name });
  }
  text
    .family("nearby_monitor_shards", "gauge", "Shards of the monitor: asked, and answered in time.")
    .sample("nearby_monitor_shards", shards.asked, { state: "asked" })
    .sample("nearby_monitor_shards", shards.answered, { state: "answered" })
    .family("nearby_draining_users", "gauge", "People whose sockets a drain has still to close.")
    .sample("nearby_draining_users", draining.left);
}

function writeHistogram(text: Text, name: string, { buckets, count, sumMs }: Histogram, shard: number): void {
  for (const bucket of buckets) text.sample(`${name}_bucket`, bucket.count, { le: bucket.leMs / 1_000, shard });
  text
    .sample(`${name}_bucket`, count, { le: "+Inf", shard })
    .sample(`${name}_sum`, sumMs / 1_000, { shard })
    .sample(`${name}_count`, count, { shard });
}

function writeSinks(text: Text, shards: readonly { view: ShardView; shard: number }[]): void {
  const sinks = shards.flatMap(({ view, shard }) =>
    Object.entries(view.sinks).map(([sink, sums]) => ({ sink, shard, ...sums })),
  );
  text.family("nearby_sink_stored_total", "counter", "History messages that a sink has stored.");
  for (const { sink, shard, stored } of sinks) text.sample("nearby_sink_stored_total", stored, { sink, shard });
  text.family("nearby_sink_failed_total", "counter", "History messages that a sink has not stored; they come again.");
  for (const { sink, shard, failed } of sinks) text.sample("nearby_sink_failed_total", failed, { sink, shard });
  text.family("nearby_dead_letters_total", "counter", "History messages that were given up and put aside.");
  for (const { view, shard } of shards) text.sample("nearby_dead_letters_total", view.deadLetters, { shard });
}

/** Backslash, quote and line feed, as the format has it. */
function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
