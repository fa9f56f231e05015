import * as v from "valibot";

/*
 * What operators are answered (`/v1/admin`, role admin): for the console and `npm run top`, which check nothing of it
 * themselves, and for the description of the API. Counts only, never a position.
 */

/** Newest errors that a shard of the monitor keeps, and that one answer has: a screen full, and a row of 10 KB. */
export const RECENT_ERRORS_MAX = 100;

/** People below whom a cell is not told of: a count of one, in a place where one user lives, is that user's position. */
export const MAP_USERS_MIN = 10;

/** Cells in one answer: those of most people. The inhabited land has about 100,000 of them, an answer a megabyte. */
export const MAP_CELLS_MAX = 2_000;

/** People whom one shard sends away in a second: each is a call, and each comes back with a handshake and its meetings. */
export const DRAINED_PER_S_MAX = 500;

/** Seconds over which a drain may be asked to spread: longer, and the first would be back for minutes before the deploy. */
export const DRAIN_WINDOW_MAX_S = 300;
export const DRAIN_WINDOW_S = 30;

/** Between two events of a stream, ms: one of them asks every shard. */
export const EVENT_EVERY_MS = 5_000;

/** Streams of events at once in one isolate of the Worker: a wall of screens. Each holds a request of the platform open. */
export const EVENT_STREAMS_MAX = 100;

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
const TimeMs = v.pipe(v.number(), v.integer());
const Id = v.string();

/** What people's objects count, in this order in their memory (src/observe/tally.ts); each name is also that of a metric. */
export const COUNTER_NAMES = [
  "connections_opened",
  "messages_in",
  "positions",
  "meetings",
  "suppressed",
  "deliveries",
  "calls_out",
  "rows_read",
  "rows_written",
  "alarms_set",
  "queue_messages",
  "redis_commands",
  "invalid_reports",
] as const;

export type CounterName = (typeof COUNTER_NAMES)[number];

export const CountersSchema = v.object(v.entriesFromList(COUNTER_NAMES, Count));

/** Observations below or at each bound, by bound in ms, each with those of the smaller ones; `count` has all of them. */
export const HistogramSchema = v.object({
  buckets: v.array(v.object({ leMs: v.number(), count: Count })),
  count: Count,
  sumMs: v.number(),
});

/** Something went wrong that somebody may want to look at. Never a position, never a token. */
export const RecentErrorSchema = v.object({
  at: TimeMs,
  /** `user` for a user's object, else the name of the part, as `history r2`. */
  source: v.string(),
  user: v.optional(Id),
  code: v.string(),
  count: Count,
});

/** A place of about 20 km by 40 km with at least `MAP_USERS_MIN` active people in it; others are in no answer. */
export const CellCountSchema = v.object({
  /** Geohash. */
  cell: v.string(),
  users: Count,
});

export const SinkStatsSchema = v.object({
  name: v.string(),
  /** Messages stored and failed (which come again). */
  stored: Count,
  failed: Count,
  /** Age of the oldest message of the last batch when it was stored, ms; null when none was in the last minutes. */
  lagMs: v.nullable(v.number()),
});

/** `GET /v1/admin/stats`. Gauges are as each person's object said last: at most one interval (10 minutes) old. */
export const StatsSchema = v.object({
  /** Of this answer, ms. */
  at: TimeMs,
  /** When the youngest shard of the monitor began to count, ms: `counters` of before are gone. */
  since: TimeMs,
  shards: v.object({ asked: Count, answered: Count }),
  users: v.object({ present: Count, active: Count, sharing: Count }),
  connections: Count,
  contacts: v.object({ near: Count, far: Count, unknown: Count }),
  counters: CountersSchema,
  /** Error frames that clients got, by code of the protocol. */
  errors: v.record(v.string(), Count),
  latency: v.object({
    /** From the call to a friend's object to its answer. */
    meeting: HistogramSchema,
    /** From `ts` of a friend's new position, by the clock of its sender, until it was sent to a client. */
    delivery: HistogramSchema,
  }),
  history: v.object({
    /** Chunks in people's objects that the queue has not taken, and the age of the oldest one, ms. */
    waiting: Count,
    oldestMs: v.nullable(v.number()),
    sinks: v.array(SinkStatsSchema),
    /** Messages that were given up and put aside. */
    deadLetters: Count,
  }),
  /** Newest first, at most `RECENT_ERRORS_MAX`. */
  recentErrors: v.array(RecentErrorSchema),
  /** Most people first, at most `MAP_CELLS_MAX`. */
  cells: v.array(CellCountSchema),
  draining: v.object({
    /** People whose sockets are still to be closed. */
    left: Count,
    /** ms; null while nothing is drained. */
    until: v.nullable(TimeMs),
  }),
});

/** `GET /v1/admin/users/{id}`. */
export const UserDetailsSchema = v.object({
  user: Id,
  active: v.boolean(),
  /** Until when without another position, ms; null while not active. */
  activeUntil: v.nullable(TimeMs),
  sharing: v.boolean(),
  connections: v.array(
    v.object({
      /** Null for a client that gave none. */
      device: v.nullable(Id),
      lastHeardAt: TimeMs,
      tokenUntil: TimeMs,
    }),
  ),
  /** Phone apps with a password of their own. */
  phones: Count,
  friends: Count,
  contacts: v.object({ near: Count, far: Count, unknown: Count }),
  deadlines: v.object({
    /** Each ms, or null for none. */
    alarmAt: v.nullable(TimeMs),
    outboxAt: v.nullable(TimeMs),
    /** Since when points wait that are in no chunk yet. */
    unsavedSince: v.nullable(TimeMs),
  }),
  queue: v.object({
    /** Chunks that the queue has not taken; the first 100 are counted. */
    waiting: Count,
    oldestAt: v.nullable(TimeMs),
  }),
  /** What the object was billed for since it woke (src/observe/meter.ts). */
  meter: v.record(v.string(), Count),
  /** What it has counted since its last report to the monitor (src/observe/tally.ts), error frames as `error.CODE`. */
  unfed: v.record(v.string(), Count),
});

/** `POST /v1/admin/users/{id}/disconnect`: without a device all of them. */
export const DisconnectSchema = v.strictObject({ device: v.exactOptional(v.string()) });
export const DisconnectedSchema = v.object({ closed: Count });

/** `POST /v1/admin/drain`. */
export const DrainSchema = v.strictObject({
  windowS: v.exactOptional(v.pipe(v.number(), v.minValue(0), v.maxValue(DRAIN_WINDOW_MAX_S)), DRAIN_WINDOW_S),
});

/** Answer of `POST /v1/admin/drain`: `windowS` is longer than asked when there are more people than it has room for. */
export const DrainingSchema = v.object({ users: Count, windowS: v.number(), until: TimeMs });

export type Histogram = v.InferOutput<typeof HistogramSchema>;
export type RecentError = v.InferOutput<typeof RecentErrorSchema>;
export type CellCount = v.InferOutput<typeof CellCountSchema>;
export type SinkStats = v.InferOutput<typeof SinkStatsSchema>;
export type Stats = v.InferOutput<typeof StatsSchema>;
export type UserDetails = v.InferOutput<typeof UserDetailsSchema>;
export type Disconnected = v.InferOutput<typeof DisconnectedSchema>;
export type Draining = v.InferOutput<typeof DrainingSchema>;

/**
 * Events of `GET /v1/admin/events` (text/event-stream): the name of the event, and the JSON of its `data`. One `stats`
 * right away and then every `EVENT_EVERY_MS`; nothing else is sent. Read it with fetch: EventSource cannot send a token.
 */
export interface AdminEvents {
  stats: Stats;
}
