/** People at one position per second through object, queue and R2: what goes in must come out, and for how much. */
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exportHistory } from "../../history/export.ts";
import { startBackend, type Backend } from "../../serve/backend.ts";
import { readKept } from "../../serve/kept-messages.ts";
import type { SettingsEnv } from "../../serve/settings.ts";
import { closeClients, openClients } from "../clients.ts";
import { authorize, socketUrl } from "../targets.ts";
import { peakMiB } from "../usage.ts";
import { measureEncoding } from "./encode.ts";
import { readMeters } from "./meters.ts";
import { makeHistoryReport, type HistoryReport } from "./report.ts";
import { Senders } from "./senders.ts";
import { compare, readFolder } from "./stored.ts";

const ENTRY = join(import.meta.dirname, "..", "history-worker.ts");

/**
 * What is left in the buffers is stored when their people become inactive; much sooner than this, and alarms that the
 * default of ten minutes would not set would be most of what is counted.
 */
const INACTIVE_AFTER_S = 60;
/** For a machine that is busy. */
const ANSWER_WAIT_MS = 5_000;
const REST_WAIT_MS = INACTIVE_AFTER_S * 1000 + 20_000;
const POLL_MS = 50;

export interface HistoryBenchOptions {
  readonly users: number;
  readonly seconds: number;
  readonly onFailure: (error: Error) => void;
  /** Aborted when a socket fails. */
  readonly signal: AbortSignal;
}

export async function benchHistory(options: HistoryBenchOptions): Promise<HistoryReport> {
  const dir = mkdtempSync(join(tmpdir(), "nearby-bench-"));
  try {
    return await run(options, { stateDir: join(dir, "state"), outDir: join(dir, "out") });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Folders {
  readonly stateDir: string;
  readonly outDir: string;
}

async function run(options: HistoryBenchOptions, { stateDir, outDir }: Folders): Promise<HistoryReport> {
  const { users, seconds, signal } = options;
  const env: SettingsEnv = {
    AUTH_SECRET: randomBytes(32).toString("hex"),
    INACTIVE_AFTER_S: String(INACTIVE_AFTER_S),
    // The load is a machine's; the limits are a walker's.
    POSITION_BURST: "1000000",
    POSITION_MIN_S: "0",
  };
  const start = () => startBackend({ port: 0, stateDir, env, entry: ENTRY, signal, onProgress: note });
  // As long as the ids of most host apps, because they are in every file.
  const people = Array.from({ length: users }, () => ({ id: randomUUID(), friends: [] }));
  const headers = await authorize(people, env);
  let backend = await start();
  try {
    const measured = await load(options, { people, headers, backend });
    note("stopping, which writes what the queue holds");
    await backend.stop();
    if (readKept(stateDir).length > 0) {
      note("the queue held more than an end may take: starting and stopping once more");
      backend = await start();
      await backend.stop();
    }
    await exportHistory({ stateDir, outDir });
    const folder = await readFolder(outDir);
    const encoding = measureEncoding();
    return makeHistoryReport({
      setup: { users, seconds },
      ...measured,
      found: compare(measured.sent, folder.points),
      parquet: folder,
      encoding,
    });
  } finally {
    await backend.stop();
  }
}

interface Served {
  readonly people: readonly { readonly id: string; readonly friends: number[] }[];
  readonly headers: readonly Record<string, string>[];
  readonly backend: Backend;
}

/** Until every position is acknowledged, or no more can be expected to be. */
async function load({ seconds, onFailure, signal }: HistoryBenchOptions, { people, headers, backend }: Served) {
  const ids = people.map(({ id }) => id);
  const doors = headers.map((each) => ({ url: socketUrl(backend), headers: each }));
  const clients = await openClients(doors, "history", onFailure);
  try {
    const senders = new Senders(ids, clients);
    await senders.send(seconds, signal);
    await untilSaved(senders, ANSWER_WAIT_MS, signal);
    // Now: an object that has slept has forgotten what it counted.
    const meters = await readMeters(backend.url, ids, signal);
    const counted = senders.acknowledged;
    if (counted < senders.count) note("waiting for people to become inactive: then the rest is stored");
    await untilSaved(senders, REST_WAIT_MS, signal);
    const { acknowledged, lateMs, sent } = senders;
    return { acknowledged, counted, lateMs, sent, meters, serverMiB: peakMiB(backend.runtimePid) };
  } finally {
    closeClients(clients);
  }
}

async function untilSaved(senders: Senders, waitMs: number, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + waitMs;
  while (senders.acknowledged < senders.count && performance.now() < deadlineMs) {
    await sleep(POLL_MS, undefined, { signal });
  }
}

function note(step: string): void {
  process.stderr.write(`history: ${step}\n`);
}
