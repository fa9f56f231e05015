/** How the people of the town move. Pure: the time and the dice are arguments. */
import { distanceM } from "../../src/geo/distance.ts";
import { roundPlace, type Place } from "../../src/geo/place.ts";

export type Mode = "walk" | "bike" | "bus";

/**
 * The town's time runs so many times faster than ours. In real time a walker needs six minutes for one cell of an
 * 80-column map, and within a minute nobody would be seen to come or go.
 */
export const TOWN_PACE = 8;

const SPEED_M_PER_S: Record<Mode, number> = { walk: 1.4, bike: 5, bus: 9 };

/** How far away the next stop may be: who walks does not cross the city. */
const LEG_MAX_M: Record<Mode, number> = { walk: 2_500, bike: 7_000, bus: 20_000 };

const METRES_PER_DEGREE = 111_195;

/** What somebody does. Times are wall-clock ms; a new activity begins when the one before has ended. */
export type Activity =
  | {
      readonly kind: "moving";
      readonly from: Place;
      readonly to: Place;
      readonly startMs: number;
      readonly endMs: number;
    }
  | { readonly kind: StayKind; readonly place: Place; readonly endMs: number };

/** `resting` reports now and then, `paused` has turned sharing off, `quiet` is a phone without network. */
export type StayKind = "resting" | "paused" | "quiet";

/** How long a stay lasts, in seconds of our time, so that one is seen to end. */
const STAY_S: Record<StayKind, { readonly min: number; readonly max: number }> = {
  resting: { min: 5, max: 40 },
  paused: { min: 15, max: 40 },
  quiet: { min: 20, max: 90 },
};

const STAY_KINDS: readonly StayKind[] = ["resting", "paused", "quiet"];
/** What comes after an arrival: mostly a rest, rarely one of the others, otherwise the next leg at once. */
const STAY_CHANCE: Record<StayKind, number> = { resting: 0.6, paused: 0.06, quiet: 0.04 };

export interface Walker {
  readonly id: string;
  readonly name: string;
  readonly mode: Mode;
  readonly activity: Activity;
  /** Stays that come next, before chance decides again. */
  readonly plan: readonly StayKind[];
}

/** The same walker at `nowMs`: every activity that has ended by then is followed by the next one. */
export function advance(walker: Walker, stops: readonly Place[], nowMs: number, random: () => number): Walker {
  let current = walker;
  while (current.activity.endMs <= nowMs) current = next(current, stops, random);
  return current;
}

/** Where the walker is, to the 7 decimals that positions have. `nowMs` lies within the walker's activity. */
export function placeAt({ activity }: Walker, nowMs: number): Place {
  if (activity.kind !== "moving") return activity.place;
  const { from, to, startMs, endMs } = activity;
  const share = Math.min(1, Math.max(0, (nowMs - startMs) / (endMs - startMs)));
  return roundPlace({ lat: from.lat + (to.lat - from.lat) * share, lng: from.lng + (to.lng - from.lng) * share });
}

/** A leg at the speed of the mode, beginning at `startMs`. */
export function leg(mode: Mode, from: Place, to: Place, startMs: number): Activity {
  const seconds = distanceM(from, to) / (SPEED_M_PER_S[mode] * TOWN_PACE);
  // At least a millisecond: a leg from a place to itself must end as well.
  return { kind: "moving", from, to, startMs, endMs: startMs + Math.max(1, Math.round(seconds * 1000)) };
}

/** The place `metres` away in a direction (degrees clockwise from north), good to 1 % within a city. */
export function away(from: Place, bearing: number, metres: number): Place {
  const radians = (bearing * Math.PI) / 180;
  const lat = from.lat + (Math.cos(radians) * metres) / METRES_PER_DEGREE;
  const lng = from.lng + (Math.sin(radians) * metres) / (METRES_PER_DEGREE * Math.cos((from.lat * Math.PI) / 180));
  return roundPlace({ lat, lng });
}

function next(walker: Walker, stops: readonly Place[], random: () => number): Walker {
  const startMs = walker.activity.endMs;
  const place = placeAt(walker, startMs);
  const [planned, ...plan] = walker.plan;
  const kind = planned ?? (walker.activity.kind === "moving" ? drawStay(random) : undefined);
  if (kind !== undefined) return { ...walker, plan, activity: stay(kind, place, startMs, random) };
  return { ...walker, activity: leg(walker.mode, place, drawStop(walker.mode, place, stops, random), startMs) };
}

function stay(kind: StayKind, place: Place, startMs: number, random: () => number): Activity {
  const { min, max } = STAY_S[kind];
  return { kind, place, endMs: startMs + Math.round((min + random() * (max - min)) * 1000) };
}

function drawStay(random: () => number): StayKind | undefined {
  let dice = random();
  for (const kind of STAY_KINDS) {
    dice -= STAY_CHANCE[kind];
    if (dice < 0) return kind;
  }
  return undefined;
}

/** A stop within reach other than this one; the nearest other stop when none is within reach. */
function drawStop(mode: Mode, from: Place, stops: readonly Place[], random: () => number): Place {
  const others = stops.filter((stop) => distanceM(from, stop) > 1);
  const reachable = others.filter((stop) => distanceM(from, stop) <= LEG_MAX_M[mode]);
  const drawn = reachable[Math.floor(random() * reachable.length)];
  const nearest = others.toSorted((a, b) => distanceM(from, a) - distanceM(from, b))[0];
  return drawn ?? nearest ?? from;
}
