import type { Meter } from "../../src/observe/meter.ts";

type Stub = ReturnType<Env["USER"]["getByName"]>;

/**
 * Stubs of friends' objects, kept: making one hashes the friend's name, which would happen at every meeting. A stub whose
 * object was reset is broken for good, so a call that fails on a kept one is made once more on a new one: every call
 * between objects may arrive twice.
 */
export class Stubs {
  readonly #env: Env;
  readonly #meter: Meter;
  readonly #byUser = new Map<string, Stub>();

  constructor(env: Env, meter: Meter) {
    this.#env = env;
    this.#meter = meter;
  }

  /** Calls a user's object. */
  async call<T>(user: string, method: (stub: Stub) => Promise<T>): Promise<T> {
    this.#meter.callsOut += 1;
    const kept = this.#byUser.get(user);
    if (kept !== undefined) {
      try {
        return await method(kept);
      } catch (error) {
        this.#byUser.delete(user);
        if (isOverloaded(error)) throw error;
        this.#meter.callsOut += 1;
      }
    }
    const stub = this.#env.USER.getByName(user);
    this.#byUser.set(user, stub);
    try {
      return await method(stub);
    } catch (error) {
      this.#byUser.delete(user);
      throw error;
    }
  }
}

/** Another call would only make it worse. */
function isOverloaded(error: unknown): boolean {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
}
