/** The few commands of the index of active friends on a map, for tests and benches where no Redis is installed. */
import type { RedisLike, Reply } from "./redis-like.ts";

export class MemoryRedis implements RedisLike {
  readonly #entries = new Map<string, { value: string; until: number }>();
  readonly #now: () => number;

  constructor(now: () => number = () => Date.now()) {
    this.#now = now;
  }

  /** SET key value [GET] [EX seconds], MGET and FLUSHALL; anything else is refused. */
  command([name = "", ...args]: readonly string[]): Promise<Reply> {
    switch (name.toUpperCase()) {
      case "SET":
        return this.#set(args);
      case "MGET":
        return Promise.resolve(args.map((key) => this.#get(key)));
      case "FLUSHALL":
        this.#entries.clear();
        return Promise.resolve("OK");
      default:
        return Promise.reject(new Error(`ERR unknown command '${name}'`));
    }
  }

  async transaction(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    return Promise.all(commands.map((command) => this.command(command)));
  }

  #set([key, value, ...options]: readonly string[]): Promise<Reply> {
    const words = options.map((word) => word.toUpperCase());
    const at = words.indexOf("EX");
    const seconds = Number(words[at + 1]);
    if (key === undefined || value === undefined || at < 0 || !(seconds > 0)) {
      return Promise.reject(new Error("ERR syntax error"));
    }
    const before = this.#get(key);
    this.#entries.set(key, { value, until: this.#now() + seconds * 1000 });
    return Promise.resolve(words.includes("GET") ? before : "OK");
  }

  #get(key: string): string | null {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.until > this.#now() ? entry.value : null;
  }
}
