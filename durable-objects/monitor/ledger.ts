import { errorKey } from "../../src/observe/tally.ts";
import {
  DEAD_LETTERS_CODE,
  type Incident,
  type ShardView,
  type SinkReport,
  type SinkSums,
  type UserReport,
} from "../../src/observe/report.ts";
import { RECENT_ERRORS_MAX, type RecentError } from "../../src/protocol/admin.ts";

/** A person who is active or connected, as told last: numbers, and no place but the cell. */
type Present = Omit<UserReport, "user" | "at" | "counts">;

const ERROR_PREFIX = errorKey("");

/** What a shard of the monitor knows. */
export class Ledger {
  readonly #startedAt: number;
  readonly #present = new Map<string, Present>();
  readonly #counts = new Map<string, number>();
  readonly #sinks = new Map<string, SinkSums>();
  #deadLetters = 0;
  /** Newest first. */
  #errors: RecentError[] = [];
  #errorsNoted = 0;

  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  /** Grows with each error. */
  get errorsNoted(): number {
    return this.#errorsNoted;
  }
  get recentErrors(): RecentError[] {
    return this.#errors;
  }

  /** Errors of before this memory. */
  restoreErrors(errors: readonly RecentError[]): void {
    this.#errors = [...this.#errors, ...errors].slice(0, RECENT_ERRORS_MAX);
  }

  feed({ user, at, counts, ...present }: UserReport): void {
    if (present.until === null) this.#present.delete(user);
    else this.#present.set(user, present);
    for (const [key, count] of Object.entries(counts)) {
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
      if (key.startsWith(ERROR_PREFIX)) {
        this.#note({ at, source: "user", user, code: key.slice(ERROR_PREFIX.length), count });
      }
    }
  }

  noteSink({ sink, at, stored, failed, lagMs }: SinkReport): void {
    const sums = this.#sinks.get(sink) ?? { stored: 0, failed: 0, lagMs: null, at };
    this.#sinks.set(sink, { stored: sums.stored + stored, failed: sums.failed + failed, lagMs, at });
    if (failed > 0) this.#note({ at, source: `history ${sink}`, code: "sink_failed", count: failed });
  }

  noteIncident(incident: Incident): void {
    if (incident.code === DEAD_LETTERS_CODE) this.#deadLetters += incident.count;
    this.#note(incident);
  }

  /** Everybody who is here, in the order of their first report. */
  users(): string[] {
    return [...this.#present.keys()];
  }

  /** Forgets who has not been heard of. @returns whether anybody is left */
  sweep(now: number): boolean {
    for (const [user, { until }] of this.#present) if (until === null || until <= now) this.#present.delete(user);
    return this.#present.size > 0;
  }

  view(now: number): Omit<ShardView, "leaving" | "drainUntil"> {
    this.sweep(now);
    const view = {
      startedAt: this.#startedAt,
      present: this.#present.size,
      active: 0,
      sharing: 0,
      connections: 0,
      contacts: { near: 0, far: 0, unknown: 0 },
      waiting: 0,
      counts: Object.fromEntries(this.#counts),
      sinks: Object.fromEntries(this.#sinks),
      deadLetters: this.#deadLetters,
      errors: this.#errors,
    };
    let oldestAt = Number.POSITIVE_INFINITY;
    const cells = new Map<string, number>();
    for (const one of this.#present.values()) {
      if (one.active) view.active += 1;
      if (one.sharing) view.sharing += 1;
      view.connections += one.connections;
      view.contacts.near += one.contacts.near;
      view.contacts.far += one.contacts.far;
      view.contacts.unknown += one.contacts.unknown;
      view.waiting += one.waiting;
      oldestAt = Math.min(oldestAt, one.oldestAt ?? oldestAt);
      if (one.cell !== null) cells.set(one.cell, (cells.get(one.cell) ?? 0) + 1);
    }
    return { ...view, oldestAt: Number.isFinite(oldestAt) ? oldestAt : null, cells: Object.fromEntries(cells) };
  }

  #note(error: RecentError): void {
    this.#errorsNoted += 1;
    this.#errors = [error, ...this.#errors].slice(0, RECENT_ERRORS_MAX);
  }
}
