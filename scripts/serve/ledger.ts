/**
 * What the local queues still hold. Miniflare keeps a queue's messages in memory and gives nobody a list of them; so
 * that a server's end loses none, each message is written down here when it is sent and crossed out when its consumer
 * is done with it.
 *
 * Runs in workerd with its types stripped: only files that entry.ts lists may be imported here.
 */

/** A queue as its binding offers it. */
export interface Producer {
  send(body: unknown, options?: SendOptions): Promise<unknown>;
  sendBatch(messages: Iterable<{ body: unknown } & SendOptions>, options?: SendOptions): Promise<unknown>;
  metrics(): Promise<unknown>;
}

interface SendOptions {
  contentType?: string;
  delaySeconds?: number;
}

interface RetryOptions {
  delaySeconds?: number;
}

interface Message {
  readonly id: string;
  readonly timestamp: Date;
  readonly body: unknown;
  /** From 1. */
  readonly attempts: number;
  ack(): void;
  retry(options?: RetryOptions): void;
}

/** What a consumer is called with. */
export interface Batch {
  readonly queue: string;
  readonly messages: readonly Message[];
  readonly metadata: unknown;
  ackAll(): void;
  retryAll(options?: RetryOptions): void;
}

export type Handler = (batch: Batch) => unknown;

/** The part of a consumer's settings that decides what becomes of a message. */
export interface LedgerConsumer {
  readonly maxBatchSize: number;
  readonly maxRetries: number;
  readonly deadLetterQueue?: string | undefined;
}

/** A message that outlives the process. */
export interface KeptMessage {
  readonly id: string;
  readonly queue: string;
  /** When it was sent, ms. */
  readonly timestamp: number;
  /** JSON. */
  readonly body: unknown;
}

interface Held {
  readonly id: string;
  readonly timestamp: Date;
  readonly body: unknown;
  queue: string;
  attempts: number;
  /** With its consumer now. */
  busy: boolean;
  /** Brought to this queue's consumer since the end began. */
  flushed: boolean;
}

/** The field that carries a message's id through the broker, which gives it another one and keeps that to itself. */
const ID_FIELD = "serveMessageId";
const POLL_MS = 10;

export class QueueLedger {
  readonly #consumers: Readonly<Record<string, LedgerConsumer>>;
  readonly #held = new Map<string, Held>();
  #state: "open" | "flushing" | "closed" = "open";

  /** @param consumers by queue name */
  constructor(consumers: Readonly<Record<string, LedgerConsumer>>) {
    this.#consumers = consumers;
  }

