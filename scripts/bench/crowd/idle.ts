/** Hardly anybody moves: many are connected with hibernating objects, and one in a hundred wakes each second. */
import { setTimeout as sleep } from "node:timers/promises";
import { progress } from "../../progress.ts";
import { round } from "../figures.ts";
import { Latencies } from "../latencies.ts";
import { atRate } from "./at-rate.ts";
import { Errors } from "./errors.ts";
import { type Layout, world } from "./layout.ts";
import { clockMs, takeTurns } from "./load.ts";
import { AWAKE_S, type Plan, WAKING_SHARE } from "./plan.ts";
import { type IdleReport, makeIdleReport, type Pings } from "./report.ts";
import { Sampler } from "./sampler.ts";
import { startCrowdServer } from "./server.ts";
import { Sockets } from "./sockets.ts";

/** Everybody in ten seconds, and everybody must be back within a few more. */
const PINGS_PER_S = 1_500;
const PINGS_AT_ONCE = 8;
const PONG_WAIT_MS = 3_000;

export interface IdleOptions {
  readonly users: number;
  readonly seconds: number;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** Ended by its signal while people wake, it reports what was measured until then. */
export async function benchIdle(options: IdleOptions): Promise<IdleReport> {
  const { users, seconds, plan, signal } = options;
  const layout = world(users);
  const { people } = layout;
  const { fronts, connectPerS: peoplePerS } = plan;
  const server = await startCrowdServer({ name: "idle", people, fronts, peoplePerS, signal });
  const errors = new Errors();
  const sockets = new Sockets(errors);
  const sampler = new Sampler(server.backend);
  try {
    await server.befriend();
    const connectedAtMs = clockMs();
    const firstFrame = (index: number) => layout.frame(index, 0, Math.floor(clockMs()));
    await sockets.open(server.doors, { perS: peoplePerS, firstFrame, signal });
    const connectS = round((clockMs() - connectedAtMs) / 1000, 1);
    const pings = await pingAll(sockets, sampler, { users, signal });
    const wakes = new Wakes();
    sockets.onFrame = (_, { ref }) => wakes.answered(ref);
    sampler.restart();
    const start = sampler.take();
    const taken = await takeTurns({
      users,
      everyMs: 1000 / WAKING_SHARE,
      seconds,
      take: ({ person, count, dueMs }) => wake({ sockets, layout, wakes }, { person, count, dueMs }),
      missing: () => wakes.missing,
      latencies: wakes.latencies,
      errors,
      bar: progress("seconds", seconds),
      signal,
    });
    const end = sampler.take();
    const awake = sampler.awake(users);
    return makeIdleReport({
      options,
      taken,
      connectS,
      pings,
      errors,
      wakes,
      awake,
      sampler,
      start,
      end,
      log: server.log,
    });
  } finally {
    sampler.stop();
    sockets.close();
    await server.backend.stop();
  }
}

/** Once everybody sleeps, everybody sends a `ping`: all must be answered, and nobody may wake. */
async function pingAll(
  sockets: Sockets,
  sampler: Sampler,
  { users, signal }: { users: number; signal: AbortSignal },
): Promise<Pings> {
  process.stderr.write(`idle: ${AWAKE_S} s until everybody sleeps\n`);
  await sleep(AWAKE_S * 1000, undefined, { signal });
  sampler.restart();
  const bar = progress("pings", users);
  await atRate(users, { perS: PINGS_PER_S, atOnce: PINGS_AT_ONCE, signal }, async (index) => {
    sockets.ping(index);
    bar.tick();
  });
  bar.done();
  const giveUpMs = clockMs() + PONG_WAIT_MS;
  while (sockets.pongs < users && clockMs() < giveUpMs) await sleep(50, undefined, { signal });
  // The looks come each second: one after the last answer, whatever woke by it is still awake.
  await sleep(1_100, undefined, { signal });
  return { sent: users, answered: sockets.pongs, awakeMost: sampler.awake(users).most };
}

/**
 * The position wakes the object. It owes no answer, and its two friends are too far away to be told; so a question follows it
 * in the same moment, whose answer says that both were dealt with. Its subject is subscribed already: nothing is written.
 */
function wake(
  { sockets, layout, wakes }: { sockets: Sockets; layout: Layout; wakes: Wakes },
  { person, count, dueMs }: { person: number; count: number; dueMs: number },
): void {
  const friend = layout.people[layout.people[person]?.friends[0] ?? Number.NaN]?.id;
  const isSent = sockets.send(person, layout.frame(person, count, Math.floor(dueMs)));
  if (!isSent || friend === undefined) return;
  sockets.send(person, JSON.stringify({ type: "subscribe", friend, ref: wakes.begin(dueMs) }));
}

/** Who was woken and has not answered yet. */
export class Wakes {
  readonly #dueMs = new Map<number, number>();
  #ref = 0;
  readonly latencies = new Latencies();

  get missing(): number {
    return this.#dueMs.size;
  }

  /** @returns the `ref` by which the answer is known */
  begin(dueMs: number): number {
    this.#ref += 1;
    this.#dueMs.set(this.#ref, dueMs);
    return this.#ref;
  }

  answered(ref: number | undefined): void {
    const dueMs = ref === undefined ? undefined : this.#dueMs.get(ref);
    if (ref === undefined || dueMs === undefined) return;
    this.#dueMs.delete(ref);
    this.latencies.record(clockMs() - dueMs);
  }
}
