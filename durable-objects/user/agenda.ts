import type { Meter } from "../../src/observe/meter.ts";

/** The platform may run an alarm a minute late; one that is later than this has been lost and counts as unset. */
export const ALARM_LOST_AFTER_MS = 2 * 60_000;

/**
 * The one alarm of an object, shared by all its deadlines. A deadline that an earlier alarm covers sets nothing: the alarm
 * fires, finds what is due and is set for the next. So a position, which moves the deadline of activity by 30 s, writes
 * no row; the alarm is set about once in ten minutes.
 */
export class Agenda {
  readonly #storage: DurableObjectStorage;
  readonly #meter: Meter;
  #alarmAt: number | null;

  constructor(storage: DurableObjectStorage, alarmAt: number | null, meter: Meter) {
    this.#storage = storage;
    this.#meter = meter;
    this.#alarmAt = alarmAt;
  }

  /** When the alarm is set to fire, ms. */
  get alarmAt(): number | null {
    return this.#alarmAt;
  }

  /** Makes sure that the alarm fires at `deadline` (ms) or before. */
  cover(deadline: number, now: number): void {
    const alarmAt = this.#alarmAt;
    if (alarmAt !== null && alarmAt <= deadline && alarmAt > now - ALARM_LOST_AFTER_MS) return;
    this.#alarmAt = Math.max(deadline, now);
    this.#meter.alarmsSet += 1;
    // Not awaited: the output gate holds every later frame and answer until the write is confirmed.
    void this.#storage.setAlarm(this.#alarmAt);
  }

  /** The alarm runs: none is set now. */
  fired(): void {
    this.#alarmAt = null;
  }
}
