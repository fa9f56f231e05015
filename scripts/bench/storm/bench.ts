/** Every socket is cut in the same moment, and everybody comes back at once, as after a network that was away. */
import { setTimeout as sleep } from "node:timers/promises";
import { ASLEEP_PER_ACTIVE } from "../bounds.ts";
import { type CpuFigures, CpuMeter } from "../cpu.ts";
import type { Around, TargetName } from "../entry.ts";
import { closeTargets, openTargets } from "../lineup.ts";
import { describeMachine } from "../machine.ts";
import { locationFrame, makePeople, type Person } from "../people.ts";
import { takeTurns } from "../rounds.ts";
import type { Target } from "../targets.ts";
import { comeBack, type Return } from "./comeback.ts";
import { makeStormReport, type StormReport } from "./report.ts";

/** The positions before the cut go out in so many at once, so that they are no storm themselves. */
const POSITIONS_AT_ONCE = 5;
const CALM_MS = 1_000;

export interface StormOptions extends Around {
  readonly users: number;
  readonly friends: number;
  readonly rounds: number;
  readonly targets: readonly TargetName[];
}

export interface StormFigures extends Return {
  readonly cpu: CpuFigures;
}

export async function benchStorm(options: StormOptions): Promise<StormReport> {
  const { users, friends, rounds, targets: names, signal } = options;
  const asleep = friends * ASLEEP_PER_ACTIVE;
  const people = makePeople(users, friends, asleep);
  const targets: Target[] = [];
  try {
    await openTargets(targets, names, { ...options, people });
    const measure = async (target: Target, index: number) => measureOne(target, { people, index, signal });
    const turns = await takeTurns({ targets, rounds, signal, measure });
    return makeStormReport({ users, friends, asleep }, names, turns, describeMachine());
  } finally {
    await closeTargets(targets);
  }
}

interface Turn {
  readonly people: readonly Person[];
  readonly index: number;
  readonly signal: AbortSignal;
}

async function measureOne(target: Target, { people, index, signal }: Turn): Promise<StormFigures> {
  // Whoever was silent for ten minutes would have nobody to come back to.
  for (const [at, { socket }] of target.clients.entries()) {
    socket.send(locationFrame(at, people.length, index + 1, Date.now()));
    if (at % POSITIONS_AT_ONCE === 0) await sleep(1, undefined, { signal });
  }
  await sleep(CALM_MS, undefined, { signal });
  const meter = new CpuMeter(() => target.processes());
  meter.edge();
  // The bare object keeps no position that it could show.
  const figures = await comeBack(target.clients, people, { hasSnapshot: target.name !== "floor", signal });
  meter.edge();
  return { ...figures, cpu: meter.figures() };
}
