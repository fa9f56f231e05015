import type { Meter } from "../../src/observe/meter.ts";
import { departing, failed, type Onward, onwardOf, type Reported, returned } from "../../src/observe/trace.ts";

type UserStub = ReturnType<Env["USER"]["getByName"]>;

/**
 * A friend's `meet`: kept apart from its stub, because to look a method up makes an object that the runtime has to track, as
 * long as the call itself takes to be sent.
 */
export type Meet = UserStub["meet"];

export type CellStub = ReturnType<Env["CELL"]["getByName"]>;

/** A namespace of objects. */
interface Namespace<Stub> {
  getByName(name: string): Stub;
}

/** Exactly one of them, once. */
export interface Ends<T> {
  readonly answered: (answer: T) => void;
  readonly failed: (error: unknown) => void;
}

/** `onward` is the last argument of the call. */
type Method<T, Stub> = (stub: Stub, onward: Onward) => Promise<T | Reported<T>>;

/**
 * Stubs of other objects, kept: making one hashes the object's name, which would happen at every meeting. A stub whose
 * object was reset is broken for good, so a call that fails on a kept one is made once more on a new one: every call
 * between objects may arrive twice.
 */
export class Stubs<Stub = UserStub> {
  readonly #objects: Namespace<Stub>;
  readonly #meter: Meter;
  readonly #nameInLog: string | undefined;
  readonly #byName = new Map<string, Stub>();

  /** @param nameInLog of all of them, where their own names say a place */
  constructor(objects: Namespace<Stub>, meter: Meter, nameInLog?: string) {
    this.#objects = objects;
    this.#meter = meter;
    this.#nameInLog = nameInLog;
  }

  /**
   * Calls an object: a user's by the user's id.
   *
   * @param verb what it is asked for, in a trace
   */
  call<T>(name: string, verb: string, method: Method<T, Stub>): Promise<T> {
    const step = departing(this.#nameInLog ?? name, verb);
    const onward = onwardOf(step);
    return new Promise((resolve, reject) => {
      this.launch<T | Reported<T>>(name, (stub) => method(stub, onward), {
        answered: (answer) => resolve(returned(step, answer)),
        failed: (error) => {
          failed(step, error);
          reject(error);
        },
      });
    });
  }

  /** A call that nobody traces, and without a promise of its own: 40 are made for each position. */
  launch<T>(name: string, method: (stub: Stub) => Promise<T>, ends: Ends<T>): void {
    this.#meter.callsOut += 1;
    const kept = this.#byName.get(name);
    if (kept === undefined) {
      this.#launchAfresh(name, method, ends);
      return;
    }
    attempt(kept, method).then(ends.answered, (error: unknown) => {
      this.#byName.delete(name);
      if (isOverloaded(error)) {
        ends.failed(error);
        return;
      }
      this.#meter.callsOut += 1;
      this.#launchAfresh(name, method, ends);
    });
  }

  #launchAfresh<T>(name: string, method: (stub: Stub) => Promise<T>, { answered, failed: hasFailed }: Ends<T>): void {
    const stub = this.#objects.getByName(name);
    this.#byName.set(name, stub);
    attempt(stub, method).then(answered, (error: unknown) => {
      this.#byName.delete(name);
      hasFailed(error);
    });
  }
}

export function meetsOf(users: Env["USER"], meter: Meter): Stubs<Meet> {
  return new Stubs({ getByName: (name) => users.getByName(name).meet }, meter);
}

/** What cannot even be sent has failed like what was not answered: later, and not while it is called. */
function attempt<T, Stub>(stub: Stub, method: (stub: Stub) => Promise<T>): Promise<T> {
  try {
    return method(stub);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Another call would only make it worse. */
function isOverloaded(error: unknown): boolean {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
}
