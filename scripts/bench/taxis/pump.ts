/**
 * A closed loop without answers: a position of a taxi is acknowledged by nobody, and friends who are far hear nothing of
 * it. So a batch of them is followed by the move of a probe, whose arrival at its friend says that the server has worked off
 * what came before; and only so many batches are under way.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { FRAME_BURST, FRAMES_PER_S } from "../../../src/protocol/limits.ts";
import { admit } from "../../../src/protocol/pace.ts";
import type { Place } from "../../../src/geo/place.ts";
import type { Frame } from "../clients.ts";
import type { Line } from "../open-loop.ts";
import { POSITIONS_UNDER_WAY } from "../bounds.ts";
import { type Move, type Plan, PROBE_PAIRS, probePlace } from "./plan.ts";
import { Screens } from "./screens.ts";

/**
 * Updates that one probe follows: while the probe of one batch is on its way back, the next one keeps the server busy, and no
 * more than POSITIONS_UNDER_WAY are.
 */
export const BATCH = POSITIONS_UNDER_WAY / 2;
/** First positions at once: each asks all friends. */
const FIRST_AT_ONCE = 5;
/** A server takes a `ts` of the future for the moment of arrival; older ones than the last are refused. */
const TS_BEHIND_MS = 1_000;
/** Below the server's own bucket: frames that were apart when they were sent may arrive together. */
const PACE = { burst: FRAME_BURST - 10, minMs: 1_000 / FRAMES_PER_S + 5 };
/** A probe that has not arrived by then never will. */
const PROBE_WAIT_MS = 20_000;
/** Calls between objects take milliseconds: nothing comes after such a silence. */
const QUIET_MS = 500;
const QUIET_WAIT_MS = 30_000;
const LOOK_EVERY_MS = 50;

export interface PumpOptions {
  readonly plan: Plan;
  /** In the order of the people. */
  readonly clients: readonly Line[];
  /** Updates under way at once, in whole batches. */
  readonly underWay: number;
  readonly signal: AbortSignal;
}

export interface PumpFigures {
  readonly updates: number;
  readonly updatesPerS: number;
  readonly deliveries: number;
  readonly deliveriesPerUpdate: number;
  readonly seconds: number;
  /** From the last probe's arrival to the last change of a screen: what the probes did not wait for. */
  readonly tailMs: number;
  /** Somebody had to wait for the limit of frames: the figures say too little of the server. */
  readonly paceBound: boolean;
}

interface Probe {
  readonly index: number;
  moves: number;
  isUnderWay: boolean;
  ts: number;
}

export class Pump {
  readonly #plan: Plan;
  readonly #clients: readonly Line[];
  readonly #batchesUnderWay: number;
  readonly #signal: AbortSignal;
  readonly screens: Screens;
  /** Where everybody last said to be. */
  readonly places: Place[];
  readonly #lastTs: number[];
  readonly #tatMs: number[];
  readonly #probes: Probe[];
  #nextProbe = 0;
  #underWay = 0;
  #isPaceBound = false;
  #progressMs = 0;
  #wake: () => void = () => {};
  #giveUp: (error: Error) => void = () => {};

