import { encodeGeohash } from "../../src/geo/geohash.ts";
import { type AnalyticsEnv, writeReport } from "../../src/observe/data-point.ts";
import type { Meter } from "../../src/observe/meter.ts";
import { inTime, type MonitorEnv, MonitorShard, shardIndex, shardName } from "../../src/observe/monitor.ts";
import type { UserReport } from "../../src/observe/report.ts";
import type { Tally } from "../../src/observe/tally.ts";
import { type Agenda, ALARM_LOST_AFTER_MS } from "./agenda.ts";
import type { Chunks } from "./chunks.ts";
import type { Connections } from "./connections.ts";
import { countContacts } from "./counting.ts";
import type { Live } from "./live.ts";

/** Characters of the geohash that the monitor gets to know: 39 km by 20 km. */
export const CELL_CHARS = 4;

/** Chunks that are counted: an hour of a user's points are six, and what waits for days is an outage in any case. */
export const WAITING_COUNTED_MAX = 100;

/** An error of the server's own is told at once, but a failing object must not become a call a message. */
export const INCIDENT_EVERY_MS = 60_000;

export interface FeedParts {
  readonly env: MonitorEnv & AnalyticsEnv;
  readonly user: string;
  readonly shards: number;
  readonly meter: Meter;
  readonly tally: Tally;
  readonly connections: Pick<Connections, "size">;
  readonly agenda: Pick<Agenda, "alarmAt">;
  readonly chunks: Pick<Chunks, "waiting">;
  readonly live: () => Pick<Live, "active" | "place" | "circle">;
}

/**
 * Tells the monitor of this user: when the user becomes active or is connected without that, when neither is true any
 * more, and with each alarm, which rings about once in ten minutes anyway. Nobody waits for it; a monitor that is slow,
 * fails or does not exist changes nothing, and the counts of a report that it did not take are lost.
 */
export class Feed {
  readonly #parts: FeedParts;
  /** As told last. */
  #told: "away" | "connected" | "active";
  #incidentAt = 0;

  /** @param active as the object's memory has it: who only slept is not activated again */
  constructor(parts: FeedParts, active: boolean) {
    this.#parts = parts;
    this.#told = active ? "active" : parts.connections.size > 0 ? "connected" : "away";
  }

  /** With every live position. */
  moved(now: number): void {
    if (this.#told === "active") return;
    this.#tell(now, { waiting: 0, oldestAt: null });
  }

  /** A socket has opened. Who is active has been told of, and who is not may never send a position. */
  connected(now: number): void {
    this.#parts.tally.add("connections_opened");
    if (this.#told === "away") this.#tell(now, { waiting: 0, oldestAt: null });
  }

  /** A socket has closed. */
  left(now: number): void {
    if (this.#told === "connected" && this.#state() === "away") this.#tell(now, this.#queue());
  }

  /** At the end of an alarm: the next one is set. */
  alarm(now: number): void {
    if (this.#told === "away" && this.#state() === "away") return;
    this.#tell(now, this.#queue());
  }

  /** A frame failed for a reason of the server's own. */
  incident(now: number): void {
    if (now < this.#incidentAt) return;
    this.#incidentAt = now + INCIDENT_EVERY_MS;
    this.#tell(now, this.#queue());
  }

  #state(): "away" | "connected" | "active" {
    if (this.#parts.live().active) return "active";
    return this.#parts.connections.size > 0 ? "connected" : "away";
  }

  #tell(now: number, { waiting, oldestAt }: Pick<UserReport, "waiting" | "oldestAt">): void {
    const { env, user, shards, meter, tally, connections, agenda, live } = this.#parts;
    this.#told = this.#state();
    const { place, circle } = live();
    const isAway = this.#told === "away";
    const report: UserReport = {
      user,
      at: now,
      // The alarm that brings the next report may be late.
      until: isAway ? null : (agenda.alarmAt ?? now) + ALARM_LOST_AFTER_MS,
      active: this.#told === "active",
      sharing: place !== null,
      cell: place === null ? null : encodeGeohash(place, CELL_CHARS),
      connections: connections.size,
      contacts: countContacts(circle.contacts.values()),
      waiting,
      oldestAt,
      counts: tally.take(),
    };
    const shard = shardName(shardIndex(user, shards));
    writeReport(env, report, shard);
    if (env.MONITOR === undefined) return;
    meter.monitorCalls += 1;
    void inTime(new MonitorShard(env.MONITOR, shard).feed(report));
  }

  #queue(): Pick<UserReport, "waiting" | "oldestAt"> {
    return waitingChunks(this.#parts.chunks);
  }
}

export function waitingChunks(chunks: Pick<Chunks, "waiting">): Pick<UserReport, "waiting" | "oldestAt"> {
  const rows = chunks.waiting(WAITING_COUNTED_MAX);
  if (rows.length === 0) return { waiting: 0, oldestAt: null };
  return { waiting: rows.length, oldestAt: Math.min(...rows.map(({ storedAt }) => storedAt)) };
}
