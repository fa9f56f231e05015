import { turnDeg } from "../geo/course.ts";
import { distanceM, isWithin } from "../geo/distance.ts";
import type { Place } from "../geo/place.ts";

/*
 * Which fixes become the live position. A receiver that has lost its sky reports places that nobody was at: among streets
 * it jumps by kilometres and back, without sky it names the next cell tower. Friends would see somebody leave and return.
 *
 * One fix alone cannot be told from a jump; the one after it can. So a fix that implies an impossible speed waits for it.
 */

/** An accuracy that is worse than this, in metres, comes from cell towers, not from a receiver: no street can be told by it. */
export const ROUGH_ABOVE_M = 500;

/** How much a plane may turn from one fix to the next; noise turns by anything, most often back. */
const TURN_MAX_DEG = 45;

/** How much faster or slower it may be from one fix to the next. */
const PACE_RATIO_MAX = 2;

/** Two fixes in the same second are measured as if a second apart: phones' times may be whole seconds. */
const STEP_MIN_MS = 1_000;

/**
 * A fix that comes sooner after the live position is not held: receivers report less often (and positions are shown to
 * friends no more often, see POSITION_MIN_S). What moves within this time is a marker dragged over a map, or another of the
 * user's devices.
 */
export const JUDGED_AFTER_MS = 5_000;

/** A fix as far as its plausibility goes. */
export interface Waypoint extends Place {
  /** ms. */
  readonly ts: number;
}

/** Times are as the object takes them (never in the future); the point in the history has the phone's. */
export interface Held extends Waypoint {
  /** `ts` of its point, ms. */
  readonly pointTs: number;
}

/** What has to be remembered of earlier fixes, beside the current position. */
export interface Track {
  /** Implies a speed that cannot be, and waits for the next fix to say whether it was real. */
  readonly held: Held | null;
  /** The one before the current position, while somebody travels faster than `speedMaxMps`: it gives the course. */
  readonly before: Waypoint | null;
}

export const NO_TRACK: Track = { held: null, before: null };

/** The live position that a fix is held against. */
export interface Current extends Waypoint {
  /** Its accuracy was worse than `ROUGH_ABOVE_M`. */
  readonly rough: boolean;
}

export interface JumpOptions {
  /**
   * Metres per second that a fix may imply; 0 lets every fix pass. Planes are faster than the default of 150, and known by
   * their course.
   */
  readonly speedMaxMps: number;
  /** How long a rough fix does not replace a better one, ms. */
  readonly betterForMs: number;
}

export interface Verdict {
  /**
   * `live`: becomes the live position. `held`: waits for the next fix. `passed_over`: is older than the live position, or
   * rough while there is a better one; it is history only.
   */
  readonly kind: "live" | "held" | "passed_over";
  readonly track: Track;
  /** The fix that was held before was real; otherwise, if it is held no longer, it was a jump. */
  readonly confirms: boolean;
}

/**
 * Judges the next fix of somebody whose live position is `current` (null: none, everything is news).
 *
 * A fix that implies more than `speedMaxMps`, at least `JUDGED_AFTER_MS` after the current one, is held. The next one shows what it was: if they agree (that speed or less
 * between the two, or a plane's course through all three), it was real, and the next one becomes live; otherwise it was a
 * jump, and the next one is judged by itself.
 */
export function judge(
  current: Current | null,
  track: Track,
  fix: Held & Current,
  { speedMaxMps, betterForMs }: JumpOptions,
): Verdict {
  const { held, before } = track;
  if (current === null) return live(null);
  if (fix.ts < current.ts) return { kind: "passed_over", track, confirms: false };
  const isBetter = !current.rough && fix.ts - current.ts < betterForMs;
  if (fix.rough && isBetter) return { kind: "passed_over", track, confirms: false };
  // From or to somewhere within kilometres no speed can be told.
  if (fix.rough || current.rough || speedMaxMps === 0) return live(null);
  if (held !== null && isReachable(held, fix, speedMaxMps)) return live(null, true);
  if (held !== null && isOneCourse(current, held, fix)) return live(held, true);
  if (fix.ts - current.ts < JUDGED_AFTER_MS || isReachable(current, fix, speedMaxMps)) return live(null);
  if (before !== null && isOneCourse(before, current, fix)) return live(current);
  const { lat, lng, ts, pointTs } = fix;
  return { kind: "held", track: { held: { lat, lng, ts, pointTs }, before }, confirms: false };
}

function live(before: Waypoint | null, confirms = false): Verdict {
  return { kind: "live", track: before === null ? NO_TRACK : { held: null, before }, confirms };
}

function isReachable(a: Waypoint, b: Waypoint, speedMaxMps: number): boolean {
  return isWithin(a, b, (speedMaxMps * stepMs(a, b)) / 1000);
}

/** Whether three fixes in a row are those of somebody who goes on: in about the same direction, about as fast. */
function isOneCourse(a: Waypoint, b: Waypoint, c: Waypoint): boolean {
  const [first, second] = [distanceM(a, b) / stepMs(a, b), distanceM(b, c) / stepMs(b, c)];
  if (Math.max(first, second) > PACE_RATIO_MAX * Math.min(first, second)) return false;
  return turnDeg(a, b, c) <= TURN_MAX_DEG;
}

function stepMs(a: Waypoint, b: Waypoint): number {
  return Math.max(STEP_MIN_MS, Math.abs(b.ts - a.ts));
}
