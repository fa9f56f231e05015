/** The standard workload on each server by turns: how much it can deliver, and how long that takes at a rate that is given. */
import { seededRandom } from "../../town/random.ts";
import { ASLEEP_PER_ACTIVE, CLASSIC_POSITIONS_UNDER_WAY, POSITIONS_UNDER_WAY, WARM_UP_MS } from "../bounds.ts";
import { CpuMeter, residentByName } from "../cpu.ts";
import type { Around, TargetName } from "../entry.ts";
import { closeTargets, openTargets } from "../lineup.ts";
import { Load } from "../load.ts";
import { describeMachine } from "../machine.ts";
import { OpenLoop } from "../open-loop.ts";
import { makePeople, type Person } from "../people.ts";
import { takeTurns } from "../rounds.ts";
import type { Target } from "../targets.ts";
import { makeStandardReport, type StandardFigures, type StandardReport } from "./report.ts";

/** The objects are awake already; only the pace is another one. */
const OPEN_WARM_UP_MS = 1_000;

export interface StandardOptions extends Around {
  users: number;
  friends: number;
  seconds: number;
  rounds: number;
  /** Deliveries that are offered in the open loop. */
  ratePerS: number;
  targets: readonly TargetName[];
}

export async function benchStandard(options: StandardOptions): Promise<StandardReport> {
  const { users, friends, seconds, ratePerS, targets: names, signal } = options;
  const asleep = friends * ASLEEP_PER_ACTIVE;
  const people = makePeople(users, friends, asleep);
  const targets: Target[] = [];
  try {
    await openTargets(targets, names, { ...options, people });
    const { rounds } = options;
    const measure = async (target: Target, index: number) => measureOne(target, { index, people, options });
    const turns = await takeTurns({ targets, rounds, signal, measure });
    const underWay = Object.fromEntries(names.map((name) => [name, windowOf(name, users)]));
    const setup = { users, friends, asleep, seconds, underWay, offeredPerS: ratePerS };
    return makeStandardReport(setup, names, turns, describeMachine());
  } finally {
    await closeTargets(targets);
  }
}

interface Turn {
  index: number;
  people: Person[];
  options: StandardOptions;
}

async function measureOne(target: Target, { index, people, options }: Turn): Promise<StandardFigures> {
  const { seconds, ratePerS, friends, signal } = options;
  const { clients } = target;
  const measureMs = seconds * 1000;
  const window = windowOf(target.name, people.length);
  const full = new CpuMeter(() => target.processes());
  const load = new Load({ people, clients, window, warmUpMs: WARM_UP_MS, measureMs, onEdge: full.edge, signal });
  const capacity = await load.run();
  const paced = new CpuMeter(() => target.processes());
  const open = await new OpenLoop({
    people,
    clients,
    updatesPerS: ratePerS / friends,
    warmUpMs: OPEN_WARM_UP_MS,
    measureMs,
    random: seededRandom(index),
    onEdge: paced.edge,
    signal,
  }).run();
  return {
    capacity: { ...capacity, cpu: full.figures() },
    open: { ...open, cpu: paced.figures() },
    residentMiB: residentByName(target.processes()),
  };
}

function windowOf(name: TargetName, users: number): number {
  return Math.min(users, name === "classic" ? CLASSIC_POSITIONS_UNDER_WAY : POSITIONS_UNDER_WAY);
}
