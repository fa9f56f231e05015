/**
 * A closed loop: a fixed number of positions is under way, and when one has reached every friend the next is sent. It says
 * how many a server can deliver; how long that takes is said by the open loop.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "./clients.ts";
import { locationFrame, type Person } from "./people.ts";

/** A connection may send 10 frames a second in the long run; a little slower, so that no clock's tick breaks it. */
const SEND_EVERY_MS = 105;
/** Share of the fastest possible pace above which the pace may have been what limited the load. */
const PACE_BOUND_SHARE = 0.85;
/** A position that has not reached everybody by then counts what is missing as lost. */
const ARRIVE_WAIT_MS = 5_000;
const LOOK_EVERY_MS = 250;
/** A server takes a `ts` of the future for the moment of arrival, which this side could not match with its send. */
const TS_BEHIND_MS = 1_000;

export interface LoadOptions {
  people: Person[];
  /** In the order of the people. */
  clients: Client[];
  /** Positions under way at once. */
  window: number;
  warmUpMs: number;
  measureMs: number;
  /** Called at both ends of the measured time. */
  onEdge: () => void;
  /** Aborted when a socket fails. */
  signal: AbortSignal;
}

export interface LoadFigures {
  updatesPerS: number;
  deliveriesPerS: number;
  /** Deliveries that did not arrive within 5 s. */
  lost: number;
  /** The users could not have sent much faster: the figures say nothing about the server. */
  paceBound: boolean;
}

interface Sender {
  index: number;
  person: Person;
  client: Client;
  count: number;
  lastTs: number;
  sentMs: number;
  /** Friends who have not received the position under way yet; 0 when none is. */
  left: Set<number>;
}

export class Load {
  readonly #options: LoadOptions;
  readonly #senders: Sender[];
  readonly #byId = new Map<string, Sender>();
  /** Who may send next, the one who waited longest first. */
  readonly #idle: Sender[];
  #underWay = 0;
  #phase: "warming" | "measuring" | "over" = "warming";
  #updates = 0;
  #lost = 0;
  #deliveries = 0;
  #wake: NodeJS.Timeout | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#senders = options.people.map((person, index) => {
      const client = options.clients[index];
      if (!client) throw new Error(`no client for ${person.id}`);
      return { index, person, client, count: 0, lastTs: 0, sentMs: -Infinity, left: new Set() };
    });
    for (const sender of this.#senders) {
      this.#byId.set(sender.person.id, sender);
      sender.client.onFrame = ({ type, friend }) => {
        if (type === "friend" && friend) this.#onArrival(sender.index, friend.id, friend.ts);
      };
    }
    // Neighbours on the ring share friends; far apart, the positions under way keep different objects busy.
    const stride = Math.max(1, Math.floor(this.#senders.length / options.window));
    this.#idle = this.#senders.toSorted((a, b) => (a.index % stride) - (b.index % stride) || a.index - b.index);
  }

  async run(): Promise<LoadFigures> {
    const { warmUpMs, measureMs, onEdge, signal } = this.#options;
    const looking = setInterval(() => this.#giveUpLate(), LOOK_EVERY_MS);
    try {
      this.#fill();
      await sleep(warmUpMs, undefined, { signal });
      onEdge();
      this.#phase = "measuring";
      const startMs = performance.now();
      await sleep(measureMs, undefined, { signal });
      const seconds = (performance.now() - startMs) / 1000;
      this.#phase = "over";
      onEdge();
      const figures = this.#figures(seconds);
      while (this.#underWay > 0) await sleep(LOOK_EVERY_MS / 10, undefined, { signal });
      return { ...figures, lost: this.#lost };
    } finally {
      clearInterval(looking);
      clearTimeout(this.#wake);
      for (const { client } of this.#senders) client.onFrame = () => {};
    }
  }

  #fill(): void {
    while (this.#phase !== "over" && this.#underWay < this.#options.window) {
      const sender = this.#idle[0];
      if (!sender) return;
      const waitMs = sender.sentMs + SEND_EVERY_MS - performance.now();
      if (waitMs > 0) {
        clearTimeout(this.#wake);
        this.#wake = setTimeout(() => this.#fill(), waitMs);
        return;
      }
      this.#idle.shift();
      this.#send(sender);
    }
  }

  #send(sender: Sender): void {
    sender.count += 1;
    sender.lastTs = Math.max(sender.lastTs + 1, Date.now() - TS_BEHIND_MS);
    sender.sentMs = performance.now();
    for (const friend of sender.person.friends) sender.left.add(friend);
    this.#underWay += 1;
    if (this.#phase === "measuring") this.#updates += 1;
    const { index, count, lastTs } = sender;
    sender.client.socket.send(locationFrame(index, this.#senders.length, count, lastTs));
  }

  #onArrival(receiver: number, id: string, ts: number): void {
    const sender = this.#byId.get(id);
    // Neither a frame that came too late nor one that came twice is a delivery.
    if (!sender || sender.lastTs !== ts || !sender.left.delete(receiver)) return;
    if (this.#phase === "measuring") this.#deliveries += 1;
    if (sender.left.size === 0) this.#release(sender);
  }

  #release(sender: Sender): void {
    this.#underWay -= 1;
    this.#idle.push(sender);
    this.#fill();
  }

  #giveUpLate(): void {
    const lateMs = performance.now() - ARRIVE_WAIT_MS;
    for (const sender of this.#senders) {
      if (sender.left.size === 0 || sender.sentMs > lateMs) continue;
      if (this.#phase !== "warming") this.#lost += sender.left.size;
      sender.left.clear();
      this.#release(sender);
    }
  }

  #figures(seconds: number): Omit<LoadFigures, "lost"> {
    const updatesPerS = this.#updates / seconds;
    const fastestPerS = (this.#senders.length * 1000) / SEND_EVERY_MS;
    return {
      updatesPerS,
      paceBound: updatesPerS > PACE_BOUND_SHARE * fastestPerS,
      deliveriesPerS: this.#deliveries / seconds,
    };
  }
}
