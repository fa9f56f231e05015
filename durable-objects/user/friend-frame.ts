import type { Shown } from "../../src/nearby/state.ts";
import type { Friend } from "../../src/protocol/down.ts";
import type { FriendRow } from "./friends.ts";

/** The friend's object said when; its clock may be a little ahead of this one's. */
const CLOCK_TOLERANCE_MS = 60_000;

export interface Telling {
  /** Name and avatar, too: where the client does not have them. */
  readonly withCard: boolean;
  /** Until when a friend is active who has been heard of just now, ms: clients take that for granted. */
  readonly usuallyUntil: number;
}

/** A friend as clients get to see it. */
export function friendOf(
  row: FriendRow,
  { sighting, distanceM }: Pick<Shown, "sighting" | "distanceM">,
  { withCard, usuallyUntil }: Telling,
): Friend {
  const { lat, lng, ts, errorM, activeUntil } = sighting;
  return {
    id: row.id,
    ...(withCard ? row.card : undefined),
    lat,
    lng,
    ts,
    distance: Math.round(distanceM * 10) / 10,
    precision: errorM === 0 ? "exact" : "coarse",
    ...(activeUntil > usuallyUntil + CLOCK_TOLERANCE_MS ? { activeUntil } : undefined),
  };
}
