/**
 * Who called what, and for how long: the call tree of each event, printed as one line of the log only when it took longer
 * than `SLOW_MS` or something in it failed. Any other event leaves nothing behind.
 *
 * Durations are of the runtime's clock, which stands still while code runs and goes on at I/O: they show what was waited
 * for, and nothing of what was computed.
 */
import { AsyncLocalStorage } from "node:async_hooks";

import { inSpan, isRecorded } from "./spans.ts";
import { closeStep, openFan, openStep, readCarried, rowsOf, Trace, waitingSince, worst } from "./steps.ts";
import type { About, Call, Carried, Fan, Row, Step } from "./steps.ts";
import { errorName, mayReport, printTrace } from "./trace-line.ts";

/** Under a symbol: what an object has under a name can be called by other objects. */
export const ABOUT: unique symbol = Symbol("about");

/** An object whose handlers and calls begin a trace. Methods of other classes are traced as part of what calls them. */
export interface Traceable {
  readonly [ABOUT]: About;
}

/** What a call to another object carries as its last argument; undefined while nothing is traced. */
export type Onward = string | undefined;

/** The answer to a caller who has waited so long that it may print its trace: this part of it comes along. */
export interface Reported<T> {
  readonly answer: T;
  readonly trace: readonly Row[];
}

/** Rows of a report: it delays an answer that is late already. */
const REPORT_ROWS_MAX = 10;

/** A caller learns what an answer was waited for from this share of `SLOW_MS` on: its own wait goes on for a while. */
const REPORT_SHARE = 1 / 2;

type Class = abstract new (...args: never[]) => object;

interface Options {
  /** Methods whose last declared argument is the `Onward` of the caller. */
  readonly carrying: readonly string[];
  /**
   * Of these, those that are called by other objects only and return what is no promise. Such a call mostly starts nothing, so a
   * trace is made of it only when it does, when it fails, or when it came late. What it starts is traced, but not what follows
   * from its end, unless it is started with `follow`: to enter AsyncLocalStorage costs more than the rest of a traced call. And
   * it is no span of its own: the platform has one for the call itself.
   */
  readonly brief?: readonly string[];
}

/** The step that is being taken. It follows awaits and timers, but no call to another object: there it is an argument. */
const current = new AsyncLocalStorage<Step>();

/** The same within the code that runs now, until it returns or awaits. */
let running: Step | Arrival | null = null;

/** A brief call. Its trace is made when somebody asks for it. */
class Arrival {
  readonly #about: About;
  readonly #name: string;
  readonly #startMs: number;
  readonly #carried: Carried | null;
  #step: Step | null = null;

  constructor(about: About, name: string, carried: Carried | null) {
    this.#about = about;
    this.#name = name;
    this.#startMs = Date.now();
    this.#carried = carried;
  }

