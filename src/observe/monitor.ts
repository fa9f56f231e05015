import { proxyDurable } from "itty-durable/proxy-durable.js";
import * as v from "valibot";

import {
  type DrainStart,
  DrainStartSchema,
  type Incident,
  type ShardView,
  ShardViewSchema,
  type SinkReport,
  type UserReport,
} from "./report.ts";

/** How long a shard may take to answer an operator: what is known without it is better than a page that waits. */
export const SHARD_WAIT_MS = 2_000;

/** A deployment may be without it. */
export interface MonitorEnv {
  readonly MONITOR?: unknown;
}

/**
 * A shard of the monitor, with types: `itty-durable` has none. It calls through HTTP and JSON, which takes 2.6 times as long
 * as a call of the platform's own RPC (20-55 µs; median of `npm run bench:monitor -- --calls 2000 --rounds 15` on a shared
 * machine with two cores). Nobody waits for these calls, and there is one in ten minutes and person; the calls between
 * friends, one per position and friend, are native.
 */
export class MonitorShard {
  readonly #proxy: unknown;

  constructor(namespace: unknown, name: string) {
    this.#proxy = proxyDurable(namespace, { name: "MONITOR", parse: true }).get(name);
  }

  async feed(report: UserReport): Promise<void> {
    await this.#call("feed", report);
  }

  async noteSink(report: SinkReport): Promise<void> {
    await this.#call("noteSink", report);
  }

  async noteIncident(incident: Incident): Promise<void> {
    await this.#call("noteIncident", incident);
  }

  async view(): Promise<ShardView> {
    return v.parse(ShardViewSchema, await this.#call("view"));
  }

  async drain(windowMs: number): Promise<DrainStart> {
    return v.parse(DrainStartSchema, await this.#call("drain", windowMs));
  }

  async #call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    if (typeof this.#proxy !== "object" || this.#proxy === null) throw new Error("no stub of the monitor");
    const call: unknown = Reflect.get(this.#proxy, method);
    if (typeof call !== "function") throw new Error(`the monitor has no ${method}`);
    const answer: unknown = await Reflect.apply(call, undefined, args);
    return answer;
  }
}

export function shardName(index: number): string {
  return `monitor-${index}`;
}

/** The shard that hears of this user, or of this part of the deployment. */
export function shardFor(env: MonitorEnv, key: string, shards: number): MonitorShard | null {
  return env.MONITOR === undefined ? null : new MonitorShard(env.MONITOR, shardName(shardIndex(key, shards)));
}

/** FNV-1a, as for the queues. */
export function shardIndex(key: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shards;
}

/** All shards that answer in time, asked at once; the others as null. */
export function askShards<Answer>(
  env: MonitorEnv,
  shards: number,
  ask: (shard: MonitorShard) => Promise<Answer>,
): Promise<(Answer | null)[]> {
  if (env.MONITOR === undefined) return Promise.resolve([]);
  const { MONITOR } = env;
  return Promise.all(
    Array.from({ length: shards }, (_, index) => inTime(ask(new MonitorShard(MONITOR, shardName(index))))),
  );
}

/**
 * The answer, or null when there is none in time. Every call to the monitor goes through it: a pending call keeps its
 * caller billed, and a failing one must not fail its caller.
 */
export async function inTime<Answer>(call: Promise<Answer>, waitMs = SHARD_WAIT_MS): Promise<Answer | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), waitMs);
  try {
    return await Promise.race([call, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
