/** `npm run bench -- --profile`: where the CPU time of a delivery goes, in the real server and in the bare one. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { V8_FLAGS_NAME } from "../../serve/v8-flags.ts";
import { progress } from "../../progress.ts";
import { POSITIONS_UNDER_WAY, WARM_UP_MS } from "../bounds.ts";
import { CpuMeter, serverCpuS } from "../cpu.ts";
import type { Around } from "../entry.ts";
import { round } from "../figures.ts";
import { closeTargets, openTarget } from "../lineup.ts";
import { Load } from "../load.ts";
import { describeMachine, type Machine } from "../machine.ts";
import type { Person } from "../people.ts";
import type { Target } from "../targets.ts";
import { flagsToProfile, needPerf, readRecording, record } from "./perf.ts";
import { type Profile, profileOf, readSamples } from "./samples.ts";

/** More would be a list of what does not matter. */
const FUNCTIONS_MAX = 12;

const NAMES = ["floor", "ours"] as const;
type Name = (typeof NAMES)[number];

export interface ProfileOptions extends Around {
  readonly people: Person[];
  readonly friends: number;
  readonly seconds: number;
}

export interface ServerProfile extends Profile {
  readonly deliveriesPerS: number;
  readonly cpuPerDeliveryUs: number;
}

export interface ProfileReport {
  readonly users: number;
  readonly friends: number;
  readonly seconds: number;
  readonly servers: Readonly<Record<Name, ServerProfile>>;
  readonly machine: Machine;
}

export async function benchProfile(options: ProfileOptions): Promise<ProfileReport> {
  await needPerf();
  const directory = mkdtempSync(join(tmpdir(), "nearby-profile-"));
  const targets: Target[] = [];
  try {
    for (const name of NAMES) {
      mkdirSync(join(directory, name));
      process.env[V8_FLAGS_NAME] = flagsToProfile(join(directory, name));
      targets.push(await openTarget(name, options));
    }
    const bar = progress("servers", NAMES.length);
    const profiles: ServerProfile[] = [];
    for (const [at, target] of targets.entries()) {
      profiles.push(await profile(target, join(directory, NAMES[at] ?? ""), options));
      bar.tick();
    }
    bar.done();
    const [floor, ours] = profiles;
    if (floor === undefined || ours === undefined) throw new Error("not all servers were measured");
    const { people, friends, seconds } = options;
    return { users: people.length, friends, seconds, servers: { floor, ours }, machine: describeMachine() };
  } finally {
    await closeTargets(targets);
    rmSync(directory, { recursive: true, force: true });
  }
}

async function profile(target: Target, directory: string, options: ProfileOptions): Promise<ServerProfile> {
  const { people, seconds, signal } = options;
  const pid = target.processes().find(({ name }) => name === "workerd")?.pid;
  if (pid === undefined) throw new Error("without /proc nobody knows which process serves");
  const meter = new CpuMeter(() => target.processes());
  let recording: ReturnType<typeof record> | undefined;
  const onEdge = (): void => {
    meter.edge();
    recording ??= record(pid, directory);
  };
  const window = Math.min(people.length, POSITIONS_UNDER_WAY);
  const measureMs = seconds * 1000;
  const load = new Load({ people, clients: target.clients, window, warmUpMs: WARM_UP_MS, measureMs, onEdge, signal });
  let deliveriesPerS: number;
  try {
    ({ deliveriesPerS } = await load.run());
  } finally {
    await recording?.stop();
  }
  const lines: string[] = [];
  for await (const line of readRecording(directory)) lines.push(line);
  const found = profileOf(readSamples(lines), FUNCTIONS_MAX);
  if (found.samples === 0) throw new Error("perf has seen nothing of the server");
  const cpuS = serverCpuS(meter.figures()) ?? Number.NaN;
  return {
    ...found,
    deliveriesPerS: round(deliveriesPerS, 1),
    cpuPerDeliveryUs: round((cpuS * 1e6) / (deliveriesPerS * seconds), 2),
  };
}
