/** How long the two encodings take: an object's chunks, and the consumer's Parquet file. */
import { encodeChunk } from "../../../src/history/chunk.ts";
import { CHUNK_POINTS_MAX } from "../../../src/history/cut.ts";
import { encodeParquet } from "../../../src/history/sinks/parquet.ts";
import { median } from "../figures.ts";
import { walk } from "./walk.ts";

/** A full batch of full chunks. */
const CHUNKS = 100;
const RUNS = 21;
/** Until the compiler has settled: a Worker that takes batches all day is in that state. */
const WARM_UP_RUNS = 20;
const START_MS = Date.UTC(2026, 10, 20, 12);
const USER_ID_CHARS = 36;

export interface Encoding {
  readonly points: number;
  /** Medians, ms. */
  readonly chunksMs: number;
  readonly parquetMs: number;
}

export function measureEncoding(): Encoding {
  const tasks = Array.from({ length: CHUNKS }, (_, index) => ({
    kind: "store" as const,
    user: String(index).padStart(USER_ID_CHARS, "user-"),
    storedAt: START_MS,
    points: Array.from({ length: CHUNK_POINTS_MAX }, (__, step) => ({
      ...walk(index, step),
      ts: START_MS + 1000 * step,
    })),
  }));
  const chunksMs: number[] = [];
  const parquetMs: number[] = [];
  for (let run = 0; run < WARM_UP_RUNS + RUNS; run += 1) {
    const startMs = performance.now();
    for (const { points } of tasks) encodeChunk(points);
    const betweenMs = performance.now();
    encodeParquet(tasks);
    const endMs = performance.now();
    if (run < WARM_UP_RUNS) continue;
    chunksMs.push(betweenMs - startMs);
    parquetMs.push(endMs - betweenMs);
  }
  return { points: CHUNKS * CHUNK_POINTS_MAX, chunksMs: median(chunksMs), parquetMs: median(parquetMs) };
}
