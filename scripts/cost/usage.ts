/** What a month is billed for, before prices. */
import { RECENT_MS } from "../../src/history/page.ts";
import { MEMBERS_MAX } from "../../src/strangers/shards.ts";
import {
  ALARMS_SET_PER_SESSION,
  BYTES,
  ENTRY_LINGERS_S,
  INDEX_ANSWER_MS,
  PARQUET_BYTES_PER_POINT,
  REDIS_COMMANDS_PER_QUESTION,
  ROWS,
  RUN_MS_PER_CALL,
  STRANGER_CALLS_PER_POSITION,
} from "./measured.ts";
import {
  ALARMS_PER_DAY,
  batchesOf,
  chunksPerDay,
  DAYS_PER_MONTH,
  MONTH_S,
  SECONDS_PER_DAY,
  type Workload,
} from "./workload.ts";

export const BYTES_PER_GB = 1e9;
/** Chunks of so many months are in the objects. */
const CHUNK_MONTHS = RECENT_MS / 1_000 / MONTH_S;

/** Counts of a month, of all users together. The first ones are those of the meter in each object (src/observe/meter.ts). */
export interface Usage {
  /** Positions: nothing else is sent up, except what the runtime answers for free. */
  readonly messagesIn: number;
  /** Because of a position. */
  readonly calls: number;
  /** Because somebody became active, and asks all friends, or inactive, and tells those who are near. */
  readonly wakingCalls: number;
  /** Because of a position of somebody whom strangers may see. */
  readonly strangerCalls: number;
  /** Seconds for which cells are billed: one with anybody in it has to keep its memory. */
  readonly cellS: number;
  readonly alarmsSet: number;
  readonly alarmRuns: number;
  readonly rowsWritten: number;
  readonly rowsRead: number;
  /** In objects, on average over the month. */
  readonly keptGB: number;
  readonly queueMessages: number;
  /** Of queue messages: a run of the consumer, and an object in R2, each. */
  readonly batches: number;
  /** What the month adds to R2, kept for a month. */
  readonly storedGB: number;
  /** To the index of active friends. */
  readonly redisCommands: number;
  readonly connects: number;
  /** Seconds for which objects are billed. */
  readonly objectS: number;
  readonly logLines: number;
}

/** This design, or the naive one: a call per active friend, and a row, an alarm and a queue message per position. */
export function usageOf(workload: Workload, design: "this" | "naive"): Usage {
  const { users, online, friends, active, near, positionsPerDay, sessionsPerDay, wakingPerPosition } = workload;
  const isNaive = design === "naive";
  const meetings = isNaive ? active : workload.meetings;
  const positions = online * positionsPerDay * DAYS_PER_MONTH;
  const sessions = users * sessionsPerDay * DAYS_PER_MONTH;
  const calls = positions * meetings;
  const index = workload.index && !isNaive ? indexOf(workload, sessions) : NO_INDEX;
  const everybody = wakingPerPosition === null ? sessions * friends : positions * wakingPerPosition;
  const asked = workload.index && !isNaive ? index.asked : everybody;
  const wakingCalls = asked + sessions * near;
  const regularAlarms = isNaive ? 0 : online * ALARMS_PER_DAY * DAYS_PER_MONTH;
  // The last alarm of a session finds that the user is inactive.
  const alarmRuns = regularAlarms + sessions;
  const strangerCalls = positions * workload.strangersShare * STRANGER_CALLS_PER_POSITION;
  const kept = workload.history && !isNaive ? historyOf(workload, { positions, sessions }) : NO_HISTORY;
  return {
    messagesIn: positions,
    calls,
    wakingCalls,
    strangerCalls,
    cellS: wholeMonthS(cellsOf(workload)),
    alarmsSet: (isNaive ? positions : regularAlarms) + sessions * ALARMS_SET_PER_SESSION,
    alarmRuns,
    rowsWritten: (isNaive ? positions : 0) + sessions * ROWS.writtenBySession + kept.chunks * ROWS.writtenByChunk,
    rowsRead: alarmRuns * ROWS.readByAlarm + sessions * ROWS.readBySession(friends) + kept.rowsRead + index.rowsRead,
    keptGB: (users * (BYTES.object + friends * BYTES.friend) + kept.chunks * CHUNK_MONTHS * BYTES.chunk) / BYTES_PER_GB,
    queueMessages: isNaive && workload.history ? positions : kept.chunks,
    batches: kept.batches,
    storedGB: kept.storedGB,
    redisCommands: index.questions * REDIS_COMMANDS_PER_QUESTION,
    connects: sessions,
    objectS: objectSeconds(workload, {
      meetings,
      positions,
      sessions,
      calls,
      wakingCalls,
      strangerCalls,
      alarmRuns,
      index,
    }),
    logLines:
      workload.loggedShare *
      // Both the Worker and the object log the upgrade.
      (positions + calls + wakingCalls + strangerCalls + alarmRuns + 2 * sessions + kept.batches),
  };
}

