/**
 * What the bill of a classic design is made from: prices of rented machines and of traffic, and what a machine carries.
 * Each of them is an option of `npm run cost`.
 */

export interface Input {
  /** Of the command line, without its dashes. */
  readonly option: string;
  readonly fallback: number;
  /** Of what is divided by; by default 0. */
  readonly min?: number;
  readonly max: number;
  /** With the unit. */
  readonly what: string;
  /** Where the figure is published; or what it is assumed from. */
  readonly source: string;
  /** The month of a price list, `YYYY-MM`; of what is no price, null. */
  readonly asOf: string | null;
}

/** On-demand prices of us-east-1, as a project generates them from the vendor's price API. */
const MACHINES = {
  max: 1_000,
  source:
    "https://github.com/aws/karpenter-provider-aws/blob/031e72b6099630e960dacb88b48a7e9bb780945f/pkg/providers/pricing/zz_generated.pricing_aws.go",
  asOf: "2026-01",
} as const;
const BALANCER = {
  max: 1_000,
  source: "https://awsnegotiations.com/elastic-load-balancer-cost.html",
  asOf: "2026-05",
} as const;
const TRAFFIC = {
  max: 1_000,
  source: "https://leanopstech.com/blog/aws-data-transfer-pricing-2026/",
  asOf: "2026-04",
} as const;
/** Notes on "System Design Interview", volume 2, chapter 2, whose case this is. */
const TEXTBOOK = { source: "https://raymondjones.dev/en/system-design-notes/2-nearby-friends", asOf: null } as const;

const MANY = 1_000_000_000;

export const INPUTS = {
  serverUsd: {
    option: "server-usd",
    fallback: 0.0725,
    what: "USD an hour of a WebSocket server, c7g.large",
    ...MACHINES,
  },
  serverCores: {
    option: "server-cores",
    fallback: 2,
    min: 1,
    max: 1_024,
    what: "cores of it",
    source: "c7g.large: 2 vCPU, 4 GiB",
    asOf: null,
  },
  coreDeliveries: {
    option: "core-deliveries",
    // 8.1 µs a delivery: the median of 5 rounds with 400 people on two cores, from 7.7 to 8.5.
    fallback: 123_000,
    min: 1,
    max: MANY,
    what: "deliveries/s of a core to friends' sockets, by CPU time, without TLS",
    source: "`npm run bench -- --workload standard --targets classic` (a million / `cpuPerDeliveryUs`)",
    asOf: null,
  },
  serverConnections: {
    option: "server-connections",
    fallback: 25_000,
    min: 1,
    max: MANY,
    what: "connections of a server",
    source: "assumed: 4 GiB, and up to 160 KiB for a connection with TLS, its user's friends and its subscriptions",
    asOf: null,
  },
  redisUsd: { option: "redis-usd", fallback: 0.1071, what: "USD an hour of a Redis server, r7g.large", ...MACHINES },
  redisPushes: {
    option: "redis-pushes",
    fallback: 100_000,
    min: 1,
    max: MANY,
    what: "pushes/s to subscribers, or commands/s, of a Redis server",
    ...TEXTBOOK,
  },
  redisGb: {
    option: "redis-gb",
    fallback: 12,
    min: 1,
    max: MANY,
    what: "GB that it holds",
    source: "r7g.large: 16 GiB, a quarter of it kept free",
    asOf: null,
  },
  subscriptionBytes: {
    option: "subscription-bytes",
    fallback: 20,
    max: MANY,
    what: "bytes of a subscription to a friend's channel",
    ...TEXTBOOK,
  },
  nodeUsd: { option: "node-usd", fallback: 0.172, what: "USD an hour of a database node, i4i.large", ...MACHINES },
  nodeWrites: {
    option: "node-writes",
    fallback: 1_750,
    min: 1,
    max: MANY,
    what: "rows/s that a node of Cassandra takes, with three copies of each",
    source:
      "http://techblog.netflix.com/2014/07/revisiting-1-million-writes-per-second.html (285 nodes with four cores, three copies)",
    asOf: null,
  },
  nodeGb: {
    option: "node-gb",
    fallback: 234,
    min: 1,
    max: MANY,
    what: "GB that a node holds",
    source: "i4i.large: 468 GB, a half of it kept free for compaction",
    asOf: null,
  },
  pointBytes: {
    option: "point-bytes",
    fallback: 50,
    max: MANY,
    what: "bytes of a position in Cassandra, compressed",
    source: "assumed",
    asOf: null,
  },
  etcdUsd: { option: "etcd-usd", fallback: 0.0363, what: "USD an hour of a node of etcd, c7g.medium", ...MACHINES },
  balancerUsd: {
    option: "balancer-usd",
    fallback: 0.0225,
    what: "USD an hour of a network load balancer",
    ...BALANCER,
  },
  balancerUnitUsd: {
    option: "balancer-unit-usd",
    fallback: 0.006,
    what: "USD an hour of its capacity unit: 1 GB an hour, 100,000 connections, 800 new ones a second",
    ...BALANCER,
  },
  zoneUsd: { option: "zone-usd", fallback: 0.01, what: "USD per GB and end between two zones", ...TRAFFIC },
} as const satisfies Record<string, Input>;

/** Values of the inputs: defaults, or options. */
export type ClassicInputs = Readonly<Record<keyof typeof INPUTS, number>> & {
  /** USD per GB to the internet, whatever the volume; null: by `EGRESS_TIERS`. */
  readonly egressUsd: number | null;
  /** Of what the machines could carry, the share that they carry on average over the month. */
  readonly utilisation: number;
};

export interface Tier {
  /** GB of a month that cost `usd` each, after those of the tiers before. */
  readonly gb: number;
  readonly usd: number;
}

/** To the internet, us-east-1; source and month as for traffic between zones. */
export const EGRESS_TIERS: readonly Tier[] = [
  { gb: 100, usd: 0 },
  { gb: 10_240, usd: 0.09 },
  { gb: 40_960, usd: 0.085 },
  { gb: 102_400, usd: 0.07 },
  { gb: Number.POSITIVE_INFINITY, usd: 0.05 },
];

/** USD of so many GB. */
export function egressUsdOf(gb: number, flatUsd: number | null): number {
  if (flatUsd !== null) return gb * flatUsd;
  let left = gb;
  let usd = 0;
  for (const tier of EGRESS_TIERS) {
    const inTier = Math.min(left, tier.gb);
    usd += inTier * tier.usd;
    left -= inTier;
  }
  return usd;
}
