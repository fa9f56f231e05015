type Stub = ReturnType<Env["USER"]["getByName"]>;

/**
 * Stubs of friends' objects, kept: making one hashes the friend's name, which would happen at every meeting. A stub whose
 * call failed may be broken for good, so it is thrown away.
 */
export class Stubs {
  readonly #env: Env;
  readonly #byUser = new Map<string, Stub>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** Calls a user's object. */
  async call<T>(user: string, method: (stub: Stub) => Promise<T>): Promise<T> {
    let stub = this.#byUser.get(user);
    if (stub === undefined) {
      stub = this.#env.USER.getByName(user);
      this.#byUser.set(user, stub);
    }
    try {
      return await method(stub);
    } catch (error) {
      if (this.#byUser.get(user) === stub) this.#byUser.delete(user);
      throw error;
    }
  }
}
