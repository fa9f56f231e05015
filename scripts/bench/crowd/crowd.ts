/** Everybody moves: a position each 30 s from each of many people, each seen by ten friends. */
import { setTimeout as sleep } from "node:timers/promises";
import { round } from "../figures.ts";
import { Latencies } from "../latencies.ts";
import { progress } from "../../progress.ts";
import { Errors } from "./errors.ts";
import { CROWD_NEAR, indexOf, ring } from "./layout.ts";
import { clockMs, takeTurns } from "./load.ts";
import type { Plan } from "./plan.ts";
import { type CrowdReport, makeCrowdReport } from "./report.ts";
import { Sampler } from "./sampler.ts";
import { startCrowdServer } from "./server.ts";
import { Sockets } from "./sockets.ts";

/** A step of 10 m some milliseconds after the first position would be one that nobody can have made, and be held back. */
const SETTLE_MS = 2_000;

export interface CrowdOptions {
  readonly users: number;
  readonly seconds: number;
  /** Between two positions of one person. */
  readonly everyS: number;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** Ended by its signal while people move, it reports what was measured until then. */
export async function benchCrowd(options: CrowdOptions): Promise<CrowdReport> {
  const { users, seconds, everyS, plan, signal } = options;
  const layout = ring(users);
  const { people } = layout;
  // All of them are to be awake at once in any case.
  const server = await startCrowdServer({ name: "crowd", people, fronts: plan.fronts, peoplePerS: users, signal });
  const errors = new Errors();
  const sockets = new Sockets(errors);
  const sampler = new Sampler(server.backend);
  try {
    await server.befriend();
    const connectedAtMs = clockMs();
    const firstFrame = (index: number) => layout.frame(index, 0, Math.floor(clockMs()));
    await sockets.open(server.doors, { perS: plan.connectPerS, firstFrame, signal });
    const connectS = round((clockMs() - connectedAtMs) / 1000, 1);
    await sleep(SETTLE_MS, undefined, { signal });
    const arrivals = new Arrivals(users);
    sockets.onFrame = (index, { type, friend }) => {
      if (type === "friend" && friend !== undefined) arrivals.note(index, indexOf(friend.id), friend.ts);
    };
    const start = sampler.take();
    const taken = await takeTurns({
      users,
      everyMs: everyS * 1000,
      seconds,
      // The moment when it was due travels with the position: whoever receives it knows how old it is.
      take: ({ person, count, dueMs }) => {
        if (sockets.send(person, layout.frame(person, count, Math.floor(dueMs)))) arrivals.expected += CROWD_NEAR;
      },
      missing: () => arrivals.expected - arrivals.latencies.count,
      latencies: arrivals.latencies,
      errors,
      bar: progress("seconds", seconds),
      signal,
    });
    const end = sampler.take();
    return makeCrowdReport({ options, taken, connectS, errors, arrivals, sampler, start, end, log: server.log });
  } finally {
    sampler.stop();
    sockets.close();
    await server.backend.stop();
  }
}

/** What has arrived of the positions that were sent since this was made. */
export class Arrivals {
  readonly #users: number;
  readonly #sinceTs = Math.floor(clockMs());
  /** The newest `ts` of each friend at each person. */
  readonly #newest = new Map<number, number>();
  readonly latencies = new Latencies();
  expected = 0;

  constructor(users: number) {
    this.#users = users;
  }

  /** A frame that came twice, or after a newer one, is no delivery. */
  note(receiver: number, sender: number, ts: number): void {
    const pair = receiver * this.#users + sender;
    if (ts < this.#sinceTs || ts <= (this.#newest.get(pair) ?? 0)) return;
    this.#newest.set(pair, ts);
    this.latencies.record(clockMs() - ts);
  }
}
