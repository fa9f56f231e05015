import { logError, logInfo } from "../observe/log.ts";
import type { Meter } from "../observe/meter.ts";
import type { Announcement, Entries, Presence } from "./presence.ts";

/** After a failure nobody waits for the index for so long. Then one question is tried, and the others go on without. */
export const OPEN_MS = 30_000;

export interface BreakerParts {
  /** May reject. */
  readonly source: Presence;
  readonly now?: () => number;
  readonly log?: typeof logError;
  readonly logEnd?: typeof logInfo;
}

/**
 * Takes an index that is slow or fails out of the way of all objects of this isolate, instead of a second of each wake.
 * That is logged when it begins and when it has ended: with a line for each question, the logs of an outage would cost more than its calls.
 */
export class Breaker implements Presence {
  readonly #source: Presence;
  readonly #now: () => number;
  readonly #log: typeof logError;
  readonly #logEnd: typeof logInfo;
  /** 0: closed. */
  #openUntil = 0;

  constructor({ source, now = () => Date.now(), log = logError, logEnd = logInfo }: BreakerParts) {
    this.#source = source;
    this.#now = now;
    this.#log = log;
    this.#logEnd = logEnd;
  }

  get isDown(): boolean {
    return this.#openUntil > 0;
  }

  async announce(
    me: Announcement,
    friends: readonly string[],
    meter: Pick<Meter, "redisCommands">,
  ): Promise<Entries | null> {
    const isOpen = this.#openUntil > 0;
    if (isOpen) {
      const now = this.#now();
      if (now < this.#openUntil) return null;
      this.#openUntil = now + OPEN_MS;
    }
    try {
      const entries = await this.#source.announce(me, friends, meter);
      if (isOpen) this.#logEnd("index_available", { setting: "UPSTASH_REDIS_REST_URL" });
      this.#openUntil = 0;
      return entries;
    } catch (error) {
      this.#open(error);
      return null;
    }
  }

  #open(error: unknown): void {
    const isNew = this.#openUntil === 0;
    this.#openUntil = this.#now() + OPEN_MS;
    // The kind only: messages of the client repeat the command, and with it users.
    const reason = error instanceof Error ? error.name : typeof error;
    if (isNew) this.#log("index_unavailable", { setting: "UPSTASH_REDIS_REST_URL", reason, retryAfterMs: OPEN_MS });
  }
}
