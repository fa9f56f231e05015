import type { Meter } from "../../src/observe/meter.ts";

type UserStub = ReturnType<Env["USER"]["getByName"]>;

export type CellStub = ReturnType<Env["CELL"]["getByName"]>;

/** A namespace of objects. */
interface Namespace<Stub> {
  getByName(name: string): Stub;
}

/**
 * Stubs of other objects, kept: making one hashes the object's name, which would happen at every meeting. A stub whose
 * object was reset is broken for good, so a call that fails on a kept one is made once more on a new one: every call
 * between objects may arrive twice.
 */
export class Stubs<Stub = UserStub> {
  readonly #objects: Namespace<Stub>;
  readonly #meter: Meter;
  readonly #byName = new Map<string, Stub>();

  constructor(objects: Namespace<Stub>, meter: Meter) {
    this.#objects = objects;
    this.#meter = meter;
  }

  /** Calls an object: a user's by the user's id. */
  async call<T>(name: string, method: (stub: Stub) => Promise<T>): Promise<T> {
    this.#meter.callsOut += 1;
    const kept = this.#byName.get(name);
    if (kept !== undefined) {
      try {
        return await method(kept);
      } catch (error) {
        this.#byName.delete(name);
        if (isOverloaded(error)) throw error;
        this.#meter.callsOut += 1;
      }
    }
    const stub = this.#objects.getByName(name);
    this.#byName.set(name, stub);
    try {
      return await method(stub);
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
