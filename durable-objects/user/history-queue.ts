import { eraseMessage, type HistoryMessage, storeMessage } from "../../src/history/message.ts";
import { QUEUE_BINDING_PREFIX, queueIndex } from "../../src/history/queues.ts";
import { logError, logInfo } from "../../src/observe/log.ts";
import type { Meter } from "../../src/observe/meter.ts";
import { traced } from "../../src/observe/trace.ts";
import type { Agenda } from "./agenda.ts";
import type { Chunks } from "./chunks.ts";
import type { Erased } from "./erased.ts";

/** How long the queue may take. A pending call keeps the object billed, and its clients waiting for `saved`. */
export const SEND_TIMEOUT_MS = 2_000;

/** The platform takes 100 messages, 256 KB in all, at once; a chunk's message has at most 1.2 KB. */
export const MESSAGES_PER_SEND_MAX = 100;

/** First retry after the queue refused; doubles up to `RETRY_MAX_MS`. */
export const RETRY_FIRST_MS = 5_000;
/** An outage of hours must not become a call a second from every object; it ends in history that is late by this. */
export const RETRY_MAX_MS = 10 * 60_000;

export interface HistoryQueueParts {
  readonly env: Env;
  readonly user: string;
  readonly queues: number;
  readonly chunks: Chunks;
  readonly erased: Erased;
  readonly agenda: Agenda;
  readonly meter: Meter;
}

/**
 * The way into the user's queue. What it has not taken waits in the tables, marked as such, and is sent by `pump`: at
 * once, and from the alarm. A message may be sent twice: sinks take each point once.
 */
@traced
export class HistoryQueue {
  readonly #parts: HistoryQueueParts;
  #failures = 0;
  #retryAt = 0;
  #pumping: Promise<void> | null = null;

  constructor(parts: HistoryQueueParts) {
    this.#parts = parts;
  }

  /** @returns whether the queue has taken all of them; after a failure none may be taken for sent */
  async send(messages: readonly HistoryMessage[]): Promise<boolean> {
    for (let start = 0; start < messages.length; start += MESSAGES_PER_SEND_MAX) {
      const batch = messages.slice(start, start + MESSAGES_PER_SEND_MAX);
      if (!(await this.#sendBatch(batch))) return false;
      this.#parts.meter.queueMessages += batch.length;
    }
    if (this.#failures > 0) logInfo("queue_accepts", { user: this.#parts.user, refusals: this.#failures });
    this.#failures = 0;
    return true;
  }

  /** Sends what waits in the tables, unless the queue has just refused: then the alarm does. */
  pump(now: number): Promise<void> {
    this.#pumping ??= this.#pump(now).finally(() => {
      this.#pumping = null;
    });
    return this.#pumping;
  }

  /** @returns when a retry is due, ms, or null */
  async alarm(now: number): Promise<number | null> {
    if (!this.#waits()) return null;
    if (now >= this.#retryAt) await this.pump(now);
    return this.#waits() ? Math.max(now, this.#retryAt) : null;
  }

  async #pump(now: number): Promise<void> {
    const { chunks, erased, user, agenda } = this.#parts;
    if (now < this.#retryAt) return;
    // Should this object be reset while the queue has the messages, the alarm finds what still waits.
    agenda.cover(now + RETRY_FIRST_MS, now);
    for (;;) {
      const erasures = erased.waiting(MESSAGES_PER_SEND_MAX);
      const stores = chunks.waiting(MESSAGES_PER_SEND_MAX - erasures.length);
      if (erasures.length + stores.length === 0) return;
      const sent = await this.send([
        ...erasures.map(({ range }) => eraseMessage({ user, ...range })),
        ...stores.map(({ storedAt, chunk }) => storeMessage(user, storedAt, chunk)),
      ]);
      if (!sent) return;
      erased.queued(erasures);
      chunks.queued(stores);
    }
  }

  #waits(): boolean {
    return this.#parts.chunks.waiting(1).length > 0 || this.#parts.erased.waiting(1).length > 0;
  }

  async #sendBatch(messages: readonly HistoryMessage[]): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(() => resolve("no answer in time"), SEND_TIMEOUT_MS);
    const failure = await Promise.race([this.#give(messages), late]);
    clearTimeout(timer);
    if (failure !== null) this.#failed(failure);
    return failure === null;
  }

  /** @returns why the queue did not take them, or null */
  async #give(messages: readonly HistoryMessage[]): Promise<string | null> {
    try {
      await this.#queue().sendBatch(messages.map((body) => ({ body, contentType: "json" as const })));
      return null;
    } catch (error) {
      return String(error);
    }
  }

  #failed(reason: string): void {
    const now = Date.now();
    this.#retryAt = now + Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** this.#failures);
    this.#parts.agenda.cover(this.#retryAt, now);
    this.#failures += 1;
    // Once for an outage, not once for each of its retries.
    if (this.#failures === 1) logError("queue_refused", { user: this.#parts.user, reason });
  }

  #queue(): Queue {
    const { env, user, queues } = this.#parts;
    const binding = `${QUEUE_BINDING_PREFIX}${queueIndex(user, queues)}`;
    const queue: unknown = Reflect.get(env, binding);
    if (isQueue(queue)) return queue;
    throw new Error(`HISTORY_QUEUES is ${queues}, but there is no binding ${binding}: run npm run setup`);
  }
}

function isQueue(value: unknown): value is Queue {
  return typeof value === "object" && value !== null && "sendBatch" in value;
}
