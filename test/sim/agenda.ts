import type { Network } from "./network.ts";
import type { Queue } from "./queue.ts";
import type { PersonId } from "./scenario.ts";

/** As durable-objects/user/agenda.ts, where it says why. */
const ALARM_LOST_AFTER_MS = 2 * 60_000;

export interface AlarmClock {
  /** Durable: what `getAlarm()` would answer, by the object's clock, ms. */
  alarmAt: number | null;
  set(at: number): void;
}

/** The alarm of one object: the platform's side. A newer setting replaces the older one. */
export class Alarm implements AlarmClock {
  alarmAt: number | null = null;
  readonly #who: PersonId;
  readonly #queue: Queue;
  readonly #network: Network;
  readonly #skewMs: () => number;
  readonly #fire: () => void;
  #setting = 0;

  constructor(parts: { who: PersonId; queue: Queue; network: Network; skewMs: () => number; fire: () => void }) {
    this.#who = parts.who;
    this.#queue = parts.queue;
    this.#network = parts.network;
    this.#skewMs = parts.skewMs;
    this.#fire = parts.fire;
  }

  set(at: number): void {
    this.alarmAt = at;
    const setting = ++this.#setting;
    const due = at - this.#skewMs();
    this.#queue.plan(due + this.#network.alarmDelayMs(this.#who, due), () => {
      if (setting !== this.#setting) return;
      this.alarmAt = null;
      this.#fire();
    });
  }
}

/** One alarm for all deadlines, as the object has it in memory. */
export class Agenda {
  readonly #alarm: AlarmClock;
  #alarmAt: number | null;

  constructor(alarm: AlarmClock, alarmAt: number | null) {
    this.#alarm = alarm;
    this.#alarmAt = alarmAt;
  }

  get alarmAt(): number | null {
    return this.#alarmAt;
  }

  cover(deadline: number, now: number): void {
    const alarmAt = this.#alarmAt;
    if (alarmAt !== null && alarmAt <= deadline && alarmAt > now - ALARM_LOST_AFTER_MS) return;
    this.#alarmAt = Math.max(deadline, now);
    this.#alarm.set(this.#alarmAt);
  }

  fired(): void {
    this.#alarmAt = null;
  }
}