  get step(): Step {
    const [about, now, carried] = [this.#about, this.#startMs, this.#carried];
    const call = { name: this.#name, object: about.object, isOutside: false };
    return (this.#step ??= new Trace({ about, call, now, carried }).root);
  }

  /** Nothing of it can be of interest: it has started nothing, and its caller does not wait for long. */
  get isNothing(): boolean {
    if (this.#step !== null) return false;
    const { slowMs, patienceMs = Infinity } = this.#about;
    const lateMs = this.#carried === null ? 0 : this.#startMs - this.#carried.startMs;
    return lateMs < slowMs * REPORT_SHARE && lateMs < patienceMs;
  }
}

function here(): Step | undefined {
  return (running instanceof Arrival ? running.step : running) ?? current.getStore();
}

/**
 * Traces a method, or all methods of a class but those under a `#`.
 *
 * Whatever is on the path of a position is decorated as a whole class: for a decorated method esbuild turns all private
 * members of the class into entries of WeakMaps.
 */
export function traced(target: Class, context: ClassDecoratorContext): void;
export function traced<M extends Function>(target: M, context: ClassMethodDecoratorContext): M;
export function traced(options: Options): (target: Class, context: ClassDecoratorContext) => void;
export function traced(
  target: Class | Function | Options,
  context?: ClassDecoratorContext | ClassMethodDecoratorContext,
): unknown {
  if (typeof target === "object") {
    return (type: Class, { name }: ClassDecoratorContext): void => traceClass(type, String(name), target);
  }
  if (context?.kind === "method") {
    const method = String(context.name);
    return traceMethod(target, ({ constructor }) => `${constructor.name}.${method}`);
  }
  traceClass(target, String(context?.name), { carrying: [] });
  return undefined;
}

function traceClass(target: Class | Function, name: string, { carrying, brief = [] }: Options): void {
  const prototype: unknown = target.prototype;
  if (typeof prototype !== "object" || prototype === null) throw new Error(`${name} is no class`);
  const descriptors = Object.getOwnPropertyDescriptors(prototype);
  const missing = [...carrying, ...brief].find((key) => !Object.hasOwn(descriptors, key));
  if (missing !== undefined) throw new Error(`${name} has no method ${missing}`);
  for (const [key, descriptor] of Object.entries(descriptors)) {
    const method: unknown = descriptor.value;
    if (key === "constructor" || typeof method !== "function") continue;
    const label = `${name}.${key}`;
    const value = traceMethod(method, () => label, { carries: carrying.includes(key), isBrief: brief.includes(key) });
    Object.defineProperty(prototype, key, { ...descriptor, value });
  }
}

function traceMethod(
  method: Function,
  nameOf: (object: object) => string,
  { carries, isBrief } = { carries: false, isBrief: false },
): Function {
  const last = method.length - 1;
  function tracedCall(this: object, ...args: unknown[]): unknown {
    const step = stepInto(nameOf, this) ?? rootOf(this, nameOf, carries ? args[last] : undefined);
    return step === null
      ? Reflect.apply(method, this, args)
      : take(step, () => Reflect.apply(method, this, args), isBrief);
  }
  if (!isBrief) return tracedCall;
  return function briefCall(this: object, ...args: unknown[]): unknown {
    // Within a step it is one more step.
    if (running !== null || !isTraceable(this)) return Reflect.apply(tracedCall, this, args);
    const about = this[ABOUT];
    if (about.slowMs === 0) return Reflect.apply(method, this, args);
    const arrival = new Arrival(about, nameOf(this), carries ? readCarried(args[last]) : null);
    let result: unknown;
    running = arrival;
    try {
      result = Reflect.apply(method, this, args);
    } catch (error) {
      end(arrival.step, error);
      throw error;
    } finally {
      running = null;
    }
    return arrival.isNothing ? result : left(arrival.step, result);
  };
}

/** Traces work of the Worker, which is no object. */
export async function traceRequest<T>(
  { about, id, name }: { about: About; id: string; name: string },
  work: () => Promise<T>,
): Promise<T> {
  if (about.slowMs === 0) return work();
  const { root } = new Trace({ about, call: { name, object: about.object, isOutside: false }, now: Date.now(), id });
  try {
    const answer = await current.run(root, work);
    end(root, null);
    return answer;
  } catch (error) {
    end(root, error);
    throw error;
  }
}

/** What is traced belongs to the request with this id. */
export function traceAs(id: string | undefined): void {
  const step = here();
  if (id !== undefined && step !== undefined) step.trace.id = id;
}

// Calls to other objects

/** @returns null when nothing is traced */
export function departing(object: string, name: string): Step | null {
  const around = here();
  return around === undefined ? null : stepFrom(around, { name, object, isOutside: true });
}

export function onwardOf(step: Step | null): Onward {
  return step?.trace.onward;
}

export function returned<T>(step: Step | null, answer: T | Reported<T>): T {
  const isReport = isReported(answer);
  if (step !== null) {
    // Not what has come too late: the call has been given up, and its trace may be printed.
    if (isReport && step.ms === null) step.there = answer.trace;
    end(step, null);
  }
  return isReport ? answer.answer : answer;
}

export function failed(step: Step | null, error: unknown): void {
  if (step !== null) end(step, error);
}

/**
 * Calls of one kind to so many objects are about to leave.
 *
 * @returns null when nothing is traced
 */
export function departingAll(name: string, size: number): Fan | null {
  const around = here();
  if (around === undefined) return null;
  const now = Date.now();
  const { trace } = around;
  if (!trace.isOver) return openFan(around, name, size, now);
  // All that was under way has ended: a trace of its own, under the same id.
  const call = { name, object: trace.about.object, isOutside: false };
  const { root } = new Trace({ about: trace.about, call, now, id: trace.id });
  const fan = openFan(root, name, size, now);
  end(root, null);
  return fan;
}

/** One of them was answered. @returns the answer */
export function returnedTo<T>(fan: Fan | null, at: number, answer: T | Reported<T>, now: number): T {
  const isReport = isReported(answer);
  if (fan !== null) endOne(fan, at, now, isReport ? { there: answer.trace } : {});
  return isReport ? answer.answer : answer;
}

/** One of them has failed, or is given up. */
export function failedTo(fan: Fan | null, at: number, error: unknown, now: number): void {
  if (fan !== null) endOne(fan, at, now, { error: errorName(error) });
}

/** What a call fails with that is given up. */
export const TIMEOUT = new DOMException("not answered in time", "TimeoutError");

/** Runs `work`, and what follows from it later, as part of what is traced: also within a method that is `brief`. */
export function follow<T>(work: () => T): T {
  const step = running instanceof Arrival ? running.step : running;
  return step === null || step === current.getStore() ? work() : current.run(step, work);
}

/**
 * @returns to be called when nobody waits any more, after `waitMs`: calls of this event that are still under way end then, or
 * one that is never answered would keep its trace from being printed
 */
export function givingUpAfter(waitMs: number): () => void {
  const around = here();
  return () => {
    if (around === undefined) return;
    // What began later has a deadline of its own.
    for (const step of waitingSince(around.trace.root, Date.now() - waitMs / 2)) end(step, TIMEOUT);
  };
}

// Steps

/** Null outside of a trace. */
function stepInto(nameOf: (object: object) => string, owner: object): Step | null {
  const around = here();
  if (around === undefined) return null;
  return stepFrom(around, { name: nameOf(owner), object: around.trace.about.object, isOutside: false });
}

function stepFrom(around: Step, call: Call): Step {
  const { trace } = around;
  if (!trace.isOver) return openStep(around, call, Date.now());
  // An answer may cause another call when all that was under way has ended: a trace of its own, under the same id.
  return new Trace({ about: trace.about, call, now: Date.now(), id: trace.id }).root;
}

function rootOf(object: object, nameOf: (object: object) => string, carried: unknown): Step | null {
  if (!isTraceable(object)) return null;
  const about = object[ABOUT];
  if (about.slowMs === 0) return null;
  const call = { name: nameOf(object), object: about.object, isOutside: false };
  return new Trace({ about, call, now: Date.now(), carried: readCarried(carried), isRecorded: isRecorded() }).root;
}

function take(step: Step, work: () => unknown, isBrief: boolean): unknown {
  const before = running;
  let result: unknown;
  running = step;
  try {
    const steps = step.trace.isRecorded ? () => inSpan(step.call.name, work) : work;
    result = isBrief ? steps() : current.run(step, steps);
  } catch (error) {
    end(step, error);
    throw error;
  } finally {
    running = before;
  }
  return left(step, result);
}

/** The method has returned. */
function left(step: Step, result: unknown): unknown {
  if (!(result instanceof Promise)) return leave(step, result);
  return result.then(
    (answer: unknown) => leave(step, answer),
    (error: unknown) => {
      end(step, error);
      throw error;
    },
  );
}

/** @returns the answer, with what its caller may want to print of how it came about */
function leave<T>(step: Step, answer: T): T | Reported<T> {
  const { trace } = step;
  if (step !== trace.root || trace.carried === null) {
    end(step, null);
    return answer;
  }
  const now = Date.now();
  const waitedMs = now - trace.carried.startMs;
  const { slowMs, patienceMs = Infinity } = trace.about;
  const isWanted = waitedMs >= slowMs * REPORT_SHARE && mayReport(now);
  const isOver = closeStep(step, now, null);
  trace.told = isWanted && isOver && waitedMs < patienceMs;
  if (isOver) conclude(trace, now);
  return isWanted ? { answer, trace: worst(rowsOf(trace, now), REPORT_ROWS_MAX) } : answer;
}

function end(step: Step, error: unknown): void {
  const now = Date.now();
  if (closeStep(step, now, error === null ? null : errorName(error))) conclude(step.trace, now);
}

function endOne(fan: Fan, at: number, now: number, ended: { error?: string; there?: readonly Row[] }): void {
  if (!fan.close(at, now, ended)) return;
  fan.trace.open -= 1;
  if (fan.trace.isOver) conclude(fan.trace, now);
}

/** The trace is over. */
function conclude(trace: Trace, now: number): void {
  const { root, about, carried, told } = trace;
  const { slowMs, patienceMs = Infinity } = about;
  const ms = now - root.startMs;
  // Nobody was left to whom an answer could have told of it.
  const isUntold = carried !== null && now - carried.startMs >= patienceMs;
  if (trace.failed || ((ms > slowMs || isUntold) && !told)) printTrace(trace, now);
}

function isTraceable(object: object): object is Traceable {
  return ABOUT in object;
}

function isReported<T>(answer: T | Reported<T>): answer is Reported<T> {
  return typeof answer === "object" && answer !== null && "answer" in answer && "trace" in answer;
}
