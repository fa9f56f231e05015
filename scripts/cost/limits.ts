/** The workload a second, beside the limits that the platform documents. */
import { CONNECTIONS_PER_USER_MAX, FRIENDS_MAX, SHARE_VIEWERS_MAX, SHARES_MAX } from "../../src/protocol/limits.ts";
import { SETTINGS } from "../../src/settings-list.ts";
import { MEMBERS_MAX } from "../../src/strangers/shards.ts";
import { round } from "../bench/figures.ts";
import { cellsOf, type Usage } from "./usage.ts";
import {
  ALARMS_PER_DAY,
  DAYS_PER_MONTH,
  MESSAGES_PER_S_OF_A_QUEUE,
  MONTH_S,
  queuesOf,
  SECONDS_PER_DAY,
  type Workload,
} from "./workload.ts";

/** A drain closes so many sockets a second in each shard of the monitor (docs/operations.md). */
export const DRAINED_PER_S_OF_A_SHARD = 500;
const MONITOR_SHARDS = Number(SETTINGS.find(({ name }) => name === "MONITOR_SHARDS")?.default);
/** When somebody connects, becomes active and goes. */
const REPORTS_PER_SESSION = 3;
/** The first two of them: an object that was reset does not know that it has told. */
const REPORTS_PER_RETURN = 2;

/** About as many as there are. */
const PEOPLE_MAX = 10_000_000_000;

export interface Rates {
  readonly positionsPerS: number;
  /** Between objects, for whatever reason. */
  readonly callsPerS: number;
  /** HTTP, calls, alarms, and messages of sockets as they arrive: what runs in objects. */
  readonly eventsPerS: number;
  readonly rowsWrittenPerS: number;
  readonly queueMessagesPerS: number;
  readonly queues: number;
  readonly bucketWritesPerS: number;
  readonly upgradesPerS: number;
  /** To the monitor, as many points of Analytics Engine. */
  readonly reportsPerS: number;
  /** One per account, and the cells that are held. */
  readonly objects: number;
}

/** Everybody comes back, as after a deployment that was drained first. */
export interface Storm {
  readonly windowS: number;
  readonly upgradesPerS: number;
  /** Everybody meets all friends again; with an index those who are active. */
  readonly callsPerS: number;
  readonly calls: number;
}

export interface Limit {
  readonly what: string;
  /** As much as the workload needs of it, by default settings. */
  readonly needs: number;
  readonly limit: number;
  /** Whether it grows with the people: then there is a number of them at which it binds. */
  readonly grows: boolean;
  /** How it is moved. */
  readonly way: string;
  readonly source: string;
}

export interface LimitsReport {
  readonly rates: Rates;
  readonly storm: Storm;
  /** The one that binds first comes first. */
  readonly limits: readonly (Limit & { readonly share: number; readonly bindsAtOnline: number | null })[];
}

export function limitsOf(workload: Workload, usage: Usage): LimitsReport {
  const rates = ratesOf(workload, usage);
  const storm = stormOf(workload);
  const limits = tableOf(workload, { rates, storm, logLinesPerDay: usage.logLines / DAYS_PER_MONTH }).map((limit) => ({
    ...limit,
    share: round(limit.needs / limit.limit, 6),
    bindsAtOnline: bindsAt(limit, workload.online),
  }));
  return { rates, storm, limits: limits.toSorted((a, b) => b.share - a.share) };
}

/** So many people connected need all of it; null: it does not depend on them, or there are not so many. */
function bindsAt({ needs, limit, grows }: Limit, online: number): number | null {
  const people = (online * limit) / needs;
  return grows && people <= PEOPLE_MAX ? Math.floor(people) : null;
}

function perS(ofMonth: number): number {
  return round(ofMonth / MONTH_S, 3);
}

function ratesOf(workload: Workload, usage: Usage): Rates {
  const { users, online, sessionsPerDay } = workload;
  const calls = usage.calls + usage.wakingCalls + usage.strangerCalls;
  return {
    positionsPerS: perS(usage.messagesIn),
    callsPerS: perS(calls),
    eventsPerS: perS(usage.messagesIn + calls + usage.alarmRuns + usage.connects),
    rowsWrittenPerS: perS(usage.rowsWritten + usage.alarmsSet),
    queueMessagesPerS: perS(usage.queueMessages),
    queues: queuesOf(usage.queueMessages),
    bucketWritesPerS: perS(usage.batches),
    upgradesPerS: perS(usage.connects),
    reportsPerS: round((online * ALARMS_PER_DAY + users * sessionsPerDay * REPORTS_PER_SESSION) / SECONDS_PER_DAY, 3),
    objects: users + cellsOf(workload),
  };
}

