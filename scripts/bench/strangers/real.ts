/** The same with real objects and real sockets, as many as the descriptors of one machine allow. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import * as v from "valibot";
import { progress } from "../../progress.ts";
import { startBackend, type Backend } from "../../serve/backend.ts";
import type { SettingsEnv } from "../../serve/settings.ts";
import { closeClients, openClients, type Client } from "../clients.ts";
import { percentile } from "../figures.ts";
import { inGroups } from "../groups.ts";
import { authorize, socketUrl } from "../targets.ts";
import { cityPlace } from "./places.ts";

const ENTRY = join(import.meta.dirname, "..", "history-worker.ts");
const AT_ONCE = 8;
const USERS_PER_REQUEST = 200;
const ANSWER_WAIT_MS = 20_000;

export interface RealOptions {
  readonly people: number;
  readonly reports: number;
  readonly onFailure: (error: Error) => void;
  readonly signal: AbortSignal;
}

export interface RealFigures {
  readonly people: number;
  readonly reports: number;
  readonly callsMean: number;
  readonly rowsWritten: number;
  readonly reportsPerS: number;
  /** From a position to the list that answers it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function runReal(options: RealOptions): Promise<RealFigures> {
  const { people: count, signal } = options;
  const env: SettingsEnv = {
    AUTH_SECRET: randomBytes(32).toString("hex"),
    POSITION_BURST: "1000000",
    POSITION_MIN_S: "0",
    // Steps of a walk at the pace of a machine.
    SPEED_MAX_MPS: "0",
    HISTORY_SINKS: "",
  };
  const people = Array.from({ length: count }, (_, index) => ({ id: `bench-${index}`, friends: [] }));
  const backend = await startBackend({ port: 0, memory: true, env, entry: ENTRY, signal, onProgress: note });
  try {
    const headers = await authorize(people, env);
    await beDiscoverable(backend, headers, signal);
    const doors = headers.map((each) => ({ url: socketUrl(backend), headers: each }));
    const clients = await openClients(doors, "strangers", options.onFailure);
    try {
      return await measure(options, { backend, clients, ids: people.map(({ id }) => id) });
    } finally {
      closeClients(clients);
    }
  } finally {
    await backend.stop();
  }
}

async function beDiscoverable(backend: Backend, all: readonly Record<string, string>[], signal: AbortSignal) {
  const bar = progress("strangers: profiles", all.length);
  await inGroups([...all], AT_ONCE, async (headers) => {
    const answer = await fetch(`${backend.url}/v1/me`, {
      method: "PATCH",
      headers: { ...headers, "content-type": "application/json" },
      body: '{"discoverable":true}',
      signal,
    });
    if (!answer.ok) throw new Error(`PATCH /v1/me answers ${answer.status}: ${await answer.text()}`);
    bar.tick();
  });
  bar.done();
}

interface Served {
  readonly backend: Backend;
  readonly clients: readonly Client[];
  readonly ids: readonly string[];
}

async function measure({ reports, signal }: RealOptions, { backend, clients, ids }: Served): Promise<RealFigures> {
  const steps = Math.ceil(reports / clients.length);
  for (const { socket } of clients) socket.send('{"type":"discover","on":true}');
  // The first report of each brings everybody into the cell: a list that is empty is not sent.
  await inGroups([...clients.entries()], AT_ONCE, ([index, client]) =>
    report({ client, index, step: 0, signal, mayBeEmpty: true }),
  );
  const before = await readCalls(backend, ids, signal);
  const bar = progress("strangers: reports", steps * clients.length);
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  for (let step = 1; step <= steps; step += 1) {
    await inGroups([...clients.entries()], AT_ONCE, async ([index, client]) => {
      latenciesMs.push(await report({ client, index, step, signal, mayBeEmpty: false }));
      bar.tick();
    });
  }
  const seconds = (performance.now() - startedMs) / 1000;
  bar.done();
  const after = await readCalls(backend, ids, signal);
  const sorted = Float64Array.from(latenciesMs).toSorted();
  const count = sorted.length;
  return {
    people: clients.length,
    reports: count,
    callsMean: (after.calls - before.calls) / count,
    rowsWritten: after.rows - before.rows,
    reportsPerS: count / seconds,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  };
}

interface Sent {
  readonly client: Client;
  readonly index: number;
  readonly step: number;
  readonly signal: AbortSignal;
  /** Then `nearby` is enough of an answer. */
  readonly mayBeEmpty: boolean;
}

/** @returns ms until the list came */
async function report({ client, index, step, signal, mayBeEmpty }: Sent): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.onFrame = ({ type }) => {
    if (type === "people" || (mayBeEmpty && type === "nearby")) resolve();
  };
  const startedMs = performance.now();
  client.socket.send(JSON.stringify({ type: "location", ...cityPlace(index, step), ts: Date.now() }));
  const end = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WAIT_MS)]);
  const onEnd = (): void => reject(new Error("no list of people in time"));
  end.addEventListener("abort", onEnd, { once: true });
  await promise.finally(() => end.removeEventListener("abort", onEnd));
  return performance.now() - startedMs;
}

const Meters = v.array(v.object({ callsOut: v.number(), rowsWritten: v.number(), alarmsSet: v.number() }));

/** An object that slept has started to count anew: nobody here is silent for so long. */
async function readCalls({ url }: Backend, ids: readonly string[], signal: AbortSignal) {
  const sums = { calls: 0, rows: 0 };
  for (let start = 0; start < ids.length; start += USERS_PER_REQUEST) {
    const body = JSON.stringify(ids.slice(start, start + USERS_PER_REQUEST));
    const answer = await fetch(`${url}/bench/meters`, { method: "POST", body, signal });
    for (const { callsOut, rowsWritten, alarmsSet } of v.parse(Meters, await answer.json())) {
      sums.calls += callsOut;
      sums.rows += rowsWritten + alarmsSet;
    }
  }
  return sums;
}

function note(step: string): void {
  process.stderr.write(`strangers: ${step}\n`);
}
