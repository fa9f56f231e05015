/** `npm run bench:monitor`: a report to the monitor by itty-durable, against the same by native RPC, in alternation. */
import { join } from "node:path";
import { round } from "./bench/figures.ts";
import { readInteger, readOptions } from "./options.ts";
import { progress } from "./progress.ts";
import { startBackend } from "./serve/backend.ts";

const USAGE = "npm run bench:monitor -- [--calls N] [--rounds N] [--json]";
const CALLS_MAX = 9_000;
const { values } = readOptions(USAGE, {
  calls: { type: "string" },
  rounds: { type: "string" },
  json: { type: "boolean", default: false },
});
const calls = readInteger(USAGE, { option: "--calls", text: values.calls, fallback: 4_000, min: 20, max: CALLS_MAX });
const rounds = readInteger(USAGE, { option: "--rounds", text: values.rounds, fallback: 5, min: 1, max: 50 });

const backend = await startBackend({
  port: 0,
  memory: true,
  env: {},
  entry: join(import.meta.dirname, "bench/monitor-worker.ts"),
});
try {
  await time("native");
  await time("itty");
  const bar = progress("rounds", rounds);
  const measured: { nativeUs: number; ittyUs: number; ratio: number }[] = [];
  while (measured.length < rounds) {
    const nativeUs = await time("native");
    const ittyUs = await time("itty");
    measured.push({ nativeUs, ittyUs, ratio: round(ittyUs / nativeUs, 2) });
    bar.tick();
  }
  bar.done();
  const ratio = median(measured.map((one) => one.ratio));
  const report = { calls, ratio, rounds: measured };
  const lines = measured.map((one) => `native ${one.nativeUs} µs, itty-durable ${one.ittyUs} µs, ${one.ratio} times`);
  const table = [...lines, `median: a call of itty-durable takes ${ratio} times as long`].join("\n");
  process.stdout.write(`${values.json ? JSON.stringify(report, null, 2) : table}\n`);
} finally {
  await backend.stop();
}

/** @returns µs a call */
async function time(way: "native" | "itty"): Promise<number> {
  const startMs = performance.now();
  const response = await fetch(`${backend.url}/${way}?calls=${calls}`);
  if (!response.ok) throw new Error(`the bench's Worker answered ${response.status}`);
  await response.text();
  return round(((performance.now() - startMs) * 1_000) / calls, 1);
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
