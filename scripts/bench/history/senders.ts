/** People who send a position every second, and count what the server says to have saved. */
import { setTimeout as sleep } from "node:timers/promises";
import { progress } from "../../progress.ts";
import type { Client } from "../clients.ts";
import { walk } from "./walk.ts";

const EVERY_MS = 1_000;
const TICK_MS = 10;

/** Of one user, by the time of the point in ms. */
export type SentTimes = ReadonlySet<number>;

export class Senders {
  readonly #ids: readonly string[];
  readonly #clients: readonly Client[];
  readonly #times: Set<number>[];
  /** The largest count of each; a connection counts its own points from 1. */
  readonly #saved: number[];
  /** The latest position, behind the moment when it was due; ms. */
  lateMs = 0;
  count = 0;

  /** @param clients in the order of the ids, each with a connection that has sent nothing yet */
  constructor(ids: readonly string[], clients: readonly Client[]) {
    this.#ids = ids;
    this.#clients = clients;
    this.#times = ids.map(() => new Set());
    this.#saved = ids.map(() => 0);
    for (const [index, client] of clients.entries()) {
      client.onFrame = ({ type, count }) => {
        if (type === "saved" && count !== undefined) this.#saved[index] = Math.max(this.#saved[index] ?? 0, count);
      };
    }
  }

  /** Positions that the server says to have stored. */
  get acknowledged(): number {
    return this.#saved.reduce((sum, count) => sum + count, 0);
  }

  /** By user. */
  get sent(): ReadonlyMap<string, SentTimes> {
    return new Map(this.#ids.map((id, index) => [id, this.#times[index] ?? new Set()]));
  }

  /** One position per person and second, spread evenly over each second. */
  async send(seconds: number, signal: AbortSignal): Promise<void> {
    const total = seconds * this.#ids.length;
    const bar = progress("history: positions", total);
    const startMs = performance.now();
    const dueMs = (at: number) => startMs + (at * EVERY_MS) / this.#ids.length;
    while (this.count < total) {
      const nowMs = performance.now();
      this.lateMs = Math.max(this.lateMs, nowMs - dueMs(this.count));
      while (this.count < total && dueMs(this.count) <= nowMs) {
        this.#sendOne(this.count % this.#ids.length, Math.floor(this.count / this.#ids.length));
        this.count += 1;
        bar.tick();
      }
      await sleep(TICK_MS, undefined, { signal });
    }
    bar.done();
  }

  #sendOne(index: number, step: number): void {
    const [client, times] = [this.#clients[index], this.#times[index]];
    if (client === undefined || times === undefined) throw new Error(`there is no person ${index}`);
    // A server keeps one of two points of the same time.
    let ts = Date.now();
    while (times.has(ts)) ts += 1;
    times.add(ts);
    client.socket.send(JSON.stringify({ type: "location", ...walk(index, step), ts }));
  }
}
