import { DRAINED_PER_S_MAX } from "../../src/protocol/admin.ts";
import type { DrainStart } from "../../src/observe/report.ts";
import { inTime } from "../../src/observe/monitor.ts";

/** Sends people away one after the other: spread over a window, because they all come back within seconds. */
export class Drain {
  readonly #close: (user: string) => Promise<void>;
  #users: string[] = [];
  #total = 0;
  #startedAt = 0;
  #until: number | null = null;

  constructor(close: (user: string) => Promise<void>) {
    this.#close = close;
  }

  get left(): number {
    return this.#users.length;
  }
  /** ms; null while there is nothing to do. */
  get until(): number | null {
    return this.#users.length === 0 ? null : this.#until;
  }

  /** In place of what was left of an earlier one. The order is random: neighbours in a list were neighbours in time. */
  start(
    users: readonly string[],
    windowMs: number,
    { now, random }: { now: number; random: () => number },
  ): DrainStart {
    const shuffled = users.map((user) => ({ user, key: random() })).toSorted((a, b) => a.key - b.key);
    this.#users = shuffled.map(({ user }) => user);
    this.#total = users.length;
    this.#startedAt = now;
    this.#until = now + Math.max(windowMs, (users.length / DRAINED_PER_S_MAX) * 1_000);
    return { users: users.length, until: Math.ceil(this.#until) };
  }

  /** Sends away who is due. An object that does not answer is left behind: its clients lose their sockets without a word. */
  async step(now: number): Promise<void> {
    const windowMs = (this.#until ?? now) - this.#startedAt;
    const share = windowMs <= 0 ? 1 : Math.min(1, (now - this.#startedAt) / windowMs);
    const due = Math.ceil(this.#total * share) - (this.#total - this.#users.length);
    const leaving = this.#users.splice(0, Math.max(0, due));
    await Promise.all(leaving.map((user) => inTime(this.#close(user))));
  }
}
