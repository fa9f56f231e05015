import { createDurable } from "itty-durable/itty-durable.js";

import type { DrainStart, Incident, ShardView, SinkReport, UserReport } from "../../src/observe/report.ts";
import { Drain } from "./drain.ts";
import { Ledger } from "./ledger.ts";

/** How often a shard looks for people who have fallen silent, and keeps its newest errors. */
const SWEEP_EVERY_MS = 60_000;

/** One run of the alarm while people are sent away: each run may make 10,000 calls, and lasts well below its limits. */
const DRAIN_SLICE_MS = 5_000;

/** So often within a slice: fine enough that a window of a second is one. */
const DRAIN_TICK_MS = 50;

/**
 * A part of the people, by the hash of their ids: who is here and what was counted, in memory, for operators. Called by
 * their objects about once in ten minutes each, and by the Worker.
 *
 * 10 million people with one report in ten minutes are 16,700 calls a second; an object serves 500 to 1,000, so 40 shards
 * have 420 each and room for an activation in between (`MONITOR_SHARDS`).
 *
 * Nothing is written per report: counters begin at zero with the object's memory, which is what counters of Prometheus may
 * do, and who is here is known again within ten minutes. A pending timer keeps the memory while anybody is here; without
 * it a small deployment, with a report a minute, would forget everything in between. Only the newest errors have a row,
 * written at most once a minute, so that they are still there in the morning.
 *
 * `itty-durable` keeps the public fields of its classes in that row, and calls any method by its name: everything else is
 * private (#).
 */
export class MonitorObject extends createDurable() {
  /** Makes it a class of objects for the types of bindings. */
  declare readonly __DURABLE_OBJECT_BRAND: never;

  /** Of the row. */
  errors: ShardView["errors"] = [];

  readonly #storage: DurableObjectStorage;
  readonly #ledger: Ledger;
  readonly #drain: Drain;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #keptErrors = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#storage = ctx.storage;
    this.#ledger = new Ledger(Date.now());
    this.#drain = new Drain((user) => env.USER.getByName(user).drain());
  }

  /** From the row, before the first call. */
  override onLoad(): Promise<void> {
    this.#ledger.restoreErrors(this.errors);
    this.#keptErrors = this.#ledger.errorsNoted;
    return Promise.resolve();
  }

  feed(report: UserReport): void {
    this.#ledger.feed(report);
    this.#keepAwake();
  }

  noteSink(report: SinkReport): void {
    this.#ledger.noteSink(report);
    this.#keepAwake();
  }

  noteIncident(incident: Incident): void {
    this.#ledger.noteIncident(incident);
    this.#keepAwake();
  }

  view(): ShardView {
    const now = Date.now();
    return { ...this.#ledger.view(now), leaving: this.#drain.left, drainUntil: this.#drain.until };
  }

  /** Sends everybody who is here away, evenly over the window. */
  async drain(windowMs: number): Promise<DrainStart> {
    const started = this.#drain.start(this.#ledger.users(), windowMs, { now: Date.now(), random: Math.random });
    await this.#storage.setAlarm(Date.now());
    return started;
  }

  async alarm(): Promise<void> {
    const endsAt = Date.now() + DRAIN_SLICE_MS;
    while (this.#drain.left > 0 && Date.now() < endsAt) {
      await this.#drain.step(Date.now());
      await scheduler.wait(DRAIN_TICK_MS);
    }
    if (this.#drain.left > 0) await this.#storage.setAlarm(Date.now());
  }

  #keepAwake(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => void this.#sweep(), SWEEP_EVERY_MS);
  }

  async #sweep(): Promise<void> {
    this.#timer = null;
    const isAnybodyHere = this.#ledger.sweep(Date.now());
    if (this.#ledger.errorsNoted !== this.#keptErrors) {
      this.#keptErrors = this.#ledger.errorsNoted;
      this.errors = this.#ledger.recentErrors;
      await this.persist();
    }
    if (isAnybodyHere) this.#keepAwake();
  }
}