/** Cells with somebody in them, or shards of them: as few as can be, each as full as one gets. */
export function cellsOf({ online, strangersShare }: Workload): number {
  return Math.ceil((online * strangersShare) / MEMBERS_MAX);
}

interface Index {
  /** Of wakes and renewals. */
  readonly questions: number;
  /** Calls at the start of a session. */
  readonly asked: number;
  readonly rowsRead: number;
}

const NO_INDEX: Index = { questions: 0, asked: 0, rowsRead: 0 };

function indexOf({ online, friends, active, sessionsPerDay, wakingPerPosition }: Workload, sessions: number): Index {
  const questions = sessions + online * ALARMS_PER_DAY * DAYS_PER_MONTH;
  // Friends whose session has just ended are still listed, and are called.
  const lingering = Math.min(friends - active, friends * sessionsPerDay * (ENTRY_LINGERS_S / SECONDS_PER_DAY));
  // Measured calls at a wake are those to inactive friends; those to active ones are among the meetings.
  const listed = wakingPerPosition === null ? active : 0;
  return { questions, asked: sessions * (listed + lingering), rowsRead: questions * friends };
}

interface Kept {
  readonly chunks: number;
  readonly rowsRead: number;
  readonly batches: number;
  readonly storedGB: number;
}

const NO_HISTORY: Kept = { chunks: 0, rowsRead: 0, batches: 0, storedGB: 0 };

function historyOf(
  { online, positionsPerDay }: Workload,
  { positions, sessions }: { readonly positions: number; readonly sessions: number },
): Kept {
  const perDay = chunksPerDay(positionsPerDay);
  // What is left when somebody becomes inactive is a chunk of its own, but no chunk is empty.
  const chunks = Math.min(positions, online * perDay * DAYS_PER_MONTH + sessions);
  return {
    chunks,
    rowsRead: chunks * ROWS.readByChunk(perDay),
    batches: batchesOf(chunks),
    storedGB: (positions * PARQUET_BYTES_PER_POINT) / BYTES_PER_GB,
  };
}

/** An object is billed while it runs, and while it waits for answers; idle between two events it could hibernate, which is free. */
function objectSeconds(
  { online, answerMs }: Workload,
  counts: {
    readonly meetings: number;
    readonly positions: number;
    readonly sessions: number;
    readonly calls: number;
    readonly wakingCalls: number;
    readonly strangerCalls: number;
    readonly alarmRuns: number;
    readonly index: Index;
  },
): number {
  const { meetings, positions, sessions, calls, wakingCalls, strangerCalls, alarmRuns, index } = counts;
  // All calls of a position are out at once, so it waits once; with less than one call on average, so often at most.
  const waits = positions * Math.min(1, meetings) + sessions;
  const runs = positions + calls + wakingCalls + strangerCalls + alarmRuns;
  // Nothing is subtracted for friends' calls that run while the own ones are waited for.
  const totalMs = waits * answerMs + index.questions * INDEX_ANSWER_MS + runs * RUN_MS_PER_CALL;
  return Math.min(totalMs / 1000, wholeMonthS(online));
}

/** As many seconds as if the objects of everybody who is connected were billed all month. */
export function wholeMonthS(online: number): number {
  return online * MONTH_S;
}
