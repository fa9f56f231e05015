/** What the model takes from measurements, each with what produced it, and what it has to assume. */
import { CHUNK_SPAN_MAX_MS } from "../../src/history/cut.ts";

const DAY_MS = 24 * 60 * 60_000;

export interface Fanout {
  /** Averages per position, as `npm run fanout` defines them. */
  readonly active: number;
  readonly near: number;
  readonly meetings: number;
}

/**
 * Taxis of San Francisco over 24 hours, 40 friends each:
 * `npm run fanout -- --tracks ../shared/data/tracks/cabspotting_sf_24h.csv.gz --friends 40 --mode exact --json`, and with
 * `economy`; the fields `activePerUpdate`, `nearbyPerUpdate` and `meetingsPerUpdate`.
 */
export const TAXIS = {
  exact: { active: 32.499, near: 22.931, meetings: 23.586 },
  economy: { active: 32.499, near: 22.931, meetings: 9.123 },
} as const satisfies Record<string, Fanout>;

/** Meetings per position and far friend: mode `exact` meets each near friend once, and the rest are far ones who left their circle. */
export function farShare({ active, near, meetings }: Fanout): number {
  return Math.max(0, meetings - near) / (active - near);
}

/** Meetings per position and near friend in mode `economy`, whose far friends are silent as long as in `exact`. */
export function nearShare({ active, near, meetings }: Fanout, far: number): number {
  return Math.max(0, meetings - far * (active - near)) / near;
}

/**
 * Time of an object, at both ends of one call together, with the frame that follows: the CPU time of the whole server per
 * delivery in `npm run bench` (field `cpuPerDeliveryUs` of the real server, median of 3 rounds), rounded.
 */
export const RUN_MS_PER_CALL = 0.1;

/**
 * Rows that an alarm and the start of a session read, and the rows that its end writes: the meter of an object in the
 * Workers runtime, with 10, 20 and 40 friends; and what a chunk writes (`test/objects/cost.test.ts`) and reads.
 */
export const ROWS = {
  /** Looks for words that were not delivered and for former friends whose entry is old enough to go. */
  readByAlarm: 4,
  /** The list of the friends to be met, then each of them. */
  readBySession: (friends: number) => 2 * friends + 3,
  /** The state goes to a row when the last socket closes; the row is removed when the user is inactive. */
  writtenBySession: 2,
  /** The row of a chunk: once when it is inserted, once when it is removed after 90 days. */
  writtenByChunk: 2,
  /** A phone may send a point twice: it is looked for in all chunks that began in the time that a chunk may span. */
  readByChunk: (chunksPerDay: number) => (chunksPerDay * CHUNK_SPAN_MAX_MS) / DAY_MS,
} as const;

/**
 * Bytes of a point in Parquet, in a batch of 100 chunks of 20 points with user ids of 36 characters: docs/history.md, whose
 * table is checked by `test/unit/history-parquet.test.ts`.
 */
export const PARQUET_BYTES_PER_POINT = 19.4;

/**
 * Bytes that an object's database takes, its indexes and the room left in its pages included: itself, an entry of the friend
 * list with an id of 36 characters and a name, and a chunk of 20 points like those of taxis, rounded up (`test/objects/cost.test.ts`).
 */
export const BYTES = { object: 80_000, friend: 160, chunk: 280 } as const;

/** When the token ends, then when activity ends, which is earlier. */
export const ALARMS_SET_PER_SESSION = 2;

/**
 * Assumed: from a position until the last friend has answered, while the object waits and is billed. With friends on
 * another continent a round trip; within one region it is a tenth of it.
 */
export const ANSWER_MS = 300;

/** Assumed: the same when all friends' objects are in the region of the own one. */
export const ANSWER_LOCAL_MS = 30;

/**
 * Calls to cells for a position of somebody who lets strangers see them: a city, `npm run bench -- --strangers`
 * (`city.callsMean`).
 */
export const STRANGER_CALLS_PER_POSITION = 3.03;

/**
 * One that enters the user and one that asks for up to 1,000 friends: `npm run bench -- --activation`, and for a renewal
 * `test/presence/`.
 */
export const REDIS_COMMANDS_PER_QUESTION = 2;

/** An entry lasts for 25 minutes (2.5 x `INACTIVE_AFTER_S`), and is 5 old on average when its user becomes inactive. */
export const ENTRY_LINGERS_S = 20 * 60;

/** Assumed: a request to Redis in the same region, while which the object waits and is billed. */
export const INDEX_ANSWER_MS = 20;

/** Assumed: checking the token at the upgrade. */
export const WORKER_CPU_MS_PER_CONNECT = 2;

/**
 * Of the consumer, for a batch of 2,000 points. Assumed: `npm run bench -- --history` fails when encoding them takes longer,
 * and reading the messages is the smaller part.
 */
export const WORKER_CPU_MS_PER_BATCH = 10;
