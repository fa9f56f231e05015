/** The call tree of one event: what was called, where, for how long, and whether it failed. Plain data, built on hot paths. */

/** What an object that is traced says of itself. */
export interface About {
  /** Its name in a log: a user's id. Only the kind of object where a name would say a place. */
  readonly object: string;
  /** What takes longer is printed. 0: nothing is traced. */
  readonly slowMs: number;
  /** How long callers wait for an answer, ms; absent where none gives up. */
  readonly patienceMs?: number;
  /** Counters that stand beside a trace that is printed. */
  readonly state?: () => Readonly<Record<string, unknown>>;
}

/** One line of a tree, in the order of the calls: what is deeper belongs to the last line above it that is less deep. */
export interface Row {
  readonly depth: number;
  readonly object: string;
  readonly call: string;
  /** When it began, after its object's part of the event did; ms. */
  readonly atMs: number;
  readonly ms: number;
  /** The kind only: a message may repeat what a log must not know. */
  readonly error?: string;
  /** It had not ended: `ms` is how long it had lasted. */
  readonly open?: true;
  /** How long after the caller's event began it arrived, by the clocks of both; ms. */
  readonly lateMs?: number;
}

/** What is called. */
export interface Call {
  /** Such as `UserObject.meet`; `meet` where another object is asked for it. */
  readonly name: string;
  readonly object: string;
  /** Another object does it. */
  readonly isOutside: boolean;
}

/** The caller's trace, as it has come with a call. */
export interface Carried {
  readonly id: string;
  /** When the caller's event began, by its clock; ms. */
  readonly startMs: number;
}

export class Step {
  readonly trace: Trace;
  readonly call: Call;
  readonly startMs: number;
  /** Null until it has ended. */
  ms: number | null = null;
  error: string | null = null;
  inner: (Step | Fan)[] | null = null;
  /** What the object that was called has told of its part. */
  there: readonly Row[] | null = null;

  constructor(trace: Trace, call: Call, startMs: number) {
    this.trace = trace;
    this.call = call;
    this.startMs = startMs;
  }
}

/**
 * Calls of one kind to several objects, which leave at once: 40 for each position. A step for each of them would be most of
 * what a trace leaves to the garbage collector; what a line needs of them fits into two lists.
 */
export class Fan {
  readonly trace: Trace;
  readonly name: string;
  readonly startMs: number;
  readonly #objects: string[] = [];
  /** How long each lasted; -1 until it has ended. */
  readonly #ms: number[] = [];
  #left: number;
  #errors: Map<number, string> | null = null;
  #there: Map<number, readonly Row[]> | null = null;

