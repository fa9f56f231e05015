/** Cuts the sockets of everybody and opens them again, and times each person from the cut. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Frame } from "../clients.ts";
import { round } from "../figures.ts";
import { inGroups } from "../groups.ts";
import { type Bucket, Latencies, type LatencyFigures } from "../latencies.ts";
import type { Person } from "../people.ts";

/** Below what a listening socket queues by default on Linux (512 in Node): beyond it the kernel drops the request for a second. */
const HANDSHAKES_AT_ONCE = 256;
/** A server that refuses is asked again after so long, as often as it takes. */
const RETRY_MS = 100;
/** Who is not back by then never will be. */
const BACK_WAIT_MS = 60_000;
const LOOK_EVERY_MS = 10;

export interface Return {
  /** From the cut to the open socket, of each person. */
  readonly open: LatencyFigures;
  /** From the cut to the `nearby`; null where there is none. */
  readonly snapshot: LatencyFigures | null;
  /** From the cut until all near friends are shown: a snapshot need not wait for the slowest. */
  readonly whole: LatencyFigures | null;
  /** Of the three: kept with the raw samples. */
  readonly samples: Readonly<Record<"open" | "snapshot" | "whole", readonly Bucket[]>>;
  readonly allBackMs: number;
  /** Handshakes that failed and were tried again. */
  readonly errors: number;
  /** People who did not see all their friends within a minute. */
  readonly missing: number;
}

interface Comer {
  readonly shown: Set<string>;
  hasSnapshot: boolean;
  isWhole: boolean;
}

export async function comeBack(
  clients: readonly Client[],
  people: readonly Person[],
  { hasSnapshot, signal }: { hasSnapshot: boolean; signal: AbortSignal },
): Promise<Return> {
  const [open, snapshot, whole] = [new Latencies(), new Latencies(), new Latencies()];
  let errors = 0;
  const startMs = performance.now();
  const sinceMs = () => performance.now() - startMs;
  for (const [index, client] of clients.entries()) {
    const comer: Comer = { shown: new Set(), hasSnapshot: false, isWhole: false };
    const friends = people[index]?.friends.length ?? 0;
    client.onFrame = (frame) => take(comer, frame, friends, { snapshot, whole, sinceMs });
    client.cut();
  }
  await inGroups([...clients], HANDSHAKES_AT_ONCE, async (client) => {
    while (!(await client.reconnect())) {
      errors += 1;
      if (sinceMs() > BACK_WAIT_MS) throw new Error(`a socket did not open within ${BACK_WAIT_MS / 1000} s`);
      await sleep(RETRY_MS, undefined, { signal });
    }
    signal.throwIfAborted();
    open.record(sinceMs());
  });
  const areAllBack = () => !hasSnapshot || whole.count === clients.length;
  while (!areAllBack() && sinceMs() < BACK_WAIT_MS) {
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  for (const client of clients) client.onFrame = () => {};
  const last = hasSnapshot ? whole : open;
  return {
    open: open.figures(),
    snapshot: hasSnapshot ? snapshot.figures() : null,
    whole: hasSnapshot ? whole.figures() : null,
    samples: { open: open.buckets(), snapshot: snapshot.buckets(), whole: whole.buckets() },
    allBackMs: round(last.percentileMs(100) ?? Number.NaN, 1),
    errors,
    missing: clients.length - last.count,
  };
}

interface Times {
  readonly snapshot: Latencies;
  readonly whole: Latencies;
  readonly sinceMs: () => number;
}

function take(comer: Comer, { type, friend, friends = [] }: Frame, expected: number, times: Times): void {
  if (type === "nearby") {
    if (!comer.hasSnapshot) times.snapshot.record(times.sinceMs());
    comer.hasSnapshot = true;
    for (const { id } of friends) comer.shown.add(id);
  } else if (type === "friend" && friend) {
    comer.shown.add(friend.id);
  }
  if (comer.isWhole || !comer.hasSnapshot || comer.shown.size < expected) return;
  comer.isWhole = true;
  times.whole.record(times.sinceMs());
}
