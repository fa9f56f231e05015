/**
 * Metres taken off every slack. The distance of two computed positions is good to about a micrometre and stored
 * places to 11 mm (both ends, both sides), so 0.1 m keeps "silent" on the safe side of every rounding.
 */
export const SLACK_MARGIN_M = 0.1;

/**
 * Half of the room between two people who are `gapM` apart and the radius, in whole decimetres rounded down: while
 * each stays within it of the place they told, the distance cannot fall to `radiusM`, so neither has to speak.
 *
 * Safe regions: A. Amir et al., "Buddy tracking - efficient proximity detection among mobile friends" (2004, 2007).
 *
 * @returns metres, or 0 when there is no room
 */
export function slackM(gapM: number, radiusM: number): number {
  return Math.max(0, Math.floor(((gapM - radiusM) / 2 - SLACK_MARGIN_M) * 10) / 10);
}
