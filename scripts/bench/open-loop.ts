/**
 * An open loop: positions are due at moments that were drawn beforehand, whatever the server does, and a delivery's time
 * counts from the moment when its position was due. A closed loop would send less just when the server is slow, and leave
 * out the very times that matter ("coordinated omission", Gil Tene).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { Client, Frame } from "./clients.ts";
import { type Bucket, Latencies, type LatencyFigures } from "./latencies.ts";
import { locationFrame, type Person } from "./people.ts";
import { PoissonSchedule } from "./poisson.ts";

/** What has not arrived by so long after the last position counts as lost. */
const ARRIVE_WAIT_MS = 5_000;
const LOOK_EVERY_MS = 50;
/** A server takes a `ts` of the future for the moment of arrival, which this side could not match with its send. */
const TS_BEHIND_MS = 1_000;
/** A friend on a map who is behind by more than this is one whom people notice. */
export const LATE_MS = 1_000;

/** What is needed of a client. */
export interface Line {
  readonly socket: Pick<WebSocket, "readyState"> & { send(text: string): void };
  onFrame: Client["onFrame"];
}

export interface OpenLoopOptions {
  people: readonly Person[];
  /** In the order of the people. */
  clients: readonly Line[];
  /** Positions of all people together. */
  updatesPerS: number;
  warmUpMs: number;
  measureMs: number;
  /** Uniform in [0, 1). With the same seed, every target gets the same positions at the same moments. */
  random: () => number;
  /** Called at both ends of the measured time. */
  onEdge?: () => void;
  signal: AbortSignal;
}

export interface OpenLoopFigures {
  updates: number;
  deliveries: number;
  deliveriesPerS: number;
  /** From when a position was due until it, or a newer one of the same person, was at the friend. */
  latency: LatencyFigures;
  /** Of these times: kept with the raw samples. */
  samples: readonly Bucket[];
  /** Deliveries that took more than a second. */
  late: number;
  /** Deliveries that had not come 5 s after the last position. */
  lost: number;
  /** Of the deliveries, those of which a newer position came first. */
  replaced: number;
  /** How long after its moment a position was sent: this program's own part of the latencies. */
  sendLate: LatencyFigures;
}

interface Position {
  ts: number;
  dueMs: number;
  isMeasured: boolean;
  /** Friends whom neither it nor a newer one has reached. */
  left: Set<number>;
}

interface Sender {
  index: number;
  person: Person;
  client: Line;
  count: number;
  lastTs: number;
  /** Oldest first. */
  underWay: Position[];
}

export class OpenLoop {
  readonly #options: OpenLoopOptions;
  readonly #senders: Sender[];
  readonly #byId = new Map<string, Sender>();
  readonly #latencies = new Latencies();
  readonly #sendLate = new Latencies();
  #phase: "warming" | "measuring" | "over" = "warming";
  #updates = 0;
  #late = 0;
  #replaced = 0;
  /** When a delivery that took more than a second last arrived, by `performance.now()`; null while there was none. */
  lastLateMs: number | null = null;

