/**
 * What people notice of a change in the number of servers: one more Redis in the ring of the classic design, whose channels
 * move; and of ours, which has no servers to add, the nearest that the platform does to it: all objects are reset, as after
 * a new version or when their machine is taken away.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { retryDelayMs } from "../../../src/client/backoff.ts";
import { seededRandom } from "../../town/random.ts";
import { ASLEEP_PER_ACTIVE } from "../bounds.ts";
import { openClassic } from "../classic-target.ts";
import type { Client } from "../clients.ts";
import type { Around, TargetName } from "../entry.ts";
import { closeTargets, openTarget } from "../lineup.ts";
import { describeMachine } from "../machine.ts";
import { OpenLoop, type OpenLoopFigures } from "../open-loop.ts";
import { makePeople, type Person } from "../people.ts";
import { takeTurns } from "../rounds.ts";
import type { Target } from "../targets.ts";
import { makeResizeReport, type ResizeReport } from "./report.ts";

const RESET_ENTRY = join(import.meta.dirname, "reset-worker.ts");
const WARM_UP_MS = 2_000;
/** After the change the measurement goes on for what is left of its seconds. */
export const CHANGE_AFTER_MS = 2_000;
const RESET_WAIT_MS = 30_000;
/** The SDK waits for half a minute at most. */
const BACK_WAIT_MS = 60_000;
const LOOK_EVERY_MS = 20;

export interface ResizeOptions extends Around {
  readonly users: number;
  readonly friends: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Deliveries that are offered. */
  readonly ratePerS: number;
  readonly targets: readonly TargetName[];
}

export interface ResizeFigures {
  readonly loop: OpenLoopFigures;
  /** How long the change itself took. */
  readonly changeMs: number;
  /** From the change to the arrival of the last delivery that took more than a second; 0 when none did. */
  readonly lateForMs: number;
  /** Sockets that the change ended. */
  readonly cut: number;
  /** From the change until all of them were open again; 0 when none was ended. */
  readonly reconnectedMs: number;
}

/** A server, and what changes its size. */
interface Sizable {
  readonly label: string;
  readonly target: Target;
  readonly change: () => Promise<void>;
}

export async function benchResize(options: ResizeOptions): Promise<ResizeReport> {
  const { users, friends, seconds, rounds, ratePerS, targets: names, signal } = options;
  const asleep = friends * ASLEEP_PER_ACTIVE;
  const people = makePeople(users, friends, asleep);
  const sizables: Sizable[] = [];
  try {
    for (const name of names) sizables.push(await openSizable(name, people, options));
    const measure = async (sizable: Sizable, index: number) => new Change(sizable, people, options).run(index);
    const turns = await takeTurns({ targets: sizables, rounds, signal, measure });
    return makeResizeReport(
      { users, friends, asleep, seconds, offeredPerS: ratePerS },
      names,
      turns,
      describeMachine(),
    );
  } finally {
    await closeTargets(sizables.map(({ target }) => target));
  }
}

async function openSizable(name: TargetName, people: Person[], around: Around): Promise<Sizable> {
  if (name === "classic") {
    const target = await openClassic({ people, ...around });
    return { label: name, target, change: async () => target.addRedis() };
  }
  const target = await openTarget(name, { people, ...around, entry: RESET_ENTRY });
  return { label: name, target, change: async () => resetAll(target.url, people, around.signal) };
}

async function resetAll(url: string, people: readonly Person[], signal: AbortSignal): Promise<void> {
  const answer = await fetch(`${url}/bench/reset`, {
    method: "POST",
    body: JSON.stringify(people.map(({ id }) => id)),
    signal: AbortSignal.any([signal, AbortSignal.timeout(RESET_WAIT_MS)]),
  });
  if (!answer.ok) throw new Error(`the reset answers ${answer.status}`);
}

/** One measurement: a load, and in the middle of it the change. */
class Change {
  readonly #sizable: Sizable;
  readonly #people: readonly Person[];
  readonly #options: ResizeOptions;
  #cut = 0;
  #open: number;
  #reconnectedMs = 0;

  constructor(sizable: Sizable, people: readonly Person[], options: ResizeOptions) {
    this.#sizable = sizable;
    this.#people = people;
    this.#options = options;
    this.#open = people.length;
  }

  async run(index: number): Promise<ResizeFigures> {
    const { clients } = this.#sizable.target;
    const { seconds, ratePerS, friends, signal } = this.#options;
    const random = seededRandom(index);
    const loop = new OpenLoop({
      people: this.#people,
      clients,
      updatesPerS: ratePerS / friends,
      warmUpMs: WARM_UP_MS,
      measureMs: seconds * 1000,
      random,
      signal,
    });
    const kept = clients.map(({ onEnd }) => onEnd);
    const jitter = seededRandom(index + 1);
    for (const [at, client] of clients.entries()) {
      client.onEnd = (code, reason) => void this.#comeBack(client, { code, reason, jitter }, () => loop.sendNewest(at));
    }
    try {
      const [figures, change] = await Promise.all([loop.run(), this.#change()]);
      await this.#allBack();
      const lateForMs = loop.lastLateMs === null ? 0 : loop.lastLateMs - change.startMs;
      const reconnectedMs = this.#cut === 0 ? 0 : this.#reconnectedMs - change.startMs;
      return { loop: figures, changeMs: change.tookMs, lateForMs, cut: this.#cut, reconnectedMs };
    } finally {
      for (const [at, client] of clients.entries()) client.onEnd = kept[at] ?? client.onEnd;
    }
  }

  async #change(): Promise<{ startMs: number; tookMs: number }> {
    await sleep(WARM_UP_MS + CHANGE_AFTER_MS, undefined, { signal: this.#options.signal });
    const startMs = performance.now();
    await this.#sizable.change();
    return { startMs, tookMs: performance.now() - startMs };
  }

  async #allBack(): Promise<void> {
    const giveUpMs = performance.now() + BACK_WAIT_MS;
    for (let missing = 1; missing > 0;) {
      missing = this.#people.length - this.#open;
      if (performance.now() > giveUpMs) throw new Error(`${missing} sockets did not come back`);
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.#options.signal });
    }
  }

  /** As the SDK does: after a while that grows, drawn by chance, and then it says where it is. */
  async #comeBack(
    client: Client,
    { code, reason, jitter }: { code: number; reason: string; jitter: () => number },
    then: () => void,
  ): Promise<void> {
    this.#cut += 1;
    this.#open -= 1;
    const { signal, onFailure } = this.#options;
    try {
      for (let failures = 0; ; failures += 1) {
        await sleep(retryDelayMs(code, failures, jitter(), reason), undefined, { signal });
        if (await client.reconnect()) break;
      }
    } catch (error) {
      if (!signal.aborted) onFailure(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#open += 1;
    this.#reconnectedMs = performance.now();
    then();
  }
}
