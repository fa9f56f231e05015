import { distanceM } from "../geo/distance.ts";
import type { Pact } from "./contact.ts";
import type { Sighting } from "./sighting.ts";

/** Metres that a near friend may be off on a screen without being told: about what a phone's receiver is off in a city. */
export const ERROR_MIN_M = 25;

/** The same as a share of the distance: nobody sees on a map that a friend 5 km away is 50 m further. */
export const ERROR_SHARE = 0.01;

/** A near friend is told at least this often, so that the age on the screen stays honest. */
export const QUIET_MAX_MS = 5 * 60_000;

/** How far what a friend shows may be from the truth, at a distance of `awayM` metres. */
export function toleranceM(awayM: number): number {
  return Math.max(ERROR_MIN_M, ERROR_SHARE * awayM);
}

/**
 * How long a near friend may go untold: never so long that the position told last could be too old to show. It is looked at
 * with an own position only, so the time to the next one is taken off.
 */
export function quietMaxMs({
  inactiveAfterMs,
  updateEveryMs,
}: {
  inactiveAfterMs: number;
  updateEveryMs: number;
}): number {
  return Math.max(0, Math.min(QUIET_MAX_MS, inactiveAfterMs / 2) - updateEveryMs);
}

/**
 * Mode `economy`: whether a near friend has to be told `mine`. Every meeting is an exchange, whoever called, and starts the
 * measures again; so a pair that walks together calls half as often as each of them moves.
 *
 * After P. Wolfson et al., "Updating and Querying Databases that Track Mobile Units" (1999): an update is worth sending
 * when the deviation exceeds a bound.
 *
 * @param seen the friend's newest position, null when it was lost
 */
export function isWorthTelling(
  pact: Extract<Pact, { kind: "near" }>,
  mine: Sighting,
  seen: Sighting | null,
  { radiusM, quietMs }: { radiusM: number; quietMs: number },
): boolean {
  if (seen === null) return true;
  const awayM = distanceM(mine, seen);
  if (distanceM(pact.anchor, mine) > toleranceM(awayM)) return true;
  // By what is known here the pair has left the radius: the friend may have to take this user off the screen.
  if (awayM - mine.errorM - seen.errorM > radiusM) return true;
  // By the age of the position that was told, not of the exchange: an answer may have told an old one, and the friend takes
  // this user for inactive when that one is too old.
  return mine.activeUntil - pact.toldUntil >= quietMs;
}
