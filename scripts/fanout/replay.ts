/** Replays tracks among friends and measures what the fan-out costs and what the screens show. */
import { quietMaxMs } from "../../src/nearby/economy.ts";
import type { Tracks } from "../town/tracks.ts";
import type { Edge } from "./edges.ts";
import { Fleet } from "./fleet.ts";
import { Oracle } from "./oracle.ts";
import { makePeople, type Person } from "./people.ts";
import type { SpreadFigures } from "./spread.ts";
import { Updates } from "./updates.ts";

export const MODES = ["naive", "exact", "economy"] as const;
export type Mode = (typeof MODES)[number];

export interface ReplayOptions {
  readonly tracks: Tracks;
  readonly edges: readonly Edge[];
  readonly mode: Mode;
  readonly stepMs: number;
  readonly radiusM: number;
  readonly inactiveAfterMs: number;
  /** Decides when in each step a person reports. */
  readonly random: () => number;
  readonly onStart?: (steps: number) => void;
  readonly onStep?: () => void;
}

/** Sums, and spreads in metres and seconds. What each means: FIELDS of report.ts. */
export interface ReplayFigures {
  readonly updates: number;
  readonly active: number;
  readonly nearby: number;
  readonly meetings: number;
  readonly activationCalls: number;
  readonly wrongViews: number;
  readonly overBound: number;
  readonly errorM: SpreadFigures;
  readonly lateS: SpreadFigures;
  readonly lateM: SpreadFigures;
  readonly quietS: SpreadFigures;
}

export function replay(options: ReplayOptions): ReplayFigures {
  const { tracks, edges, mode, radiusM, stepMs, inactiveAfterMs, random } = options;
  const people = makePeople(tracks.entities.length, edges);
  const oracle = new Oracle({ radiusM, exact: mode === "exact" });
  const fleet = mode === "naive" ? null : new Fleet(people, fleetOptions(options));
  const updates = new Updates(tracks, { stepMs, staleAfterMs: inactiveAfterMs, random });
  /** Everybody who is active, whoever reported longest ago first: all are active for the same time. */
  const active = new Set<Person>();
  let count = 0;
  let now = updates.startMs;

  function lapseUntil(atMs: number): void {
    for (const person of active) {
      if (person.activeUntil > atMs) return;
      active.delete(person);
      fleet?.lapse(person, person.activeUntil);
      if (fleet !== null) oracle.check(person, person.activeUntil);
    }
  }

  options.onStart?.(updates.steps);
  for (let step = 0; step < updates.steps; step++) {
    for (const { person: index, atMs, fixMs, place } of updates.of(step)) {
      const person = people[index];
      if (person === undefined) throw new Error(`there is no person ${index}`);
      now = atMs;
      lapseUntil(now);
      const activeUntil = now + inactiveAfterMs;
      active.delete(person);
      active.add(person);
      person.moveTo(place, activeUntil);
      count += 1;
      oracle.count(person, now);
      if (fleet === null) continue;
      fleet.position(person, { ...place, ts: fixMs, activeUntil }, now);
      oracle.check(person, now);
    }
    options.onStep?.();
  }
  oracle.end(people, now);
  return {
    updates: count,
    active: oracle.active,
    nearby: oracle.nearby,
    // Without suppression every active friend is told every update, so that every screen shows the truth.
    meetings: fleet?.meetings ?? oracle.active,
    activationCalls: fleet?.activationCalls ?? 0,
    wrongViews: oracle.wrongViews,
    overBound: oracle.overBound,
    errorM: oracle.errorM.figures(),
    lateS: oracle.lateS.figures(),
    lateM: oracle.lateM.figures(),
    quietS: oracle.quietS.figures(),
  };
}

function fleetOptions({ mode, radiusM, inactiveAfterMs, stepMs }: ReplayOptions) {
  return {
    radiusM,
    ...(mode === "economy" ? { quietMs: quietMaxMs({ inactiveAfterMs, updateEveryMs: stepMs }) } : {}),
  };
}