  /** @param size how many calls will leave */
  constructor(trace: Trace, { name, size, now }: { name: string; size: number; now: number }) {
    this.trace = trace;
    this.name = name;
    this.startMs = now;
    this.#left = size;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  /** A call leaves. @returns its place */
  add(object: string): number {
    this.#ms.push(-1);
    return this.#objects.push(object) - 1;
  }

  /** @returns whether it was the last one; false also for one that was given up before */
  close(at: number, now: number, { error, there }: { error?: string; there?: readonly Row[] } = NOTHING): boolean {
    if (this.#ms[at] !== -1) return false;
    this.#ms[at] = now - this.startMs;
    this.#left -= 1;
    if (error !== undefined) {
      (this.#errors ??= new Map()).set(at, error);
      this.trace.failed = true;
    }
    if (there !== undefined) (this.#there ??= new Map()).set(at, there);
    return this.#left === 0;
  }

  rows(depth: number, now: number): Row[] {
    return this.#objects.flatMap((object, at) => {
      const ms = this.#ms[at] ?? -1;
      const error = this.#errors?.get(at);
      const row: Row = {
        depth,
        object,
        call: this.name,
        atMs: this.startMs - this.trace.root.startMs,
        ms: ms === -1 ? now - this.startMs : ms,
        ...(error === undefined ? {} : { error }),
        ...(ms === -1 ? { open: true } : {}),
      };
      const there = this.#there?.get(at) ?? [];
      return [row, ...there.map((each) => ({ ...each, depth: depth + 1 + each.depth }))];
    });
  }
}

const NOTHING = {} as const;

export interface TraceStart {
  readonly about: About;
  readonly call: Call;
  readonly now: number;
  readonly carried?: Carried | null;
  readonly id?: string | null;
  readonly isRecorded?: boolean;
}

/**
 * Everything that one event causes in an object, also what goes on after its handler has returned. It is over when nothing
 * of it is under way any more.
 */
export class Trace {
  readonly about: About;
  readonly root: Step;
  readonly carried: Carried | null;
  /** Steps that have not ended. */
  open = 1;
  failed = false;
  /** The platform records it, too. */
  readonly isRecorded: boolean;
  /** The caller was told all of it, and prints it if anybody does. */
  told = false;
  #id: string | null;
  #onward: string | null = null;

  constructor({ about, call, now, carried = null, id = null, isRecorded = false }: TraceStart) {
    this.about = about;
    this.carried = carried;
    this.isRecorded = isRecorded;
    this.#id = id;
    this.root = new Step(this, call, now);
  }

  /** Made when somebody wants to know it: nearly no event is printed, and most call nobody. */
  get id(): string {
    this.#id ??= this.carried?.id ?? newId();
    return this.#id;
  }

  /** Too late once another object has been told an id. */
  set id(id: string) {
    if (this.#onward === null) this.#id = id;
  }

  /** What calls to other objects carry; the same text for all of them, as for the runtime a structured value is slower. */
  get onward(): string {
    this.#onward ??= `${this.root.startMs} ${this.id}`;
    return this.#onward;
  }

  get isOver(): boolean {
    return this.open === 0;
  }
}

/** @returns null for what is no `onward` of a trace: objects of two versions talk to each other during a deploy */
export function readCarried(value: unknown): Carried | null {
  if (typeof value !== "string") return null;
  if (value !== readLast) [carriedLast, readLast] = [parseCarried(value), value];
  return carriedLast;
}

/** The same text comes with all calls of one event, and the objects that they go to often share an isolate. */
let readLast = "";
let carriedLast: Carried | null = null;

function parseCarried(value: string): Carried | null {
  const cut = value.indexOf(" ");
  const startMs = Number(value.slice(0, Math.max(0, cut)));
  return Number.isSafeInteger(startMs) && startMs > 0 ? { startMs, id: value.slice(cut + 1) } : null;
}

/** Tells events of some days of a log apart, nothing more. */
export function newId(): string {
  return Math.random().toString(36).slice(2, 12).padEnd(10, "0");
}

export function openStep(around: Step, call: Call, now: number): Step {
  const step = new Step(around.trace, call, now);
  if (around.inner === null) around.inner = [step];
  else around.inner.push(step);
  around.trace.open += 1;
  return step;
}

export function openFan(around: Step, name: string, size: number, now: number): Fan {
  const fan = new Fan(around.trace, { name, size, now });
  if (around.inner === null) around.inner = [fan];
  else around.inner.push(fan);
  around.trace.open += 1;
  return fan;
}

/** @returns whether with it the trace is over */
export function closeStep(step: Step, now: number, error: string | null): boolean {
  // Given up before it has ended.
  if (step.ms !== null) return false;
  step.ms = now - step.startMs;
  if (error !== null) {
    step.error = error;
    step.trace.failed = true;
  }
  step.trace.open -= 1;
  return step.trace.isOver;
}

/** Calls to other objects that began before then and have not ended; those of a fan are given up by whoever made it. */
export function waitingSince(step: Step, before: number): Step[] {
  const inner = (step.inner ?? []).flatMap((one) => (one instanceof Fan ? [] : waitingSince(one, before)));
  return step.call.isOutside && step.ms === null && step.startMs < before ? [step, ...inner] : inner;
}

/** The tree as a list. @param now until when that has lasted which has not ended, ms */
export function rowsOf({ root, carried }: Trace, now: number): Row[] {
  const rows: Row[] = [];
  const add = (step: Step, depth: number): void => {
    const { call, startMs, ms, error } = step;
    rows.push({
      depth,
      object: call.object,
      call: call.name,
      atMs: startMs - root.startMs,
      ms: ms ?? now - startMs,
      ...(error === null ? {} : { error }),
      ...(ms === null ? { open: true } : {}),
      ...(step === root && carried !== null ? { lateMs: startMs - carried.startMs } : {}),
    });
    for (const inner of step.inner ?? []) {
      if (inner instanceof Fan) rows.push(...inner.rows(depth + 1, now));
      else add(inner, depth + 1);
    }
    for (const row of step.there ?? []) rows.push({ ...row, depth: depth + 1 + row.depth });
  };
  add(root, 0);
  return rows;
}

/** The first, those that failed, and of the others those that lasted longest: so many of them, in their order. */
export function worst(rows: readonly Row[], count: number): readonly Row[] {
  if (rows.length <= count) return rows;
  const [first, ...others] = rows;
  const rank = ({ ms, error }: Row): number => (error === undefined ? ms : Infinity);
  // Not the difference: that of two infinities is no number.
  const byRank = others.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(b) > rank(a) ? 1 : -1));
  const kept = new Set([first, ...byRank.slice(0, count - 1)]);
  return rows.filter((row) => kept.has(row));
}