  constructor(options: OpenLoopOptions) {
    this.#options = options;
    this.#senders = options.people.map((person, index) => {
      const client = options.clients[index];
      if (!client) throw new Error(`no client for ${person.id}`);
      return { index, person, client, count: 0, lastTs: 0, underWay: [] };
    });
    for (const sender of this.#senders) {
      this.#byId.set(sender.person.id, sender);
      sender.client.onFrame = (frame) => this.#onFrame(sender.index, frame);
    }
  }

  async run(): Promise<OpenLoopFigures> {
    const { warmUpMs, measureMs, updatesPerS, random, onEdge, signal } = this.#options;
    const startMs = performance.now();
    const schedule = new PoissonSchedule({ perS: updatesPerS, startMs, random });
    try {
      await this.#sendUntil(schedule, startMs + warmUpMs);
      onEdge?.();
      this.#phase = "measuring";
      await this.#sendUntil(schedule, startMs + warmUpMs + measureMs);
      this.#phase = "over";
      onEdge?.();
      const giveUpMs = performance.now() + ARRIVE_WAIT_MS;
      while (this.#missing() > 0 && performance.now() < giveUpMs) {
        await sleep(LOOK_EVERY_MS, undefined, { signal });
      }
      return this.#figures(measureMs / 1000);
    } finally {
      for (const { client } of this.#senders) client.onFrame = () => {};
    }
  }

  /** Somebody's socket is open again: a phone then sends where it is, and so do these people. */
  sendNewest(index: number): void {
    const sender = this.#senders[index];
    if (sender === undefined) throw new Error(`there is no person ${index}`);
    // Whoever has not moved yet is somewhere too, and sees nobody until the server knows.
    if (sender.lastTs === 0) sender.lastTs = Date.now() - TS_BEHIND_MS;
    this.#transmit(sender);
  }

  async #sendUntil(schedule: PoissonSchedule, endMs: number): Promise<void> {
    const { signal } = this.#options;
    while (schedule.nextMs < endMs) {
      await sleep(Math.max(0, schedule.nextMs - performance.now()), undefined, { signal });
      for (const dueMs of schedule.dueBy(Math.min(performance.now(), endMs))) this.#send(dueMs);
    }
  }

  #send(dueMs: number): void {
    const sender = this.#senders[Math.floor(this.#options.random() * this.#senders.length)];
    if (sender === undefined) throw new Error("chance left the range of the people");
    sender.count += 1;
    sender.lastTs = Math.max(sender.lastTs + 1, Date.now() - TS_BEHIND_MS);
    const isMeasured = this.#phase === "measuring";
    if (isMeasured) {
      this.#updates += 1;
      this.#sendLate.record(performance.now() - dueMs);
    }
    sender.underWay.push({ ts: sender.lastTs, dueMs, isMeasured, left: new Set(sender.person.friends) });
    this.#transmit(sender);
  }

  /** Without a socket the position stays with the person, as in a phone without a network. */
  #transmit({ client: { socket }, index, count, lastTs }: Sender): void {
    if (socket.readyState === WebSocket.OPEN) socket.send(locationFrame(index, this.#senders.length, count, lastTs));
  }

  #onFrame(receiver: number, { type, friend, friends = [] }: Frame): void {
    if (type === "friend" && friend) this.#onArrival(receiver, friend.id, friend.ts);
    if (type === "nearby") for (const each of friends) this.#onArrival(receiver, each.id, each.ts);
  }

  #onArrival(receiver: number, id: string, ts: number): void {
    const sender = this.#byId.get(id);
    if (sender === undefined) return;
    let isOver = false;
    for (const position of sender.underWay) {
      if (position.ts > ts) break;
      if (position.left.delete(receiver) && position.isMeasured) this.#count(position, ts);
      isOver ||= position.left.size === 0;
    }
    if (isOver) sender.underWay = sender.underWay.filter(({ left }) => left.size > 0);
  }

  #count({ ts, dueMs }: Position, arrivedTs: number): void {
    const nowMs = performance.now();
    this.#latencies.record(nowMs - dueMs);
    if (ts < arrivedTs) this.#replaced += 1;
    if (nowMs - dueMs <= LATE_MS) return;
    this.#late += 1;
    this.lastLateMs = nowMs;
  }

  #missing(): number {
    let missing = 0;
    for (const { underWay } of this.#senders) {
      for (const { isMeasured, left } of underWay) missing += isMeasured ? left.size : 0;
    }
    return missing;
  }

  #figures(seconds: number): OpenLoopFigures {
    return {
      updates: this.#updates,
      deliveries: this.#latencies.count,
      deliveriesPerS: this.#latencies.count / seconds,
      latency: this.#latencies.figures(),
      samples: this.#latencies.buckets(),
      late: this.#late,
      lost: this.#missing(),
      replaced: this.#replaced,
      sendLate: this.#sendLate.figures(),
    };
  }
}
