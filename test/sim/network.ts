import { CALL_TIMEOUT_MS } from "../../durable-objects/user/waiting.ts";
import type { Counts } from "./counts.ts";
import type { Queue } from "./queue.ts";
import { Chance } from "./random.ts";
import type { Fate, PersonId, Scenario } from "./scenario.ts";

/** A slow way: some still arrive in time, others long after the caller has given up and moved on. */
export const SLOW_WAY_MS = { min: 500, max: 12_000 } as const;
const LATE_ALARM_MS = { min: 1_000, max: 60_000 } as const;
const PLAIN: Fate = { out: 20, back: 20 };
const ALARM_SALT = 0x616c;

export interface Message<T> {
  readonly from: PersonId;
  readonly to: PersonId;
  /** Runs in the other object. */
  readonly deliver: () => T;
  /** The answer, or null when the call broke. Never called when something got lost: the caller has a timer. */
  readonly ended: (answer: T | null) => void;
}

interface Trip {
  /** Which message of its sender to this receiver it is. */
  readonly n: number;
  readonly outMs: number;
  readonly mayRetry: boolean;
}

/** Carries calls between objects, and loses, delays, repeats and breaks them. */
export class Network {
  readonly #queue: Queue;
  readonly #scenario: Scenario;
  readonly #calmAt: number;
  readonly #counts: Counts;
  /** The fates that were drawn or given: with them the same run needs no weather. */
  readonly fates = new Map<string, Fate>();
  readonly #sent = new Map<number, number>();
  readonly #arrived = new Map<number, number>();
  /** Messages, answers and waiting callers per pair. */
  readonly #busy = new Map<number, number>();
  readonly #resets = new Map<PersonId, number>();
  readonly #underWay = new Map<PersonId, number>();
  readonly #alarms = new Map<PersonId, number>();

  constructor(queue: Queue, scenario: Scenario, counts: Counts) {
    this.#queue = queue;
    this.#scenario = scenario;
    this.#calmAt = queue.now + scenario.calmAt;
    this.#counts = counts;
  }

  send<T>(message: Message<T>): void {
    const { from, to } = message;
    const way = from * WAYS + to;
    const n = this.#sent.get(way) ?? 0;
    this.#sent.set(way, n + 1);
    const fate = this.#fate(`${from}>${to}#${n}`, from, to, n);
    if (fate.lost === "call") {
      this.#counts.lostCalls++;
      return;
    }
    if (fate.out + fate.back > CALL_TIMEOUT_MS) this.#counts.slowCalls++;
    this.#carry(message, fate, { n, outMs: fate.out, mayRetry: true });
    if (fate.again === undefined) return;
    this.#counts.repeatedCalls++;
    this.#carry(message, fate, { n, outMs: fate.out + fate.again, mayRetry: false });
  }

  /** How late the next alarm of this object is, ms. */
  alarmDelayMs(who: PersonId, isDue: number): number {
    const n = this.#alarms.get(who) ?? 0;
    this.#alarms.set(who, n + 1);
    const name = `${who}!${n}`;
    const { weather, fates } = this.#scenario;
    const chance = new Chance(weather?.seed ?? 0, ALARM_SALT, who, n);
    const isLate = weather !== null && chance.is(weather.lateAlarms) && isDue < this.#calmAt;
    const drawn = { ...PLAIN, out: isLate ? Math.round(chance.between(LATE_ALARM_MS.min, LATE_ALARM_MS.max)) : 0 };
    const fate = fates[name] ?? drawn;
    if (fate.out > 0) {
      this.fates.set(name, fate);
      this.#counts.lateAlarms++;
    }
    return fate.out;
  }

