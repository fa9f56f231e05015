import type { Meter } from "../../src/observe/meter.ts";
import { departing, failed, type Onward, onwardOf, type Reported, returned } from "../../src/observe/trace.ts";

type UserStub = ReturnType<Env["USER"]["getByName"]>;

export type CellStub = ReturnType<Env["CELL"]["getByName"]>;

/** A namespace of objects. */
interface Namespace<Stub> {
  getByName(name: string): Stub;
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
  async call<T>(name: string, verb: string, method: Method<T, Stub>): Promise<T> {
    const step = departing(this.#nameInLog ?? name, verb);
    try {
      return returned(step, await this.#reach(name, method, onwardOf(step)));
    } catch (error) {
      failed(step, error);
      throw error;
    }
  }

  async #reach<T>(name: string, method: Method<T, Stub>, onward: Onward): Promise<T | Reported<T>> {
    this.#meter.callsOut += 1;
    const kept = this.#byName.get(name);
    if (kept !== undefined) {
      try {
        return await method(kept, onward);
      } catch (error) {
        this.#byName.delete(name);
        if (isOverloaded(error)) throw error;
        this.#meter.callsOut += 1;
      }
    }
    const stub = this.#objects.getByName(name);
    this.#byName.set(name, stub);
    try {
      return await method(stub, onward);
    } catch (error) {
      this.#byName.delete(name);
      throw error;
    }
  }
}

/** Another call would only make it worse. */
function isOverloaded(error: unknown): boolean {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
}
