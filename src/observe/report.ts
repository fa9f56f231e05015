import * as v from "valibot";

import { RecentErrorSchema } from "../protocol/admin.ts";

/* What the monitor is told and what it answers, as JSON: the calls go through HTTP (src/observe/monitor.ts). */

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
const TimeMs = v.number();

export const ContactCountsSchema = v.object({ near: Count, far: Count, unknown: Count });

/** From a user's object: how it stands now, and what it has counted since its last report. */
export interface UserReport {
  readonly user: string;
  /** ms. */
  readonly at: number;
  /** When the monitor may forget the user unless it hears more, ms; null at once: not active, and no socket is open. */
  readonly until: number | null;
  readonly active: boolean;
  readonly sharing: boolean;
  /** Coarse geohash of who is active and shares, else null. */
  readonly cell: string | null;
  readonly connections: number;
  readonly contacts: ContactCounts;
  /** Chunks that the queue has not taken, and since when the oldest waits, ms. */
  readonly waiting: number;
  readonly oldestAt: number | null;
  /** By `TALLY_KEYS`. */
  readonly counts: Readonly<Record<string, number>>;
}

/** From the consumer of history: what became of one batch in one sink. */
export interface SinkReport {
  readonly sink: string;
  readonly at: number;
  readonly stored: number;
  readonly failed: number;
  /** How long the oldest stored message was under way, ms; null when none was stored. */
  readonly lagMs: number | null;
}

/** `code` of an incident: messages of history were given up. */
export const DEAD_LETTERS_CODE = "dead_letters";

/** Something failed outside of a user's object. */
export interface Incident {
  readonly at: number;
  readonly source: string;
  readonly code: string;
  readonly count: number;
}

const SinkSumsSchema = v.object({
  stored: Count,
  failed: Count,
  lagMs: v.nullable(v.number()),
  /** Of the last batch, ms. */
  at: TimeMs,
});

/** Everything that a shard knows, but for who is who. */
export const ShardViewSchema = v.object({
  startedAt: TimeMs,
  present: Count,
  active: Count,
  sharing: Count,
  connections: Count,
  contacts: ContactCountsSchema,
  waiting: Count,
  oldestAt: v.nullable(TimeMs),
  counts: v.record(v.string(), Count),
  sinks: v.record(v.string(), SinkSumsSchema),
  deadLetters: Count,
  errors: v.array(RecentErrorSchema),
  /** People per cell, the small cells included: what leaves the Worker is cut after the shards are added up. */
  cells: v.record(v.string(), Count),
  leaving: Count,
  drainUntil: v.nullable(TimeMs),
});

export const DrainStartSchema = v.object({ users: Count, until: TimeMs });

export type ContactCounts = v.InferOutput<typeof ContactCountsSchema>;
export type SinkSums = v.InferOutput<typeof SinkSumsSchema>;
export type ShardView = v.InferOutput<typeof ShardViewSchema>;
export type DrainStart = v.InferOutput<typeof DrainStartSchema>;