  reset(who: PersonId): void {
    this.#resets.set(who, (this.#resets.get(who) ?? 0) + 1);
    if ((this.#underWay.get(who) ?? 0) > 0) this.#counts.resetsInMidCall++;
  }

  /** Something is under way between the two, or one waits for it. */
  isBusy(a: PersonId, b: PersonId): boolean {
    return (this.#busy.get(pairOf(a, b)) ?? 0) > 0;
  }

  note(a: PersonId, b: PersonId, change: 1 | -1): void {
    const pair = pairOf(a, b);
    this.#busy.set(pair, (this.#busy.get(pair) ?? 0) + change);
  }

  #carry<T>(message: Message<T>, fate: Fate, { n, outMs, mayRetry }: Trip): void {
    const { from, to, deliver, ended } = message;
    const queue = this.#queue;
    const resets = this.#resets.get(to) ?? 0;
    const isBroken = (): boolean => fate.fragile === true && (this.#resets.get(to) ?? 0) !== resets;
    // A stub that was kept is broken for good, so the call is made once more on a new one: it may arrive twice.
    const broken = (): void => {
      this.#counts.brokenCalls++;
      if (mayRetry) this.#carry(message, fate, { n, outMs: fate.out, mayRetry: false });
      else ended(null);
    };
    this.#start(from, to);
    queue.plan(queue.now + outMs, () => {
      if (isBroken()) {
        this.#end(from, to);
        broken();
        return;
      }
      const way = from * WAYS + to;
      const last = this.#arrived.get(way) ?? -1;
      if (n < last) this.#counts.reorderedCalls++;
      else this.#arrived.set(way, n);
      const answer = deliver();
      if (fate.lost === "answer") {
        this.#counts.lostAnswers++;
        this.#end(from, to);
        return;
      }
      queue.plan(queue.now + fate.back, () => {
        this.#end(from, to);
        if (isBroken()) broken();
        else ended(answer);
      });
    });
  }

  #start(from: PersonId, to: PersonId): void {
    this.note(from, to, 1);
    for (const who of [from, to]) this.#underWay.set(who, (this.#underWay.get(who) ?? 0) + 1);
  }

  #end(from: PersonId, to: PersonId): void {
    this.note(from, to, -1);
    for (const who of [from, to]) this.#underWay.set(who, (this.#underWay.get(who) ?? 0) - 1);
  }

  #fate(name: string, from: PersonId, to: PersonId, n: number): Fate {
    const { weather, fates } = this.#scenario;
    const given = fates[name] ?? (weather === null ? PLAIN : undefined);
    if (given !== undefined) {
      // Numbers shift when the core calls more or less often than it did: what was a fault may not strike when all is calm.
      const isLate = this.#scenario.calmAt > 0 && this.#queue.now >= this.#calmAt && isFault(given);
      if (given !== PLAIN && !isLate) this.fates.set(name, given);
      return isLate ? PLAIN : given;
    }
    const drawn = this.#draw(new Chance(weather?.seed ?? 0, from, to, n));
    this.fates.set(name, drawn);
    return drawn;
  }

  #draw(chance: Chance): Fate {
    const { weather } = this.#scenario;
    const [minMs, maxMs] = weather?.wayMs ?? [PLAIN.out, PLAIN.out];
    const way = (): number => Math.round(chance.between(minMs, maxMs));
    const slowWay = (): number => Math.round(chance.between(SLOW_WAY_MS.min, SLOW_WAY_MS.max));
    const plain: Fate = { out: way(), back: way(), fragile: chance.is(0.5) };
    if (weather === null || this.#queue.now >= this.#calmAt) return plain;
    // One number decides: a message suffers one fault at a time, so each share is what it says.
    const luck = chance.next();
    const isHalf = chance.is(0.5);
    if (luck < weather.lost) return { ...plain, lost: isHalf ? "call" : "answer" };
    if (luck < weather.lost + weather.slow)
      return isHalf ? { ...plain, out: slowWay() } : { ...plain, back: slowWay() };
    if (luck < weather.lost + weather.slow + weather.again) return { ...plain, again: isHalf ? way() : slowWay() };
    return plain;
  }
}

function isFault({ out, back, lost, again }: Fate): boolean {
  return lost !== undefined || again !== undefined || out + back > CALL_TIMEOUT_MS;
}

/** Above every number of people: two ids make one number. */
const WAYS = 65_536;

function pairOf(a: PersonId, b: PersonId): number {
  return a < b ? a * WAYS + b : b * WAYS + a;
}
