/** The ledger of the local queues, against a broker that does what Miniflare's does. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { QueueLedger, type Batch, type Handler, type Producer } from "../../scripts/serve/ledger.ts";

const CONSUMERS = {
  main: { maxBatchSize: 2, maxRetries: 1, deadLetterQueue: "dead" },
  dead: { maxBatchSize: 10, maxRetries: 0 },
};
const FLUSH_MS = 200;

/** Holds what was sent; `batch` makes a batch of it, and notes what is said about each message. */
class Broker implements Producer {
  readonly bodies: unknown[] = [];
  readonly verdicts: string[] = [];
  failing = false;

  async send(body: unknown): Promise<string> {
    if (this.failing) throw new Error("the queue refuses");
    this.bodies.push(body);
    return "sent";
  }

  async sendBatch(messages: Iterable<{ body: unknown }>): Promise<string> {
    for (const { body } of messages) await this.send(body);
    return "all sent";
  }

  async metrics(): Promise<number> {
    return this.bodies.length;
  }

  batch({ queue = "main", attempts = 1, bodies = this.bodies } = {}): Batch {
    return {
      queue,
      metadata: {},
      messages: bodies.map((body, index) => ({
        id: `broker-${index}`,
        timestamp: new Date(5),
        body,
        attempts,
        ack: () => this.verdicts.push("ack"),
        retry: (options) => this.verdicts.push(options ? `retry ${options.delaySeconds} s` : "retry"),
      })),
      ackAll: () => this.verdicts.push("ack all"),
      retryAll: () => this.verdicts.push("retry all"),
    };
  }
}

let broker: Broker;
let ledger: QueueLedger;
let queue: Producer;
let seen: { queue: string; bodies: unknown[]; attempts: number[] }[];

const accept: Handler = ({ queue: from, messages }) => {
  seen.push({ queue: from, bodies: messages.map(({ body }) => body), attempts: messages.map((one) => one.attempts) });
};

function fail(): never {
  throw new Error("the sink is down");
}

async function left(handle: Handler = fail): Promise<unknown[]> {
  const kept = await ledger.flush(handle, FLUSH_MS);
  return kept.map((message) => [message.queue, message.body]);
}

