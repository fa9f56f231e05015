/** Who takes part in a bench, who is whose friend, and where everybody is. */

export interface Person {
  id: string;
  /** Indexes into the people. */
  friends: number[];
  /** Ids of friends who never connect. */
  asleep?: readonly string[];
}

/**
 * A ring in which everybody has exactly `friends` friends: the nearest on both sides, and for an odd number also the
 * one across. The caller has checked that `users * friends` is even and `friends` less than `users`.
 *
 * @param asleep friends of everybody beside them who never connect, so that the list of friends has its real length
 */
export function makePeople(users: number, friends: number, asleep = 0): Person[] {
  const sleepers = Array.from({ length: asleep }, (_, index) => `asleep-${index}`);
  return Array.from({ length: users }, (_, index) => {
    const around: number[] = [];
    for (let step = 1; step <= Math.floor(friends / 2); step += 1) {
      around.push((index + step) % users, (index - step + users) % users);
    }
    if (friends % 2 === 1) around.push((index + users / 2) % users);
    return { id: `bench-${index}`, friends: around, asleep: sleepers };
  });
}

/** San Francisco; everybody is within 2 km of it, so that every pair is nearer than the default radius of 8 km. */
const CENTRE = { lat: 37.7749, lng: -122.4194 };
const SPREAD_DEG = 0.018;
/** About 10 m: a walk's step, so that every position is a new one. */
const STEP_DEG = 0.0001;
/** Turning by the golden angle spreads any number of points evenly over a disc. */
const GOLDEN_ANGLE_RAD = Math.PI * (3 - Math.sqrt(5));

/** The `location` message of the person with this index at its `count`-th position. */
export function locationFrame(index: number, users: number, count: number, ts: number): string {
  const radiusDeg = SPREAD_DEG * Math.sqrt((index + 0.5) / users);
  const angleRad = index * GOLDEN_ANGLE_RAD;
  const lat = CENTRE.lat + radiusDeg * Math.sin(angleRad) + STEP_DEG * Math.sin(count);
  const lng = CENTRE.lng + radiusDeg * Math.cos(angleRad) + STEP_DEG * Math.cos(count);
  return `{"type":"location","lat":${lat.toFixed(7)},"lng":${lng.toFixed(7)},"ts":${ts}}`;
}