  /** The binding that objects and the Worker get instead of `inner`. A queue that nobody consumes is left alone. */
  producer(queue: string, inner: Producer): Producer {
    if (!this.#consumers[queue]) return inner;
    return {
      send: async (body, options) => {
        const [held] = this.#hold(queue, [{ ...options, body }]);
        return this.#sendHeld([held], () => inner.send(wrapped(held), options));
      },
      sendBatch: async (messages, options) => {
        const list = [...messages];
        const all = this.#hold(queue, list);
        const bodies = list.map((each, index) => ({ ...each, body: wrapped(all[index]) }));
        return this.#sendHeld(all, () => inner.sendBatch(bodies, options));
      },
      metrics: () => inner.metrics(),
    };
  }

  /** Sends again what an earlier process left; each message keeps its id and its time. */
  async giveBack(kept: KeptMessage, inner: Producer): Promise<void> {
    const held = this.#add({ ...kept, timestamp: new Date(kept.timestamp) });
    await this.#sendHeld([held], () => inner.send(wrapped(held), { contentType: "json" }));
  }

  /** Called by the broker instead of the Worker's own handler, with the batch as the broker made it. */
  async deliver(batch: Batch, handle: Handler): Promise<void> {
    const mine: { message: Message; delivery: Delivery }[] = [];
    for (const message of batch.messages) {
      const id = idOf(message.body);
      const held = id === undefined ? undefined : this.#held.get(id);
      // Crossed out already, or about to be brought to the consumer by `flush`: the broker may forget it.
      if (id !== undefined && (held === undefined || held.busy || this.#state !== "open")) message.ack();
      else mine.push({ message, delivery: new Delivery(held ?? stranger(batch.queue, message), message.attempts) });
    }
    const deliveries = mine.map(({ delivery }) => delivery);
    if (deliveries.length === 0) return;
    await this.#hand(batch, deliveries, handle);
    // Each by itself: Miniflare repeats a whole batch for one failure, the cloud only what was not acknowledged.
    for (const { message, delivery } of mine) {
      if (delivery.failed) {
        this.#noteFailure(delivery.held, message.attempts);
        message.retry(delivery.retryOptions);
      } else message.ack();
    }
  }

  /**
   * At the server's end: brings what waits for its batch to fill, or for a retry, to the consumers now, once each, and
   * waits for them, at most `waitMs`. Then closes. An attempt made in this hurry does not count: a message becomes a dead
   * letter only after all the time that its retries were meant to take.
   *
   * @returns what could not be brought to an end
   */
  async flush(handle: Handler, waitMs: number): Promise<KeptMessage[]> {
    this.#state = "flushing";
    const work = async () => {
      while (this.#state === "flushing") {
        const queues = new Set([...this.#held.values()].filter((held) => !held.flushed).map(({ queue }) => queue));
        if (queues.size === 0 && ![...this.#held.values()].some(({ busy }) => busy)) return;
        await Promise.all([...queues].map((queue) => this.#flushQueue(queue, handle)));
        await wait(POLL_MS);
      }
    };
    await Promise.race([work(), wait(waitMs)]);
    return this.#close();
  }

  /** From now on sending fails: whoever sends keeps the message and tries again with the next server. */
  #close(): KeptMessage[] {
    this.#state = "closed";
    return [...this.#held.values()].map(({ id, queue, timestamp, body }) => ({
      id,
      queue,
      timestamp: timestamp.getTime(),
      body,
    }));
  }

  async #flushQueue(queue: string, handle: Handler): Promise<void> {
    const size = this.#consumers[queue]?.maxBatchSize ?? 1;
    const due = [...this.#held.values()].filter((held) => held.queue === queue && !held.busy && !held.flushed);
    for (let start = 0; start < due.length; start += size) {
      const batch = due.slice(start, start + size);
      for (const held of batch) held.flushed = true;
      const deliveries = batch.map((held) => new Delivery(held, held.attempts + 1));
      const metrics = { backlogCount: due.length - start - batch.length, backlogBytes: 0 };
      await this.#hand({ queue, metadata: { metrics } }, deliveries, handle);
    }
  }

  async #hand(from: Pick<Batch, "queue" | "metadata">, deliveries: Delivery[], handle: Handler): Promise<void> {
    for (const { held } of deliveries) held.busy = true;
    try {
      await handle({
        queue: from.queue,
        metadata: from.metadata,
        messages: deliveries,
        ackAll: () => deliveries.forEach((each) => each.ack()),
        retryAll: (options) => deliveries.forEach((each) => each.retry(options)),
      });
    } catch (error) {
      console.error(`queue ${from.queue}:`, error instanceof Error ? error.stack : String(error));
      for (const each of deliveries) each.retry();
    }
    for (const each of deliveries) {
      each.held.busy = false;
      if (!each.failed) this.#held.delete(each.id);
    }
  }

  /** As the broker does: after the last retry a message moves to the dead-letter queue, or is dropped without one. */
  #noteFailure(held: Held, attempts: number): void {
    held.attempts = attempts;
    const consumer = this.#consumers[held.queue];
    if (consumer && attempts <= consumer.maxRetries) return;
    const next = consumer?.deadLetterQueue;
    if (next === undefined || !this.#consumers[next]) this.#held.delete(held.id);
    else {
      held.queue = next;
      held.attempts = 0;
      held.flushed = false;
    }
  }

  /** All of them or, when one cannot be kept, none. */
  #hold(queue: string, messages: readonly ({ body: unknown } & SendOptions)[]): Held[] {
    const bodies = messages.map(jsonCopy);
    return bodies.map((body) => this.#add({ id: crypto.randomUUID(), queue, timestamp: new Date(), body }));
  }

  #add(message: Pick<Held, "id" | "queue" | "timestamp" | "body">): Held {
    if (this.#state === "closed") throw new Error("the local queues have closed: the server is ending");
    const held = { ...message, attempts: 0, busy: false, flushed: false };
    this.#held.set(held.id, held);
    return held;
  }

  async #sendHeld(all: readonly (Held | undefined)[], send: () => Promise<unknown>): Promise<unknown> {
    try {
      return await send();
    } catch (error) {
      // Whoever sends has been told, and tries again.
      for (const held of all) if (held) this.#held.delete(held.id);
      throw error;
    }
  }
}

/** A message on its way through the consumer. What is said first about it counts; silence means that it is done. */
class Delivery implements Message {
  readonly held: Held;
  readonly id: string;
  readonly timestamp: Date;
  readonly body: unknown;
  readonly attempts: number;
  retryOptions: RetryOptions | undefined;
  #verdict: "done" | "again" | undefined;

  constructor(held: Held, attempts: number) {
    this.held = held;
    this.id = held.id;
    this.timestamp = held.timestamp;
    this.body = held.body;
    this.attempts = attempts;
  }

  get failed(): boolean {
    return this.#verdict === "again";
  }

  ack(): void {
    this.#verdict ??= "done";
  }

  retry(options?: RetryOptions): void {
    if (this.#verdict === undefined) this.retryOptions = options;
    this.#verdict ??= "again";
  }
}

function wrapped(held: Held | undefined): Record<string, unknown> {
  return { [ID_FIELD]: held?.id, body: held?.body };
}

function idOf(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || !(ID_FIELD in body)) return undefined;
  return String(body[ID_FIELD]);
}

/** A message that did not come through a binding of this ledger: handed on, not kept. */
function stranger(queue: string, { id, timestamp, body }: Message): Held {
  return { id, queue, timestamp, body, attempts: 0, busy: false, flushed: false };
}

/** The body as the consumer will see it. What is kept for the next start is kept as JSON, so nothing else may be sent. */
function jsonCopy({ body, contentType = "json" }: { body: unknown } & SendOptions): unknown {
  if (contentType !== "json") throw new TypeError(`serve has queues for JSON only, not for ${contentType}`);
  return JSON.parse(JSON.stringify(body));
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