  constructor({ plan, clients, underWay, signal }: PumpOptions) {
    this.#plan = plan;
    this.#clients = clients;
    this.#batchesUnderWay = Math.min(PROBE_PAIRS, Math.ceil(underWay / BATCH));
    this.#signal = signal;
    this.screens = new Screens(plan.people.length);
    this.places = [...plan.start];
    this.#lastTs = plan.people.map(() => 0);
    this.#tatMs = plan.people.map(() => 0);
    this.#probes = Array.from({ length: 2 * PROBE_PAIRS }, (_, index) => {
      return { index: plan.taxis + index, moves: 0, isUnderWay: false, ts: 0 };
    });
    for (const [index, client] of clients.entries()) client.onFrame = (frame) => this.#onFrame(index, frame);
  }

  /** Everybody says where they begin, and all screens are complete. */
  async begin(): Promise<void> {
    for (const [index, place] of this.#plan.start.entries()) {
      this.#send(index, place);
      // All at once would make every object ask all its friends in one moment.
      if (index % FIRST_AT_ONCE === 0) await sleep(1, undefined, { signal: this.#signal });
    }
    await this.#quiet();
  }

  async run(moves: readonly Move[]): Promise<PumpFigures> {
    const startMs = performance.now();
    const before = this.screens.deliveries;
    this.#isPaceBound = false;
    this.#progressMs = startMs;
    const watching = setInterval(() => this.#watch(), LOOK_EVERY_MS);
    try {
      await this.#sendAll(moves);
    } finally {
      clearInterval(watching);
    }
    const probedMs = this.#progressMs;
    await this.#quiet();
    const endMs = Math.max(probedMs, this.screens.changedMs);
    const deliveries = this.screens.deliveries - before;
    const seconds = (endMs - startMs) / 1000;
    return {
      updates: moves.length,
      updatesPerS: moves.length / seconds,
      deliveries,
      deliveriesPerUpdate: deliveries / moves.length,
      seconds,
      tailMs: endMs - probedMs,
      paceBound: this.#isPaceBound,
    };
  }

  async #sendAll(moves: readonly Move[]): Promise<void> {
    for (let from = 0; from < moves.length; from += BATCH) {
      for (const { taxi, place } of moves.slice(from, from + BATCH)) {
        await this.#admitted(taxi);
        this.#send(taxi, place);
      }
      await this.#sendProbe();
      await this.#until(() => this.#underWay < this.#batchesUnderWay);
    }
    await this.#until(() => this.#underWay === 0);
  }

  #send(index: number, place: Place): number {
    const ts = Math.max((this.#lastTs[index] ?? 0) + 1, Date.now() - TS_BEHIND_MS);
    this.#lastTs[index] = ts;
    this.places[index] = place;
    this.#clients[index]?.socket.send(`{"type":"location","lat":${place.lat},"lng":${place.lng},"ts":${ts}}`);
    return ts;
  }

  async #admitted(index: number): Promise<void> {
    for (;;) {
      const admission = admit(this.#tatMs[index] ?? 0, Date.now(), PACE.burst, PACE.minMs);
      if (admission.ok) {
        this.#tatMs[index] = admission.tatMs;
        return;
      }
      this.#isPaceBound = true;
      await sleep(admission.retryAfterMs, undefined, { signal: this.#signal });
    }
  }

  /** The one that has rested longest. */
  async #sendProbe(): Promise<void> {
    const probe = this.#probes[this.#nextProbe % this.#probes.length];
    const start = probe === undefined ? undefined : this.#plan.start[probe.index];
    if (probe === undefined || start === undefined) throw new Error("no probes");
    this.#nextProbe += 1;
    await this.#until(() => !probe.isUnderWay);
    await this.#admitted(probe.index);
    probe.moves += 1;
    probe.isUnderWay = true;
    this.#underWay += 1;
    probe.ts = this.#send(probe.index, probePlace(start, probe.moves));
  }

  #onFrame(index: number, frame: Frame): void {
    if (index < this.#plan.taxis) {
      this.screens.take(index, frame);
      return;
    }
    const friend = this.#probes[(index - this.#plan.taxis) ^ 1];
    if (frame.type !== "friend" || friend?.isUnderWay !== true || frame.friend?.ts !== friend.ts) return;
    friend.isUnderWay = false;
    this.#underWay -= 1;
    this.#progressMs = performance.now();
    this.#wake();
  }

  /** Waits for arrivals of probes until `isSo`. */
  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      this.#signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#wake = resolve;
      this.#giveUp = reject;
      await promise;
    }
  }

  /** One watch for all waits of a round: a timer for each would be most of what the load costs. */
  #watch(): void {
    if (this.#signal.aborted) this.#giveUp(new Error("aborted"));
    const silentMs = performance.now() - this.#progressMs;
    if (silentMs > PROBE_WAIT_MS) this.#giveUp(new Error(`no probe has arrived for ${PROBE_WAIT_MS / 1000} s`));
  }

  async #quiet(): Promise<void> {
    const startMs = performance.now();
    while (performance.now() - Math.max(startMs, this.screens.changedMs) < QUIET_MS) {
      if (performance.now() - startMs > QUIET_WAIT_MS) throw new Error("the screens do not come to rest");
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.#signal });
    }
  }
}
