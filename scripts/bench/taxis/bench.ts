/** Recorded taxis on our server, exact and in economy, and on the classic one, as fast as each takes them. */
import type { SettingsEnv } from "../../serve/settings.ts";
import { SETTINGS } from "../../../src/settings-list.ts";
import { CLASSIC_POSITIONS_UNDER_WAY, POSITIONS_UNDER_WAY } from "../bounds.ts";
import { type CpuFigures, CpuMeter } from "../cpu.ts";
import type { Around, TargetName } from "../entry.ts";
import { closeTargets, openTarget } from "../lineup.ts";
import { describeMachine } from "../machine.ts";
import { takeTurns } from "../rounds.ts";
import type { Target } from "../targets.ts";
import type { Plan } from "./plan.ts";
import { Pump, type PumpFigures } from "./pump.ts";
import { makeTaxisReport, type TaxisReport } from "./report.ts";
import { judge, type Promised, type Verdict } from "./screens.ts";

export interface TaxisOptions extends Around {
  readonly plan: Plan;
  /** Name of the file, for the report. */
  readonly tracks: string;
  readonly friends: number;
  /** Of each target in each round. */
  readonly updates: number;
  readonly rounds: number;
  readonly targets: readonly TargetName[];
}

export interface TaxisFigures {
  readonly pump: PumpFigures;
  readonly cpu: CpuFigures;
  /** Of all screens, when the round was over. */
  readonly verdict: Verdict;
}

interface Fleet {
  readonly label: string;
  readonly target: Target;
  readonly promised: Promised;
  readonly pump: Pump;
}

/**
 * What is half an hour in the file takes minutes here, so every taxi is faster than any car. And one that is off duty in it
 * says nothing while all servers have their turns: nobody is to become inactive of that.
 */
const COMPRESSED: SettingsEnv = { SPEED_MAX_MPS: "0", INACTIVE_AFTER_S: "3600" };
const RADIUS_M = Number(SETTINGS.find(({ name }) => name === "RADIUS_M")?.default);

export async function benchTaxis(options: TaxisOptions): Promise<TaxisReport> {
  const { plan, tracks, friends, updates, rounds, signal } = options;
  const fleets: Fleet[] = [];
  try {
    await openFleets(fleets, options);
    const measure = async (fleet: Fleet, index: number) => {
      return measureOne(fleet, plan, plan.moves.slice(index * updates, (index + 1) * updates));
    };
    const turns = await takeTurns({ targets: fleets, rounds, signal, measure });
    const underWay = Object.fromEntries(options.targets.map((name) => [name, underWayOf(name)]));
    const setup = { tracks, taxis: plan.taxis, friends, updates, underWay };
    return makeTaxisReport(
      setup,
      fleets.map(({ label }) => label),
      turns,
      describeMachine(),
    );
  } finally {
    await closeTargets(fleets.map(({ target }) => target));
  }
}

async function openFleets(fleets: Fleet[], options: TaxisOptions): Promise<void> {
  for (const name of options.targets) {
    if (name === "ours") {
      fleets.push(await openFleet(name, { label: "ours, economy", promised: "economy" }, options));
      fleets.push(await openFleet(name, { label: "ours, exact", promised: "exact" }, options));
    } else {
      fleets.push(await openFleet(name, { label: name, promised: "exact" }, options));
    }
  }
}

async function openFleet(
  name: TargetName,
  kind: Pick<Fleet, "label" | "promised">,
  { plan, onFailure, signal }: TaxisOptions,
): Promise<Fleet> {
  const { people } = plan;
  const pumps: Pump[] = [];
  const target = await openTarget(name, {
    people,
    onFailure,
    signal,
    label: kind.label,
    settings: { ...COMPRESSED, FANOUT: kind.promised },
    settle: async (clients) => {
      const pump = new Pump({ plan, clients, underWay: underWayOf(name), signal });
      pumps.push(pump);
      await pump.begin();
    },
  });
  const [pump] = pumps;
  if (pump === undefined) throw new Error(`${kind.label}: opened without its taxis`);
  return { ...kind, target, pump };
}

async function measureOne(
  { target, pump, promised }: Fleet,
  { people, taxis }: Plan,
  moves: Plan["moves"],
): Promise<TaxisFigures> {
  // Wakes the objects that hibernated while the other servers had their turns, and their first reading of the friend list.
  await pump.run(moves.slice(0, warmUp(moves.length)));
  const meter = new CpuMeter(() => target.processes());
  meter.edge();
  const figures = await pump.run(moves.slice(warmUp(moves.length)));
  meter.edge();
  const truth = { people: people.slice(0, taxis), places: pump.places, radiusM: RADIUS_M };
  return { pump: figures, cpu: meter.figures(), verdict: judge(pump.screens, truth, promised) };
}

/** An eighth: as good as every taxi and all of its friends are among them. */
function warmUp(updates: number): number {
  return Math.floor(updates / 8);
}

function underWayOf(name: TargetName): number {
  return name === "classic" ? CLASSIC_POSITIONS_UNDER_WAY : POSITIONS_UNDER_WAY;
}
