/** What is sent in the workload of taxis, the same to every target: who is whose friend, where all begin, and how they go on. */
import { type Place, roundPlace } from "../../../src/geo/place.ts";
import { SETTINGS } from "../../../src/settings-list.ts";
import { drawEdges } from "../../fanout/edges.ts";
import { Updates } from "../../fanout/updates.ts";
import { seededRandom } from "../../town/random.ts";
import { busiestHourS, type Tracks } from "../../town/tracks.ts";
import type { Person } from "../people.ts";

/** Draws the friends, and when in each step a taxi reports; another one draws others. */
const SEED = 1;
const STEP_MS = secondsOf("UPDATE_EVERY_S") * 1000;
const STALE_AFTER_MS = secondsOf("INACTIVE_AFTER_S") * 1000;
/**
 * Pairs of friends beside the taxis whose moves show that what was sent before has been worked off. Each of the two sends
 * by turns, and none may run into its limit of frames within a round.
 */
export const PROBE_PAIRS = 64;

export interface Move {
  /** Index of the taxi. */
  readonly taxi: number;
  readonly place: Place;
}

export interface Plan {
  /** The taxis, and then the probes: each at an even index is the friend of the next one. */
  readonly people: Person[];
  readonly taxis: number;
  /** Where each of the people is in the beginning. */
  readonly start: readonly Place[];
  /** In order of time. */
  readonly moves: readonly Move[];
}

/**
 * Every taxi reports each 30 s, as the standard client does: where its newest fix is. So one that waits says so again, which
 * is most of what `economy` leaves out.
 *
 * @param friends of each taxi on average
 * @param count of moves; the busiest hour is among them
 * @throws Error when the tracks are too short, or too few for so many friends
 */
export function planTaxis(tracks: Tracks, { friends, count }: { friends: number; count: number }): Plan {
  const taxis = tracks.entities.length;
  if (friends >= taxis) throw new Error(`${taxis} people of the tracks cannot have ${friends} friends each`);
  const from = firstStep(tracks, count);
  const places: (Place | undefined)[] = Array.from({ length: taxis });
  const moves: Move[] = [];
  const updates = updatesOf(tracks);
  for (let step = 0; step < updates.steps; step += 1) {
    for (const { person, place } of updates.of(step)) {
      if (step >= from && moves.length < count) moves.push({ taxi: person, place });
      // Before the start it is where the taxi is then, and after it where it comes first.
      if (step < from) places[person] = place;
      else places[person] ??= place;
    }
  }
  const start = places.map((place, taxi) => {
    if (place === undefined) throw new Error(`no fix of entity ${tracks.entities[taxi]}`);
    return place;
  });
  return { people: peopleOf(taxis, friends), taxis, start: [...start, ...probePlaces(start)], moves };
}

function updatesOf(tracks: Tracks): Updates {
  return new Updates(tracks, { stepMs: STEP_MS, staleAfterMs: STALE_AFTER_MS, random: seededRandom(SEED) });
}

/** The beginning of the busiest hour, or earlier when too little is left from there. */
function firstStep(tracks: Tracks, count: number): number {
  const updates = updatesOf(tracks);
  const counts = Array.from({ length: updates.steps }, (_, step) => [...updates.of(step)].length);
  let step = updates.steps;
  // The tracks may begin in the middle of it.
  const busiest = Math.max(0, (busiestHourS(tracks.fixes) * 1000 - updates.startMs) / STEP_MS);
  for (let left = 0; step > busiest || left < count; left += counts[step] ?? 0) {
    if (step === 0) throw new Error(`the tracks have ${left} updates, and ${count} are asked for`);
    step -= 1;
  }
  return step;
}

function peopleOf(taxis: number, friends: number): Person[] {
  const people: Person[] = Array.from({ length: taxis }, (_, index) => ({ id: `taxi-${index}`, friends: [] }));
  for (const [a, b] of drawEdges(taxis, friends, seededRandom(SEED))) {
    people[a]?.friends.push(b);
    people[b]?.friends.push(a);
  }
  const probes = Array.from({ length: 2 * PROBE_PAIRS }, (_, index) => ({
    id: `probe-${index}`,
    friends: [taxis + (index ^ 1)],
  }));
  return [...people, ...probes];
}

/** In the middle of the taxis, all in one place. */
function probePlaces(start: readonly Place[]): Place[] {
  const middle = { lat: median(start.map(({ lat }) => lat)), lng: median(start.map(({ lng }) => lng)) };
  return Array.from({ length: 2 * PROBE_PAIRS }, () => roundPlace(middle));
}

/** About 110 m: more than `economy` leaves untold at this distance, which is 25 m. */
const PROBE_STEP_DEG = 0.001;

/** Where a probe is after so many moves: to and fro. */
export function probePlace({ lat, lng }: Place, moves: number): Place {
  return roundPlace({ lat: lat + (moves % 2) * PROBE_STEP_DEG, lng });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function secondsOf(name: "UPDATE_EVERY_S" | "INACTIVE_AFTER_S"): number {
  return Number(SETTINGS.find((row) => row.name === name)?.default);
}
