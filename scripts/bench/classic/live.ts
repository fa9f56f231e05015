import type { Fix } from "../../../src/protocol/fix.ts";

/** Of points that were kept while offline: the newest, if it is recent enough to be where the user is. */
export function newestLive(points: readonly Fix[], nowMs: number, inactiveAfterMs: number): Fix | undefined {
  let newest: Fix | undefined;
  for (const point of points) if (newest === undefined || point.ts >= newest.ts) newest = point;
  return newest !== undefined && newest.ts >= nowMs - inactiveAfterMs ? newest : undefined;
}
