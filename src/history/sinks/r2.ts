import type { EraseTask, StoreTask } from "../message.ts";
import { encodeParquet } from "./parquet.ts";
import type { Sink, SinkEntry } from "./sink.ts";
import { sha256Hex, tombstoneOf } from "./tombstone.ts";

/** Objects that go up together; `ids` are the entries that are stored with it. */
interface Upload {
  readonly ids: readonly string[];
  readonly put: () => Promise<unknown>;
}

/** An entry whose kind is known. */
interface EntryOf<Task> {
  readonly id: string;
  readonly task: Task;
}

/**
 * One Parquet object for the points of a call, under `history/dt=YYYY-MM-DD/hr=HH/`, and a tombstone for each erasure
 * under `erased/`. A call with the same entries overwrites its own objects; one with some of them writes points a second
 * time, so readers count distinct (user_id, timestamp).
 */
export class R2Sink implements Sink {
  readonly name = "r2";
  readonly #bucket: Pick<R2Bucket, "put">;

  constructor(bucket: Pick<R2Bucket, "put">) {
    this.#bucket = bucket;
  }

  async write(entries: readonly SinkEntry[]): Promise<readonly string[]> {
    const stores: EntryOf<StoreTask>[] = [];
    const uploads: Upload[] = [];
    for (const { id, task } of entries) {
      if (task.kind === "erase") uploads.push({ ids: [id], put: () => this.#erase(task) });
      else if (task.points.length > 0) stores.push({ id, task });
    }
    if (stores.length > 0) uploads.push({ ids: stores.map(({ id }) => id), put: () => this.#store(stores) });
    const results = await Promise.allSettled(uploads.map(({ put }) => put()));
    const reasons = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    if (reasons.length > 0 && reasons.length === uploads.length) throw reasons[0];
    return uploads.flatMap(({ ids }, at) => (results[at]?.status === "rejected" ? ids : []));
  }

  async #store(stores: readonly EntryOf<StoreTask>[]): Promise<void> {
    // By id, not as they came: the same entries have to give the same bytes under the same name.
    const sorted = stores.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const chunks = sorted.map(({ task }) => task);
    const hash = await sha256Hex(sorted.map(({ id }) => id).join("\n"));
    await this.#bucket.put(`${folderOf(chunks)}${hash}.parquet`, encodeParquet(chunks), {
      httpMetadata: { contentType: "application/vnd.apache.parquet" },
    });
  }

  async #erase(task: EraseTask): Promise<void> {
    const { name, json } = await tombstoneOf(task);
    await this.#bucket.put(name, json, { httpMetadata: { contentType: "application/json" } });
  }
}

/**
 * The hour (UTC) in which the newest of the chunks was stored by its user's object: part of the messages, so a redelivery
 * finds the name again. By this machine's clock it would write a second object in the next hour; by the points' own times
 * a backlog that a phone kept while offline would spread one batch over many objects.
 */
function folderOf(chunks: readonly StoreTask[]): string {
  const newestMs = Math.max(...chunks.map(({ storedAt }) => storedAt));
  const iso = new Date(newestMs).toISOString();
  return `history/dt=${iso.slice(0, 10)}/hr=${iso.slice(11, 13)}/`;
}
