/** What people do, and how many calls that makes. */
import { CHUNK_AGE_MAX_MS, CHUNK_POINTS_MAX } from "../../src/history/cut.ts";
import { SETTINGS } from "../../src/settings-list.ts";
import { ANSWER_LOCAL_MS, ANSWER_MS, farShare, nearShare, TAXIS } from "./measured.ts";

export const MODES = ["exact", "economy", "naive"] as const;
export type Mode = (typeof MODES)[number];

export interface Workload {
  readonly mode: Mode;
  /** People with an account. */
  readonly users: number;
  /** People connected and active at once, on average over the day. */
  readonly online: number;
  /** Of one person. */
  readonly friends: number;
  /** Of them active while the person is; of these, within the radius. */
  readonly active: number;
  readonly near: number;
  /** Of somebody who is connected all day. */
  readonly positionsPerDay: number;
  /** Of one user: connects, becomes active, leaves. */
  readonly sessionsPerDay: number;
  /** Calls to active friends per position. */
  readonly meetings: number;
  /** Calls that found a friend inactive per position, as measured; null: everybody is asked at the start of a session. */
  readonly wakingPerPosition: number | null;
  readonly answerMs: number;
  /** Whether positions are kept: in chunks, through a queue, as Parquet in R2. */
  readonly history: boolean;
  /** Whether an index tells who is active when somebody becomes it. */
  readonly index: boolean;
  /** Of the people connected, the share that lets strangers see them. */
  readonly strangersShare: number;
  /** Of all invocations, the share that leaves a line in Workers Logs. */
  readonly loggedShare: number;
}

export const DAYS_PER_MONTH = 30;
export const SECONDS_PER_DAY = 86_400;
export const MONTH_S = DAYS_PER_MONTH * SECONDS_PER_DAY;

const INACTIVE_AFTER_S = Number(SETTINGS.find(({ name }) => name === "INACTIVE_AFTER_S")?.default);

/** An object that is active sets its alarm once in the time after which it would be inactive, and the alarm runs. */
export const ALARMS_PER_DAY = SECONDS_PER_DAY / INACTIVE_AFTER_S;

/** A position has become part of a chunk after so long, however few there are. */
const CHUNKS_PER_DAY_MIN = (SECONDS_PER_DAY * 1000) / CHUNK_AGE_MAX_MS;

/** Chunks of somebody who is connected all day: one per 20 positions or ten minutes, whichever comes first. */
export function chunksPerDay(positionsPerDay: number): number {
  return Math.min(positionsPerDay, Math.max(positionsPerDay / CHUNK_POINTS_MAX, CHUNKS_PER_DAY_MIN));
}

/** What wrangler.toml asks for: a batch is delivered when it is full, or when it has waited so long. */
export const BATCH_MESSAGES_MAX = 100;
export const BATCH_WAIT_MAX_S = 30;

/** Vendor's limit: users are spread over as many queues as it takes (`HISTORY_QUEUES`). */
export const MESSAGES_PER_S_OF_A_QUEUE = 5_000;

/** Queues that take so many messages a month. */
export function queuesOf(messages: number): number {
  return Math.ceil(messages / MONTH_S / MESSAGES_PER_S_OF_A_QUEUE);
}

/** Batches of a month in which so many messages come in evenly. */
export function batchesOf(messages: number): number {
  const byTime = (queuesOf(messages) * MONTH_S) / BATCH_WAIT_MAX_S;
  return Math.min(messages, Math.max(messages / BATCH_MESSAGES_MAX, byTime));
}

/** With fewer, everybody is inactive between two positions and each one wakes all friends: not what is modelled here. */
export const POSITIONS_PER_DAY_MIN = Math.floor(ALARMS_PER_DAY) + 1;

/** Calls to active friends that a position makes, by the shares that the taxis had. */
export function meetingsOf(mode: Mode, { active, near }: { active: number; near: number }): number {
  const perFar = farShare(TAXIS.exact);
  switch (mode) {
    case "naive":
      return active;
    case "exact":
      return near + perFar * (active - near);
    case "economy":
      return nearShare(TAXIS.economy, perFar) * near + perFar * (active - near);
  }
}

/**
 * From a position until the last friend has answered, ms, when this share of the friends that are called has its object in
 * another region: all calls are out together, so one such friend is enough for the long wait.
 */
export function answerMsOf(remoteShare: number, calls: number): number {
  const isAnyRemote = 1 - (1 - remoteShare) ** calls;
  return ANSWER_LOCAL_MS + (ANSWER_MS - ANSWER_LOCAL_MS) * isAnyRemote;
}
