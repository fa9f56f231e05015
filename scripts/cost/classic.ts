/**
 * The same workload on WebSocket servers around Redis pub/sub, rented by the hour: how many machines it takes, and what
 * they and their traffic cost a month. One channel per user; a server subscribes once to each channel that anybody on it
 * wants, and measures the distance.
 */
import { round } from "../bench/figures.ts";
import { type ClassicInputs, egressUsdOf } from "./classic-inputs.ts";
import { BYTES_PER_GB } from "./usage.ts";
import { DAYS_PER_MONTH, MONTH_S, SECONDS_PER_DAY, type Workload } from "./workload.ts";

const HOURS_PER_MONTH = DAYS_PER_MONTH * 24;

/** Fewer machines than these and the end of one is the end of the service. */
export const MACHINES_MIN = {
  servers: 2,
  pubsub: 2,
  /** A primary and its replica. */
  cache: 2,
  database: 2,
  /** As many as there are copies. */
  history: 3,
  /** A majority that survives the end of one. */
  etcd: 3,
} as const;

export type Machine = keyof typeof MACHINES_MIN;

/** Lines of the table, in its order. */
export const CLASSIC_COMPONENTS = [
  ["servers", "WebSocket servers"],
  ["pubsub", "Redis servers for a channel per user"],
  ["cache", "Redis servers for the latest positions, two copies"],
  ["database", "nodes with users and friendships, two copies"],
  ["history", "nodes of Cassandra, a month of positions, three copies"],
  ["etcd", "nodes of etcd, which hold the hash ring"],
  ["balancer", "a network load balancer and its capacity units"],
  ["zones", "traffic between zones, from Redis to the servers"],
  ["egress", "traffic to the phones"],
] as const;

export type ClassicComponent = (typeof CLASSIC_COMPONENTS)[number][0];

/** A `friend` frame without name, with a user id of 36 characters (`test/unit/cost-classic.test.ts`). */
export const FRAME_BYTES = 163;
/** A `location` frame. */
export const POSITION_BYTES = 86;
/** The frame, the channel's name and what the protocol of Redis adds. */
export const PUSH_BYTES = 231;
/** Headers of IP and TCP with timestamps (52), a record of TLS 1.3 (22), the head of a frame (4). */
const WIRE_BYTES = 78;
/** With the servers spread over three zones, two of three pushes leave theirs; both ends are billed. */
const OTHER_ZONE_SHARE = 2 / 3;
const ZONE_ENDS = 2;

/** The textbook's latest position of a user, with its key. */
const CACHED_BYTES = 100;
const CACHE_COPIES = 2;
/** Assumed: an entry of a friend list, with its index. */
const FRIEND_BYTES = 100;
const DATABASE_COPIES = 2;
const HISTORY_COPIES = 3;

/** What a capacity unit of the load balancer is. */
const UNIT = { gbPerHour: 1, connections: 100_000, newPerS: 800 } as const;

export interface ClassicDesign {
  readonly machines: Readonly<Record<Machine, number>>;
  /** Per second: deliveries to servers, and of them what Redis pushes. */
  readonly deliveriesPerS: number;
  readonly pushesPerS: number;
  /** GB a month to the phones. */
  readonly egressGb: number;
  /** USD a month. */
  readonly usd: Readonly<Record<ClassicComponent, number>>;
  readonly totalUsd: number;
}

