/** Which queues a local server has, and what it keeps of them. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { keptFile, readKept, writeKept } from "../../scripts/serve/kept-messages.ts";
import { lockState } from "../../scripts/serve/lock.ts";
import { countBound, LOCAL_BATCH_TIMEOUT_S, localQueues, queueName, tooFewQueues } from "../../scripts/serve/queues.ts";
import { QUEUES_MAX } from "../../src/settings.ts";

const CONSUMER = { maxBatchSize: 100, maxBatchTimeoutS: 30, maxRetries: 10, retryDelayS: 30 };
const ONE = {
  producers: { HISTORY_QUEUE_0: { queue: "history-0" } },
  consumers: [
    { ...CONSUMER, queue: "history-0", deadLetterQueue: "history-dead" },
    { ...CONSUMER, queue: "history-dead", maxBatchTimeoutS: 0.5 },
  ],
};

describe("the queues of a local server", () => {
  test("are those of wrangler.toml, with batches that do not wait for long", () => {
    const { producers, consumers } = localQueues(ONE, { historyQueues: undefined, keptQueues: [] });
    expect(producers).toEqual(ONE.producers);
    expect(consumers).toEqual([
      { ...ONE.consumers[0], maxBatchTimeoutS: LOCAL_BATCH_TIMEOUT_S },
      { ...ONE.consumers[1], maxBatchTimeoutS: 0.5 },
    ]);
  });

  for (const historyQueues of ["3", 3]) {
    test(`are as many as HISTORY_QUEUES asks for (${typeof historyQueues}), like the first`, () => {
      const { producers, consumers } = localQueues(ONE, { historyQueues, keptQueues: [] });
      expect(producers).toEqual({
        HISTORY_QUEUE_0: { queue: "history-0" },
        HISTORY_QUEUE_1: { queue: "history-1" },
        HISTORY_QUEUE_2: { queue: "history-2" },
      });
      expect(consumers.map(({ queue }) => queue)).toEqual(["history-0", "history-dead", "history-1", "history-2"]);
      expect({ ...consumers[3], queue: "history-0" }).toEqual(consumers[0]);
    });
  }

  test("one that wrangler.toml binds stays as it is", () => {
    const two = { ...ONE, producers: { ...ONE.producers, HISTORY_QUEUE_1: { queue: "of-its-own" } } };
    const { producers } = localQueues(two, { historyQueues: 2, keptQueues: [] });
    expect(producers).toEqual(two.producers);
  });

  test("a queue that only has messages left is consumed", () => {
    const { producers, consumers } = localQueues(ONE, { historyQueues: 1, keptQueues: ["history-5", "history-0"] });
    expect(producers).toEqual(ONE.producers);
    expect(consumers.map(({ queue }) => queue)).toEqual(["history-0", "history-dead", "history-5"]);
  });

  const counts: [setting: unknown, queues: number][] = [
    [1, 1],
    [QUEUES_MAX, QUEUES_MAX],
    [QUEUES_MAX + 1, 1],
    [0, 1],
    ["1.5", 1],
    ["many", 1],
  ];
  for (const [historyQueues, queues] of counts) {
    test(`HISTORY_QUEUES=${String(historyQueues)}: ${queues}`, () => {
      const { producers } = localQueues(ONE, { historyQueues, keptQueues: [] });
      expect(Object.keys(producers)).toHaveLength(queues);
    });
  }

  test("a Worker without the first has no others", () => {
    const none = { producers: {}, consumers: [] };
    expect(localQueues(none, { historyQueues: 3, keptQueues: ["x"] })).toEqual(none);
  });

  test("are named after the first", () => {
    expect([queueName("history-0", 12), queueName("history", 1), queueName("a-10", 1)]).toEqual([
      "history-12",
      "history-1",
      "a-10-1",
    ]);
  });

  test("count as bound from 0 on without a gap", () => {
    expect(countBound(["USER", "HISTORY_QUEUE_1", "HISTORY_QUEUE_0", "HISTORY_QUEUE_3"])).toBe(2);
    expect(countBound(["HISTORY_QUEUE_1"])).toBe(0);
  });
});

describe("a deploy", () => {
  const two = { ...ONE.producers, HISTORY_QUEUE_1: { queue: "history-1" } };
  test("is refused when HISTORY_QUEUES names more queues than are bound", () => {
    expect(tooFewQueues({}, ONE.producers)).toBeUndefined();
    expect(tooFewQueues({ HISTORY_QUEUES: "2" }, two)).toBeUndefined();
    expect(tooFewQueues({ HISTORY_QUEUES: 3 }, two)).toBe(
      "HISTORY_QUEUES is 3 in wrangler.toml, which binds 2: npm run setup -- --queues 3",
    );
  });
});

describe("the state directory", () => {
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "nearby-test-"))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const messages = [
    { id: "1", queue: "history-0", timestamp: 1_700_000_000_000, body: { text: "a\nb", n: [1, null] } },
    { id: "2", queue: "history-1", timestamp: 1_700_000_000_001, body: "text" },
  ];

  test("keeps messages, gives them back as they were, and forgets them when none is left", () => {
    expect(readKept(dir)).toEqual([]);
    writeKept(dir, messages);
    expect(readKept(dir)).toEqual(messages);
    expect(readKept(dir)).toEqual(messages);
    writeKept(dir, []);
    expect(readKept(dir)).toEqual([]);
    expect(readdirSync(dir)).toEqual([]);
  });

  for (const line of ['{"id":"1"', '{"id":"1","queue":"q","body":{}}', "[]"]) {
    test(`a damaged line is named and nothing is thrown away: ${line}`, () => {
      writeKept(dir, messages);
      writeFileSync(keptFile(dir), `${line}\n`, { flag: "a" });
      expect(() => readKept(dir)).toThrow(`${keptFile(dir)}, line 3: no queue message`);
    });
  }

  test("is one server's at a time", () => {
    const lock = lockState(dir);
    expect(() => lockState(dir)).toThrow(`a server is using the state in ${dir}: stop it first`);
    lock.release();
    expect(() => lockState(dir).release()).not.toThrow();
  });
});
