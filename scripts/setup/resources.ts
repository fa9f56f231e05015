/** What a deploy needs in the account, as wrangler.toml names it. */
import type { Unstable_Config } from "wrangler";

export type Config = Pick<Unstable_Config, "queues" | "r2_buckets" | "vars" | "name">;

export interface Resource {
  /** As in messages: `queue x`. */
  label: string;
  create: string[];
  /** Asks for it without a change. */
  look: string[];
  /** Whether what `look` printed, without an error, says that it is there. */
  isThere: (output: string) => boolean;
}

/** The vars that are text or numbers, as text: only such ones are settings. */
export function varsOf(config: Config): Map<string, string> {
  const vars = new Map<string, string>();
  for (const [name, value] of Object.entries(config.vars)) {
    if (typeof value === "string" || typeof value === "number") vars.set(name, String(value));
  }
  return vars;
}

/** Queues and buckets, each once: those that are sent to, consumed, or take dead letters; and `moreQueues`. */
export function resourcesOf(config: Config, moreQueues: readonly string[] = []): Resource[] {
  const { producers = [], consumers = [] } = config.queues;
  const queues = new Set<string>(moreQueues);
  for (const { queue } of producers) if (queue !== undefined) queues.add(queue);
  for (const { queue, dead_letter_queue: dead } of consumers) {
    queues.add(queue);
    if (dead !== undefined) queues.add(dead);
  }
  const buckets = new Set<string>();
  for (const { bucket_name: name } of config.r2_buckets) if (typeof name === "string") buckets.add(name);
  return [
    ...[...queues].map((name) => ({
      label: `queue ${name}`,
      create: ["queues", "create", name],
      look: ["queues", "info", name],
      // The account is searched by a part of the name, too.
      isThere: (output: string) => output.split(/\r?\n/).includes(`Queue Name: ${name}`),
    })),
    ...[...buckets].map((name) => ({
      label: `bucket ${name}`,
      create: ["r2", "bucket", "create", name],
      // `r2 bucket info` asks for figures, too, which a token for R2 alone may not.
      look: ["r2", "bucket", "lifecycle", "list", name],
      isThere: () => true,
    })),
  ];
}
