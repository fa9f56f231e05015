/** The section of wrangler.toml that `npm run setup -- --queues N` writes to. */
import { QUEUE_BINDING_PREFIX } from "../../src/history/queues.ts";
import { countBound, queueName } from "../serve/queues.ts";
import type { Config } from "./resources.ts";

const END_MARK = "# <<< queues";

type ConsumerConfig = NonNullable<Config["queues"]["consumers"]>[number];

/** Settings of a consumer that the queues share. */
const SHARED = [
  "max_batch_size",
  "max_batch_timeout",
  "max_retries",
  "retry_delay",
  "max_concurrency",
  "dead_letter_queue",
] as const satisfies readonly (keyof ConsumerConfig)[];

export interface Growth {
  /** Names of the queues to be made. */
  added: string[];
  /** What is added to the section. */
  addition: string;
  /** All of wrangler.toml with it. */
  toml: string;
}

/**
 * wrangler.toml with bindings and consumers for `count` queues, the new ones with the settings of the first. Whatever
 * was there stays, byte for byte.
 *
 * @throws with a message for people when `count` is lower than what is there, or when there is no section
 */
export function growQueues(toml: string, config: Config, count: number): Growth {
  const { producers = [], consumers = [] } = config.queues;
  const bound = countBound(producers.map(({ binding }) => binding));
  const first = producers.find(({ binding }) => binding === `${QUEUE_BINDING_PREFIX}0`)?.queue;
  const consumer = consumers.find(({ queue }) => queue === first);
  if (first === undefined || !consumer) {
    throw new Error(
      `wrangler.toml has no ${QUEUE_BINDING_PREFIX}0, or no consumer of its queue, to make others like it`,
    );
  }
  if (count < bound) {
    throw new Error(
      `wrangler.toml has ${bound} queues. To use fewer, lower HISTORY_QUEUES and deploy: the others stay bound, so that` +
        " what is still in them is stored. Take them out by hand when they are empty",
    );
  }
  const lines = toml.split(/(?<=\n)/);
  const end = lines.findIndex((line) => line.trimEnd() === END_MARK);
  if (end === -1) throw new Error(`wrangler.toml has no line \`${END_MARK}\` behind the queues: put it there`);
  const newline = toml.includes("\r\n") ? "\r\n" : "\n";
  const indexes = Array.from({ length: count - bound }, (_, at) => bound + at);
  const added = indexes.map((index) => queueName(first, index));
  const addition = indexes
    .flatMap((index) => blockOf(queueName(first, index), index, consumer))
    .map((line) => line + newline)
    .join("");
  lines.splice(end, 0, addition);
  return { added, addition, toml: lines.join("") };
}

function blockOf(queue: string, index: number, model: ConsumerConfig): string[] {
  const settings = SHARED.flatMap((key) => {
    const value = model[key];
    // JSON writes numbers and plain text as TOML does.
    return value === undefined || value === null ? [] : [`${key} = ${JSON.stringify(value)}`];
  });
  return [
    "",
    "[[queues.producers]]",
    `binding = "${QUEUE_BINDING_PREFIX}${index}"`,
    `queue = ${JSON.stringify(queue)}`,
    "",
    "[[queues.consumers]]",
    `queue = ${JSON.stringify(queue)}`,
    ...settings,
  ];
}