/** @param serverDeliveriesPerS of one server, all its cores together */
export function classicOf(workload: Workload, inputs: ClassicInputs, serverDeliveriesPerS: number): ClassicDesign {
  const { online, near, active, positionsPerDay } = workload;
  const positionsPerS = (online * positionsPerDay) / SECONDS_PER_DAY;
  const deliveriesPerS = positionsPerS * active;
  const servers = machines("servers", {
    carried: [deliveriesPerS / serverDeliveriesPerS, online / inputs.serverConnections],
    utilisation: inputs.utilisation,
  });
  const pushesPerS = positionsPerS * Math.min(active, servers);
  const counts = { servers, ...storesOf(workload, inputs, { positionsPerS, pushesPerS }) };
  const downGb = gbPerMonth(positionsPerS * near * (FRAME_BYTES + WIRE_BYTES));
  const upGb = gbPerMonth(positionsPerS * (POSITION_BYTES + WIRE_BYTES));
  const usd = {
    servers: hourly(counts.servers, inputs.serverUsd),
    pubsub: hourly(counts.pubsub, inputs.redisUsd),
    cache: hourly(counts.cache, inputs.redisUsd),
    database: hourly(counts.database, inputs.nodeUsd),
    history: hourly(counts.history, inputs.nodeUsd),
    etcd: hourly(counts.etcd, inputs.etcdUsd),
    balancer:
      hourly(1, inputs.balancerUsd) +
      hourly(balancerUnits(workload, (downGb + upGb) / HOURS_PER_MONTH), inputs.balancerUnitUsd),
    zones: gbPerMonth(pushesPerS * PUSH_BYTES) * OTHER_ZONE_SHARE * ZONE_ENDS * inputs.zoneUsd,
    egress: egressUsdOf(downGb, inputs.egressUsd),
  };
  return {
    machines: counts,
    deliveriesPerS: round(deliveriesPerS, 1),
    pushesPerS: round(pushesPerS, 1),
    egressGb: round(downGb, 1),
    usd,
    totalUsd: round(
      Object.values(usd).reduce((sum, one) => sum + one, 0),
      6,
    ),
  };
}

/** Redis, the databases and etcd. */
function storesOf(
  { online, users, friends, positionsPerDay, sessionsPerDay, history }: Workload,
  inputs: ClassicInputs,
  { positionsPerS, pushesPerS }: { readonly positionsPerS: number; readonly pushesPerS: number },
): Omit<Record<Machine, number>, "servers"> {
  const { redisPushes, redisGb, nodeGb, utilisation } = inputs;
  // Each position is set, and whoever connects asks for those of all friends.
  const cachePerS = positionsPerS + (users * sessionsPerDay * friends) / SECONDS_PER_DAY;
  const keptGb = (online * positionsPerDay * DAYS_PER_MONTH * inputs.pointBytes * HISTORY_COPIES) / BYTES_PER_GB;
  const cache = machines("cache", {
    carried: [(cachePerS * CACHE_COPIES) / redisPushes],
    held: [(online * CACHED_BYTES * CACHE_COPIES) / BYTES_PER_GB / redisGb],
    utilisation,
  });
  return {
    pubsub: machines("pubsub", {
      carried: [pushesPerS / redisPushes],
      held: [(online * friends * inputs.subscriptionBytes) / BYTES_PER_GB / redisGb],
      utilisation,
    }),
    cache,
    database: machines("database", {
      carried: [],
      held: [(users * friends * FRIEND_BYTES * DATABASE_COPIES) / BYTES_PER_GB / nodeGb],
      utilisation,
    }),
    history: history
      ? machines("history", { carried: [positionsPerS / inputs.nodeWrites], held: [keptGb / nodeGb], utilisation })
      : 0,
    etcd: MACHINES_MIN.etcd,
  };
}

/** Machines for the largest of several needs, each in machines: load leaves room for peaks, what is stored does not. */
function machines(
  machine: Machine,
  needs: { readonly carried: readonly number[]; readonly held?: readonly number[]; readonly utilisation: number },
): number {
  const loads = needs.carried.map((need) => need / needs.utilisation);
  return Math.max(MACHINES_MIN[machine], ...[...loads, ...(needs.held ?? [])].map((need) => Math.ceil(need)));
}

function balancerUnits({ online, users, sessionsPerDay }: Workload, gbPerHour: number): number {
  const newPerS = (users * sessionsPerDay) / SECONDS_PER_DAY;
  return Math.max(gbPerHour / UNIT.gbPerHour, online / UNIT.connections, newPerS / UNIT.newPerS);
}

function hourly(count: number, usdAnHour: number): number {
  return count * usdAnHour * HOURS_PER_MONTH;
}

function gbPerMonth(bytesPerS: number): number {
  return (bytesPerS * MONTH_S) / BYTES_PER_GB;
}
