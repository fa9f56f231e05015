/** A closed loop on the real server and on the bare one by turns. */
import { progress } from "../../progress.ts";
import { POSITIONS_UNDER_WAY, WARM_UP_MS } from "../bounds.ts";
import type { Around } from "../entry.ts";
import { round } from "../figures.ts";
import { Load } from "../load.ts";
import { makePeople, type Person } from "../people.ts";
import { openFloor, openReal, type Target } from "../targets.ts";
import { cpuSeconds, peakMiB } from "../usage.ts";
import { type BenchReport, makeReport, type Round, type RoundFigures } from "./report.ts";

export interface StandardOptions extends Around {
  users: number;
  friends: number;
  seconds: number;
  rounds: number;
}

export async function benchStandard(options: StandardOptions): Promise<BenchReport> {
  const { users, friends, seconds, onFailure, signal } = options;
  const people = makePeople(users, friends);
  const window = Math.min(users, POSITIONS_UNDER_WAY);
  const targets: Target[] = [];
  try {
    const floor = await openFloor({ people, onFailure, signal });
    targets.push(floor);
    const real = await openReal({ people, onFailure, signal });
    targets.push(real);
    const rounds = await alternate(options, people, window, floor, real);
    const memory = {
      floorMiB: roundOrNull(peakMiB(floor.backend.runtimePid), 1),
      realMiB: roundOrNull(peakMiB(real.backend.runtimePid), 1),
      loadMiB: round(process.resourceUsage().maxRSS / 1024, 1),
    };
    return makeReport({ users, friends, seconds, window }, rounds, memory);
  } finally {
    await Promise.all(targets.map((target) => target.close()));
  }
}

async function alternate(
  options: StandardOptions,
  people: Person[],
  window: number,
  floor: Target,
  real: Target,
): Promise<Round[]> {
  const bar = progress("rounds", options.rounds * 2);
  const rounds: Round[] = [];
  while (rounds.length < options.rounds) {
    const floorFigures = await measure(options, people, window, floor);
    bar.tick();
    const realFigures = await measure(options, people, window, real);
    bar.tick();
    const ratio = round(realFigures.deliveriesPerS / floorFigures.deliveriesPerS, 3);
    rounds.push({ floor: floorFigures, real: realFigures, ratio });
  }
  bar.done();
  return rounds;
}

async function measure(
  { seconds, signal }: StandardOptions,
  people: Person[],
  window: number,
  { backend, clients }: Target,
): Promise<RoundFigures> {
  const edges: { server: number | undefined; load: number }[] = [];
  const onEdge = () => {
    const { user, system } = process.cpuUsage();
    edges.push({ server: cpuSeconds(backend.runtimePid), load: (user + system) / 1e6 });
  };
  const measureMs = seconds * 1000;
  const figures = await new Load({ people, clients, window, warmUpMs: WARM_UP_MS, measureMs, onEdge, signal }).run();
  const [start, end] = edges;
  const used = (of: "server" | "load") => (end?.[of] ?? Number.NaN) - (start?.[of] ?? Number.NaN);
  return {
    updatesPerS: round(figures.updatesPerS, 1),
    deliveriesPerS: round(figures.deliveriesPerS, 1),
    p50Ms: round(figures.p50Ms, 2),
    p95Ms: round(figures.p95Ms, 2),
    p99Ms: round(figures.p99Ms, 2),
    lost: figures.lost,
    paceBound: figures.paceBound,
    serverCpuS: roundOrNull(used("server"), 2),
    cpuPerDeliveryUs: roundOrNull((used("server") * 1e6) / (figures.deliveriesPerS * seconds), 1),
    loadCpuS: round(used("load"), 2),
  };
}

function roundOrNull(value: number | undefined, digits: number): number | null {
  return value === undefined || Number.isNaN(value) ? null : round(value, digits);
}
