/** The queues of a local server: those of wrangler.toml, and those that a larger HISTORY_QUEUES asks for. */
import { QUEUE_BINDING_PREFIX } from "../../src/history/queues.ts";
import { QUEUES_MAX } from "../../src/settings.ts";
import type { LedgerConsumer } from "./ledger.ts";

/** A consumer as wrangler.toml has it. */
export interface Consumer extends LedgerConsumer {
  readonly queue: string;
  readonly maxBatchTimeoutS: number;
  readonly retryDelayS: number;
}

/** Binding name to queue. */
export type Producers = Readonly<Record<string, { readonly queue: string; readonly deliveryDelayS?: number }>>;

export interface QueueBindings {
  readonly producers: Producers;
  readonly consumers: readonly Consumer[];
}

/** A batch that does not fill waits this long: somebody at a desk wants to see the file that it becomes. */
export const LOCAL_BATCH_TIMEOUT_S = 1;

/**
 * The queues to provide. wrangler.toml binds as many as `npm run setup` was asked for; here HISTORY_QUEUES decides, and
 * the missing ones are made like the first. So is one that only has messages left, from a time when there were more.
 *
 * @param historyQueues the setting; a bad one counts as 1, and the Worker refuses it in words
 * @param keptQueues queues that messages were kept for
 */
export function localQueues(
  { producers, consumers }: QueueBindings,
  { historyQueues, keptQueues }: { historyQueues: unknown; keptQueues: Iterable<string> },
): QueueBindings {
  const first = producers[`${QUEUE_BINDING_PREFIX}0`];
  const local = consumers.map((one) => ({
    ...one,
    maxBatchTimeoutS: Math.min(one.maxBatchTimeoutS, LOCAL_BATCH_TIMEOUT_S),
  }));
  const model = local.find(({ queue }) => queue === first?.queue);
  if (!first || !model) return { producers, consumers: local };
  const all: Record<string, Producers[string]> = { ...producers };
  const names = new Set(keptQueues);
  for (let index = 1; index < readCount(historyQueues); index++) {
    const binding = `${QUEUE_BINDING_PREFIX}${index}`;
    if (all[binding]) continue;
    const queue = queueName(first.queue, index);
    all[binding] = { ...first, queue };
    names.add(queue);
  }
  for (const { queue } of local) names.delete(queue);
  return { producers: all, consumers: [...local, ...[...names].map((queue) => ({ ...model, queue }))] };
}

/** How many queues in a row are bound, from `HISTORY_QUEUE_0` on: as many HISTORY_QUEUES may name. */
export function countBound(bindings: Iterable<string>): number {
  const names = new Set(bindings);
  let count = 0;
  while (names.has(`${QUEUE_BINDING_PREFIX}${count}`)) count++;
  return count;
}

/**
 * Why this Worker must not be deployed, in words; undefined when its queues suffice. What users of a missing queue
 * report would wait in their objects for ever.
 */
export function tooFewQueues(vars: Readonly<Record<string, unknown>>, producers: Producers): string | undefined {
  const asked = Number(vars["HISTORY_QUEUES"] ?? 1);
  const bound = countBound(Object.keys(producers));
  if (!(asked > bound)) return undefined;
  return `HISTORY_QUEUES is ${asked} in wrangler.toml, which binds ${bound}: npm run setup -- --queues ${asked}`;
}

/** `…-0` is followed by `…-1`; a first queue of another name by that name with the number. */
export function queueName(first: string, index: number): string {
  return `${first.replace(/-0$/, "")}-${index}`;
}

function readCount(setting: unknown): number {
  const count = typeof setting === "number" ? setting : Number(setting ?? 1);
  return Number.isInteger(count) && count >= 1 && count <= QUEUES_MAX ? count : 1;
}