beforeEach(() => {
  broker = new Broker();
  ledger = new QueueLedger(CONSUMERS);
  queue = ledger.producer("main", broker);
  seen = [];
  vi.spyOn(console, "error").mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("sending", () => {
  test("passes on what the queue answers", async () => {
    expect(await queue.send({ n: 1 })).toBe("sent");
    expect(await queue.sendBatch([{ body: { n: 2 } }])).toBe("all sent");
    expect(await queue.metrics()).toBe(2);
  });

  test("a message that the queue refuses is not kept: whoever sent it tries again", async () => {
    broker.failing = true;
    await expect(queue.send({ n: 1 })).rejects.toThrow("the queue refuses");
    await expect(queue.sendBatch([{ body: 1 }, { body: 2 }])).rejects.toThrow("the queue refuses");
    expect(await left()).toEqual([]);
  });

  test("anything but JSON is refused, and nothing of its batch is kept", async () => {
    await expect(queue.send(new Uint8Array(1), { contentType: "bytes" })).rejects.toThrow("not for bytes");
    await expect(queue.sendBatch([{ body: 1 }, { body: 2, contentType: "v8" }])).rejects.toThrow("not for v8");
    await expect(queue.sendBatch([{ body: 1 }, { body: 1n }])).rejects.toThrow(TypeError);
    expect(broker.bodies).toEqual([]);
    expect(await left()).toEqual([]);
  });

  test("a queue that nobody consumes is left alone", () => {
    expect(ledger.producer("elsewhere", broker)).toBe(broker);
  });

  test("fails once the ledger has closed", async () => {
    expect(await left()).toEqual([]);
    await expect(queue.send({ n: 1 })).rejects.toThrow("the server is ending");
    await expect(queue.sendBatch([{ body: 1 }])).rejects.toThrow("the server is ending");
    expect(broker.bodies).toEqual([]);
  });
});

describe("delivering", () => {
  test("the consumer sees the body as JSON has it, with an id that stays the same in each attempt", async () => {
    await queue.send({ n: 1, nothing: undefined });
    const ids: string[] = [];
    const handle: Handler = ({ messages }) => {
      ids.push(...messages.map(({ id }) => id));
      accept({ ...broker.batch(), messages });
      messages[0]?.retry();
    };
    await ledger.deliver(broker.batch(), handle);
    await ledger.deliver(broker.batch({ attempts: 2 }), handle);
    expect(seen.map(({ bodies, attempts }) => [bodies, attempts])).toEqual([
      [[{ n: 1 }], [1]],
      [[{ n: 1 }], [2]],
    ]);
    expect(ids[0]).toMatch(/^[\w-]{36}$/);
    expect(ids[1]).toBe(ids[0]);
  });

  const cases: [title: string, handle: Handler, verdicts: string[], kept: number[]][] = [
    ["silence is done", () => {}, ["ack", "ack"], []],
    ["one message again", ({ messages }) => messages[1]?.retry({ delaySeconds: 7 }), ["ack", "retry 7 s"], [2]],
    ["all again", (batch) => batch.retryAll(), ["retry", "retry"], [1, 2]],
    ["all again but one", (batch) => (batch.messages[0]?.ack(), batch.retryAll()), ["ack", "retry"], [2]],
    ["all done but one", (batch) => (batch.messages[0]?.retry(), batch.ackAll()), ["retry", "ack"], [1]],
    ["what is said first counts", ({ messages: [one] }) => (one?.ack(), one?.retry()), ["ack", "ack"], []],
    ["a failure repeats what was not done", ({ messages: [one] }) => (one?.ack(), fail()), ["ack", "retry"], [2]],
  ];
  for (const [title, handle, verdicts, kept] of cases) {
    test(title, async () => {
      await queue.sendBatch([{ body: 1 }, { body: 2 }]);
      await ledger.deliver(broker.batch(), handle);
      expect(broker.verdicts).toEqual(verdicts);
      expect(await left()).toEqual(kept.map((body) => ["main", body]));
    });
  }

  test("a failure is logged with its queue", async () => {
    await queue.send(1);
    await ledger.deliver(broker.batch(), fail);
    expect(console.error).toHaveBeenCalledWith("queue main:", expect.stringContaining("the sink is down"));
  });

  test("after the last retry a message is one of the dead-letter queue, and dropped when that gives up", async () => {
    await queue.send(1);
    await ledger.deliver(broker.batch({ attempts: 2 }), fail);
    await ledger.deliver(broker.batch({ queue: "dead", attempts: 1 }), accept);
    expect(seen).toEqual([{ queue: "dead", bodies: [1], attempts: [1] }]);
    await queue.send(2);
    await ledger.deliver(broker.batch({ attempts: 2, bodies: broker.bodies.slice(1) }), fail);
    await ledger.deliver(broker.batch({ queue: "dead", attempts: 1, bodies: broker.bodies.slice(1) }), fail);
    expect(await left()).toEqual([]);
  });

  test("a message that came another way is handed on as it is", async () => {
    await ledger.deliver(broker.batch({ bodies: [{ n: 1 }, "text"] }), accept);
    expect(seen).toEqual([{ queue: "main", bodies: [{ n: 1 }, "text"], attempts: [1, 1] }]);
    expect(broker.verdicts).toEqual(["ack", "ack"]);
  });
});

describe("the end", () => {
  test("what waits is delivered at once, in batches of the consumer's size", async () => {
    await queue.sendBatch([{ body: 1 }, { body: 2 }, { body: 3 }]);
    expect(await left(accept)).toEqual([]);
    expect(seen.map(({ queue: from, bodies }) => [from, bodies])).toEqual([
      ["main", [1, 2]],
      ["main", [3]],
    ]);
  });

  test("the broker's own delivery afterwards changes nothing", async () => {
    await queue.send(1);
    expect(await left(accept)).toEqual([]);
    await ledger.deliver(broker.batch(), accept);
    expect(seen).toHaveLength(1);
    expect(broker.verdicts).toEqual(["ack"]);
  });

  test("what fails is tried once more and left, and no attempt of these makes it a dead letter", async () => {
    await queue.send("retried before");
    await ledger.deliver(broker.batch({ attempts: 1 }), fail);
    await queue.send("new");
    const attempts: number[] = [];
    const handle: Handler = ({ messages }) => {
      attempts.push(...messages.map((one) => one.attempts));
      fail();
    };
    expect(await left(handle)).toEqual([
      ["main", "retried before"],
      ["main", "new"],
    ]);
    expect(attempts).toEqual([2, 1]);
  });

  test("a consumer at work is waited for", async () => {
    await queue.send(1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const delivered = ledger.deliver(broker.batch(), () => promise);
    setTimeout(resolve, FLUSH_MS / 4);
    expect(await left(accept)).toEqual([]);
    await delivered;
    expect(seen).toEqual([]);
  });

  test("a consumer that hangs is not: its messages are left", async () => {
    await queue.send(1);
    const startMs = performance.now();
    expect(await left(() => new Promise(() => {}))).toEqual([["main", 1]]);
    expect(performance.now() - startMs).toBeLessThan(5 * FLUSH_MS);
  });

  test("what is sent while it waits is delivered, too", async () => {
    await queue.send("first");
    const handle: Handler = async (batch) => {
      accept(batch);
      if (batch.messages[0]?.body === "first") await queue.send("second");
    };
    expect(await left(handle)).toEqual([]);
    expect(seen.map(({ bodies }) => bodies)).toEqual([["first"], ["second"]]);
  });

  test("what is given back keeps its id and its time", async () => {
    await queue.send({ n: 1 });
    const kept = await ledger.flush(fail, FLUSH_MS);
    ledger = new QueueLedger(CONSUMERS);
    for (const message of kept) await ledger.giveBack(message, broker);
    let again: unknown[] = [];
    await ledger.deliver(broker.batch({ bodies: broker.bodies.slice(1) }), ({ queue: from, messages }) => {
      again = messages.map(({ id, timestamp, body }) => ({ id, queue: from, timestamp: timestamp.getTime(), body }));
    });
    expect(again).toEqual(kept);
    expect(kept).toHaveLength(1);
  });
});
