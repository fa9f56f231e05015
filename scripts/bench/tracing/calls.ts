/** What one traced call costs, by the CPU seconds of a server that does nothing else. */
import { join } from "node:path";

import { type Backend, startBackend } from "../../serve/backend.ts";
import { median, round } from "../figures.ts";
import { cpuSeconds } from "../usage.ts";

const ENTRY = join(import.meta.dirname, "../tracing-worker.ts");
/** Enough that a hundredth of a second, which is what /proc counts in, is 0.02 µs of each. */
const CALLS = 400_000;
const ROUNDS = 5;
const REQUEST_WAIT_MS = 60_000;

/** What is traced: an event and its handler, one that another object has caused, a part of an event, a call that leaves. */
export const CALL_KINDS = ["event", "carried", "part", "outgoing"] as const;

export type CallCosts = Record<(typeof CALL_KINDS)[number], number>;

/** @returns µs of each kind, the median of `ROUNDS` differences; null without /proc */
export async function measureCalls(signal: AbortSignal): Promise<CallCosts | null> {
  const backend = await startBackend({ port: 0, memory: true, env: {}, entry: ENTRY, signal, onProgress });
  try {
    if (cpuSeconds(backend.runtimePid) === undefined) return null;
    const costs: CallCosts = { event: 0, carried: 0, part: 0, outgoing: 0 };
    for (const kind of CALL_KINDS) costs[kind] = await costOf(backend, kind, signal);
    return costs;
  } finally {
    await backend.stop();
  }
}

function onProgress(step: string): void {
  process.stderr.write(`calls: ${step}\n`);
}

async function costOf(backend: Backend, kind: string, signal: AbortSignal): Promise<number> {
  const seconds = async (traced: 0 | 1): Promise<number> => {
    const before = cpuSeconds(backend.runtimePid) ?? Number.NaN;
    const answer = await fetch(`${backend.url}/${kind}?traced=${traced}&calls=${CALLS}`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_WAIT_MS)]),
    });
    if (!answer.ok) throw new Error(`the server that measures calls answers ${answer.status}`);
    await answer.arrayBuffer();
    return (cpuSeconds(backend.runtimePid) ?? Number.NaN) - before;
  };
  // The first of each lets the compiler settle.
  await seconds(0);
  await seconds(1);
  const differences: number[] = [];
  while (differences.length < ROUNDS) differences.push(-(await seconds(0)) + (await seconds(1)));
  return round((median(differences) * 1e6) / CALLS, 2);
}