/** Over as long as a drain takes. */
function stormOf({ online, friends, active, index }: Workload): Storm {
  const windowS = Math.max(1, Math.ceil(online / (MONITOR_SHARDS * DRAINED_PER_S_OF_A_SHARD)));
  const calls = online * (index ? active : friends);
  return { windowS, upgradesPerS: round(online / windowS, 1), callsPerS: round(calls / windowS, 1), calls };
}

const OBJECTS = "https://developers.cloudflare.com/durable-objects/platform/limits/";
const OBJECT_RATE = "https://developers.cloudflare.com/durable-objects/reference/faq/";
const WORKERS = "https://developers.cloudflare.com/workers/platform/limits/";
const QUEUES = "https://developers.cloudflare.com/queues/platform/limits/";

/** An object has one thread; the documentation calls it a soft limit. */
const REQUESTS_PER_S_OF_AN_OBJECT = 1_000;
const CALLS_OF_AN_INVOCATION = 10_000;
const SOCKETS_OF_AN_OBJECT = 32_768;
const CLASSES = 500;
const OWN_CLASSES = 4;
const QUEUES_OF_AN_ACCOUNT = 10_000;
const LOG_LINES_PER_DAY = 5_000_000_000;

interface Needs {
  readonly rates: Rates;
  readonly storm: Storm;
  readonly logLinesPerDay: number;
}

function tableOf(workload: Workload, needs: Needs): Limit[] {
  return [...ofOneObject(workload, needs), ...ofTheAccount(needs)];
}

function ofOneObject({ online, positionsPerDay, strangersShare }: Workload, { rates, storm }: Needs): Limit[] {
  const positionsPerS = positionsPerDay / SECONDS_PER_DAY;
  const stormPerShard = (rates.reportsPerS + (online / storm.windowS) * REPORTS_PER_RETURN) / MONITOR_SHARDS;
  const requestsPerS = { limit: REQUESTS_PER_S_OF_AN_OBJECT, grows: false, source: OBJECT_RATE } as const;
  return [
    {
      ...requestsPerS,
      what: "requests/s of a shard of the monitor",
      needs: round(rates.reportsPerS / MONITOR_SHARDS, 3),
      grows: true,
      way: "MONITOR_SHARDS",
    },
    {
      // The more people, the longer a drain takes: only the reports grow.
      ...requestsPerS,
      what: "the same, while everybody comes back",
      needs: round(stormPerShard, 3),
      // More shards drain faster, so they have as much to do each.
      way: "a longer window of the drain",
    },
    {
      ...requestsPerS,
      what: `requests/s of a user, ${FRIENDS_MAX} friends near`,
      needs: round(positionsPerS * (FRIENDS_MAX + 1), 3),
      way: "fewer friends a user, economy",
    },
    {
      ...requestsPerS,
      what: `requests/s of a cell, ${MEMBERS_MAX} strangers`,
      needs: strangersShare === 0 ? 0 : round(positionsPerS * MEMBERS_MAX, 3),
      way: "a cell splits by itself",
    },
    {
      what: "calls of one invocation, at a wake",
      needs: FRIENDS_MAX,
      limit: CALLS_OF_AN_INVOCATION,
      grows: false,
      way: "limits.subrequests",
      source: WORKERS,
    },
    {
      what: "hibernatable sockets of an object",
      needs: CONNECTIONS_PER_USER_MAX + SHARES_MAX * SHARE_VIEWERS_MAX,
      limit: SOCKETS_OF_AN_OBJECT,
      grows: false,
      way: "none needed",
      source: "https://developers.cloudflare.com/durable-objects/api/state/",
    },
  ];
}

function ofTheAccount({ rates, logLinesPerDay }: Needs): Limit[] {
  return [
    {
      what: "messages/s of one queue",
      needs: rates.queueMessagesPerS,
      limit: MESSAGES_PER_S_OF_A_QUEUE,
      grows: true,
      way: `HISTORY_QUEUES = ${rates.queues}`,
      source: QUEUES,
    },
    {
      what: "queues of an account",
      needs: rates.queues,
      limit: QUEUES_OF_AN_ACCOUNT,
      grows: true,
      way: "ask",
      source: QUEUES,
    },
    {
      what: "lines of Workers Logs a day",
      needs: round(logLinesPerDay, 0),
      limit: LOG_LINES_PER_DAY,
      grows: true,
      way: "invocation_logs = false",
      source: "https://developers.cloudflare.com/workers/observability/logs/workers-logs/",
    },
    {
      what: "classes of objects",
      needs: OWN_CLASSES,
      limit: CLASSES,
      grows: false,
      way: "none needed",
      source: OBJECTS,
    },
  ];
}
