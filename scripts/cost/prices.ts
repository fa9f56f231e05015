/** The price list: public prices of the paid plan, without its monthly fee and without what that includes. */

export interface Price {
  readonly usd: number;
  /** What `usd` buys: so many of `unit`. */
  readonly per: number;
  readonly unit: string;
  readonly source: string;
  /** The month of the list, `YYYY-MM`. */
  readonly asOf: string;
}

const MILLION = 1_000_000;
const AS_OF = "2026-11";
const OBJECTS = {
  source: "https://developers.cloudflare.com/durable-objects/platform/pricing/",
  asOf: AS_OF,
} as const;
const WORKERS = { source: "https://developers.cloudflare.com/workers/platform/pricing/", asOf: AS_OF } as const;
const QUEUES = { source: "https://developers.cloudflare.com/queues/platform/pricing/", asOf: AS_OF } as const;
const R2 = { source: "https://developers.cloudflare.com/r2/pricing/", asOf: AS_OF } as const;

const REDIS = { source: "https://upstash.com/pricing/redis", asOf: AS_OF } as const;

export const PRICES = {
  objectRequest: { usd: 0.15, per: MILLION, unit: "HTTP requests, calls on a stub and alarm runs", ...OBJECTS },
  /** 20 of them count as one request. What is sent to clients, and `ping` with its automatic answer, is free. */
  messageIn: { usd: 0.15, per: 20 * MILLION, unit: "incoming WebSocket messages", ...OBJECTS },
  /** While it runs, or waits and cannot hibernate. An object that is idle and could hibernate is free at once. */
  duration: { usd: 12.5, per: MILLION, unit: "GB-s of an object, at 128 MB each", ...OBJECTS },
  /** An index entry and `setAlarm` are a row each. */
  rowWritten: { usd: 1, per: MILLION, unit: "rows written", ...OBJECTS },
  rowRead: { usd: 0.001, per: MILLION, unit: "rows read", ...OBJECTS },
  objectStorage: { usd: 0.2, per: 1, unit: "GB-months in objects", ...OBJECTS },
  /** A socket bills its upgrade only. */
  workerRequest: { usd: 0.3, per: MILLION, unit: "Worker requests", ...WORKERS },
  workerCpu: { usd: 0.02, per: MILLION, unit: "ms of a Worker's CPU", ...WORKERS },
  logLine: { usd: 0.6, per: MILLION, unit: "log lines", ...WORKERS },
  /** A message of up to 64 KB is three: written, read, deleted. */
  queueOperation: { usd: 0.4, per: MILLION, unit: "queue operations", ...QUEUES },
  objectStored: { usd: 4.5, per: MILLION, unit: "writes of an R2 object", ...R2 },
  /** As many keys as one takes. Pay as you go; a plan with a fixed price would be another sum. */
  redisCommand: { usd: 2, per: MILLION, unit: "Redis commands", ...REDIS },
  storage: { usd: 0.015, per: 1, unit: "GB-months in R2", ...R2 },
} as const satisfies Record<string, Price>;

export type Meter = keyof typeof PRICES;

/** What so many units of a meter cost, USD. */
export function priceOf(meter: Meter, quantity: number): number {
  const { usd, per } = PRICES[meter];
  return (quantity / per) * usd;
}

/** Every object is billed for this much memory, whatever it uses. */
export const OBJECT_GB = 0.128;
export const QUEUE_OPERATIONS_PER_MESSAGE = 3;
