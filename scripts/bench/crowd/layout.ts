/** Where the people of a crowd are, and who is whose friend. */
import type { Person } from "../people.ts";

/** As many as the standard exercise has active at once: 40 of about 400 friends. */
export const CROWD_FRIENDS = 40;
/** Of them, those within the radius; the others are active and far away. */
export const CROWD_NEAR = 10;
/** Fewer do not have 40 different friends of whom 30 are beyond the radius. */
export const CROWD_USERS_MIN = 57;
/** A quarter of them is on either side; those who sleep have these two. */
export const SLEEPER_FRIENDS = 2;

/** Neighbours of the ring. Five of them are 5 km, within a radius of 8 km. */
const SPACING_M = 1_000;
const METRES_PER_DEGREE = 111_195;
/** About 10 m: a walk's step, so that every position is a new one. */
const STEP_DEG = 0.0001;
const GOLDEN_ANGLE_DEG = 180 * (3 - Math.sqrt(5));
/** Nobody lives nearer to a pole. */
const LAT_MAX_DEG = 60;

export interface Layout {
  readonly people: readonly Person[];
  /** The `location` message of this person's `count`-th position. */
  frame(index: number, count: number, ts: number): string;
}

/** A ring of people, each a kilometre from the next: 5 friends on either side, and 15 on either side a quarter further on. */
export function ring(users: number): Layout {
  const far = Math.floor(users / 4);
  const steps = [
    ...Array.from({ length: CROWD_NEAR / 2 }, (_, at) => at + 1),
    ...Array.from({ length: (CROWD_FRIENDS - CROWD_NEAR) / 2 }, (_, at) => far + at),
  ];
  const radiusDeg = (users * SPACING_M) / (2 * Math.PI * METRES_PER_DEGREE);
  return {
    people: peopleOf(users, "crowd", steps),
    frame(index, count, ts) {
      const angleRad = (2 * Math.PI * index) / users;
      // Around a point of the equator, where a degree is as long in both directions.
      return locationAt({ lat: radiusDeg * Math.sin(angleRad), lng: radiusDeg * Math.cos(angleRad) }, count, ts);
    },
  };
}

/** People all over the world, each with two friends on another continent, who are never met while both stay where they are. */
export function world(users: number): Layout {
  return {
    people: peopleOf(users, "idle", [1]),
    frame(index, count, ts) {
      const lat = LAT_MAX_DEG * ((2 * index + 1) / users - 1);
      // Turning by the golden angle puts each far from the one before.
      return locationAt({ lat, lng: ((index * GOLDEN_ANGLE_DEG) % 360) - 180 }, count, ts);
    },
  };
}

function peopleOf(users: number, name: string, steps: readonly number[]): Person[] {
  return Array.from({ length: users }, (_, index) => ({
    id: `${name}-${index}`,
    friends: steps.flatMap((step) => [(index + step) % users, (index - step + users) % users]),
  }));
}

/** The number in an id that this file has given. */
export function indexOf(id: string): number {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}

function locationAt({ lat, lng }: { lat: number; lng: number }, count: number, ts: number): string {
  // Who stands at the antimeridian may step across it.
  const here = { lat: lat + STEP_DEG * Math.sin(count), lng: ((lng + STEP_DEG * Math.cos(count) + 540) % 360) - 180 };
  return `{"type":"location","lat":${here.lat.toFixed(7)},"lng":${here.lng.toFixed(7)},"ts":${ts}}`;
}
