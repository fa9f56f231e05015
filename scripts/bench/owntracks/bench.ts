/** Phones with OwnTracks that report at a fixed rate, then as fast as the server answers. */
import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { progress } from "../../progress.ts";
import { startBackend } from "../../serve/backend.ts";
import type { SettingsEnv } from "../../serve/settings.ts";
import { inGroups } from "../groups.ts";
import { makePeople } from "../people.ts";
import { authorize, befriend } from "../targets.ts";
import { cpuSeconds, peakMiB } from "../usage.ts";
import { type Phone, sendReport } from "./phone.ts";
import { makeOwnTracksReport, type OwnTracksReport, type PhaseFigures } from "./report.ts";

/** Reports under way in the second phase: enough that the server's one thread never waits. */
const UNDER_WAY = 8;
const AT_ONCE = 16;
const SOCKETS_MAX = 256;
const WARM_UP_ROUNDS = 2;
const TICK_MS = 2;
const REQUEST_WAIT_MS = 10_000;

const NewDevice = v.object({ password: v.string() });

export interface OwnTracksBenchOptions {
  readonly users: number;
  /** All of whom are near. */
  readonly friends: number;
  readonly seconds: number;
  /** Reports a second of the first phase. */
  readonly rate: number;
  readonly signal: AbortSignal;
}

export async function benchOwnTracks(options: OwnTracksBenchOptions): Promise<OwnTracksReport> {
  const { users, friends, signal } = options;
  const env: SettingsEnv = {
    AUTH_SECRET: randomBytes(32).toString("hex"),
    // The load is a machine's; the limits are a walker's.
    POSITION_BURST: "1000000",
    POSITION_MIN_S: "0",
  };
  const people = makePeople(users, friends);
  const backend = await startBackend({ port: 0, memory: true, env, signal, onProgress: note });
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  try {
    const headers = await authorize(people, env);
    await befriend(people, backend.url, headers, signal);
    const phones = await inGroups([...people.entries()], AT_ONCE, async ([index, { id }]): Promise<Phone> => {
      const password = await passwordOf(backend.url, headers[index] ?? {}, signal);
      return { index, users, user: id, password, url: backend.url, agent };
    });
    note("warming up: everybody wakes and meets everybody");
    for (let round = 0; round < WARM_UP_ROUNDS; round += 1) {
      await inGroups([...phones], AT_ONCE, (phone) => sendReport(phone, round));
    }
    const cpu = () => cpuSeconds(backend.runtimePid);
    const paced = await phase(cpu, () => atRate(phones, options));
    const fastest = await phase(cpu, () => asFastAsPossible(phones, options));
    return makeOwnTracksReport(options, { paced, fastest, serverMiB: peakMiB(backend.runtimePid) });
  } finally {
    agent.destroy();
    await backend.stop();
  }
}

async function passwordOf(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<string> {
  const answer = await fetch(`${url}/v1/devices`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: '{"app":"owntracks"}',
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_WAIT_MS)]),
  });
  if (answer.status !== 201) throw new Error(`POST /v1/devices answers ${answer.status}: ${await answer.text()}`);
  return v.parse(NewDevice, await answer.json()).password;
}

type Samples = Omit<PhaseFigures, "seconds" | "serverCpuS">;

async function phase(cpu: () => number | undefined, run: () => Promise<Samples>): Promise<PhaseFigures> {
  const [startMs, startCpuS] = [performance.now(), cpu()];
  const samples = await run();
  const endCpuS = cpu();
  const serverCpuS = startCpuS === undefined || endCpuS === undefined ? null : endCpuS - startCpuS;
  return { ...samples, seconds: (performance.now() - startMs) / 1000, serverCpuS };
}

/** Each report is due at its moment, and its time counts from there: a server that is late makes all after it late. */
async function atRate(phones: readonly Phone[], { seconds, rate, signal }: OwnTracksBenchOptions): Promise<Samples> {
  const samples = new Collector();
  const total = Math.round(rate * seconds);
  const bar = progress("owntracks: at the rate", total);
  const startMs = performance.now();
  const underWay: Promise<void>[] = [];
  for (let sent = 0; sent < total;) {
    signal.throwIfAborted();
    for (; sent < total && startMs + (sent * 1000) / rate <= performance.now(); sent += 1) {
      const dueMs = startMs + (sent * 1000) / rate;
      underWay.push(samples.take(phoneAt(phones, sent), sent, dueMs));
      bar.tick();
    }
    await sleep(TICK_MS);
  }
  await Promise.all(underWay);
  bar.done();
  return samples;
}

/** A closed loop: what the server can take. */
async function asFastAsPossible(
  phones: readonly Phone[],
  { seconds, signal }: OwnTracksBenchOptions,
): Promise<Samples> {
  note("as fast as it goes");
  const samples = new Collector();
  const endMs = performance.now() + seconds * 1000;
  let sent = 0;
  await Promise.all(
    Array.from({ length: UNDER_WAY }, async () => {
      while (performance.now() < endMs) {
        signal.throwIfAborted();
        const turn = (sent += 1);
        await samples.take(phoneAt(phones, turn), turn, performance.now());
      }
    }),
  );
  return samples;
}

class Collector {
  readonly latenciesMs: number[] = [];
  /** Friends in all answers together. */
  friends = 0;
  /** Answers that are not 200. */
  refused = 0;

  async take(phone: Phone, turn: number, dueMs: number): Promise<void> {
    const { status, friends } = await sendReport(phone, turn);
    this.latenciesMs.push(performance.now() - dueMs);
    this.friends += friends;
    if (status !== 200) this.refused += 1;
  }
}

/** Neighbours on the ring share friends; far apart, the reports under way keep different objects busy. */
const STRIDE = 97;

function phoneAt(phones: readonly Phone[], turn: number): Phone {
  const phone = phones[(turn * STRIDE) % phones.length];
  if (phone === undefined) throw new Error("a bench needs phones");
  return phone;
}

function note(step: string): void {
  process.stderr.write(`owntracks: ${step}\n`);
}
