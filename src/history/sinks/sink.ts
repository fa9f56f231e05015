import type { SinkName } from "../../settings.ts";
import type { HistoryTask } from "../message.ts";

/** A task with the id of the queue message that carried it: the same at every redelivery. */
export interface SinkEntry {
  readonly id: string;
  readonly task: HistoryTask;
}

/**
 * A place where history is kept for long. Entries come at least once, in any order, and again after a failure: storing
 * twice must look like storing once, and an `erase` wins over every `store` of before it, also over one that comes later.
 */
export interface Sink {
  readonly name: SinkName;
  /**
   * @returns ids of the entries that could not be stored and have to come again; empty when all are stored
   * @throws when none could be
   */
  write(entries: readonly SinkEntry[]): Promise<readonly string[]>;
}
