/**
 * A reactor with a pool of workers. One event loop has the sockets, the sessions and Redis; what would hold it up goes to threads: frames
 * are decoded and validated there, and the database is read there when somebody connects. What comes in one turn of the loop goes over
 * together, and the frames of one connection go to the same worker, so that they stay in their order.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Decoded } from "../../../../src/protocol/up.ts";
import type { Decode } from "../connection.ts";
import type { LinkRow } from "../store.ts";

const WORKER_FILE = join(import.meta.dirname, "pool-worker.ts");

export type Task =
  | { readonly kind: "decode"; readonly text: string; readonly nowMs: number }
  | { readonly kind: "links"; readonly user: string };
/** In the order of the tasks. */
export type Result =
  | { readonly kind: "decode"; readonly decoded: Decoded }
  | { readonly kind: "links"; readonly rows: LinkRow[] }
  | { readonly kind: "failed"; readonly message: string };

export interface Pool {
  decoder(): Decode;
  linksOf(user: string): Promise<LinkRow[]>;
  close(): void;
}

export function openPool(databaseFile: string, onError: (error: Error) => void): Pool {
  const hands = Array.from({ length: availableParallelism() }, () => new Hand(databaseFile, onError));
  let turn = 0;
  const next = (): Hand => {
    turn += 1;
    const hand = hands[turn % hands.length];
    if (hand === undefined) throw new Error("a machine has a CPU");
    return hand;
  };
  return {
    decoder: () => {
      const hand = next();
      return (text, nowMs, take) =>
        hand.ask({ kind: "decode", text, nowMs }, (result) => {
          if (result.kind === "decode") take(result.decoded);
        });
    },
    linksOf: (user) => {
      const { promise, resolve, reject } = Promise.withResolvers<LinkRow[]>();
      next().ask({ kind: "links", user }, (result) => {
        if (result.kind === "links") resolve(result.rows);
        else reject(new Error(result.kind === "failed" ? result.message : "another task was answered"));
      });
      return promise;
    },
    close: () => hands.forEach((hand) => hand.close()),
  };
}

/** One worker, and what it has been asked. */
class Hand {
  readonly #worker: Worker;
  readonly #waiting: ((result: Result) => void)[] = [];
  #collected: Task[] = [];

  constructor(databaseFile: string, onError: (error: Error) => void) {
    this.#worker = new Worker(WORKER_FILE, { workerData: databaseFile });
    this.#worker.on("error", onError);
    this.#worker.on("message", (results: Result[]) => {
      const takers = this.#waiting.splice(0, results.length);
      for (const [at, result] of results.entries()) takers[at]?.(result);
    });
  }

  ask(task: Task, take: (result: Result) => void): void {
    this.#waiting.push(take);
    if (this.#collected.length === 0) setImmediate(() => this.#send());
    this.#collected.push(task);
  }

  close(): void {
    void this.#worker.terminate();
  }

  #send(): void {
    this.#worker.postMessage(this.#collected);
    this.#collected = [];
  }
}
