import type { Sighting } from "../../src/nearby/sighting.ts";
import type { Friend } from "../../src/protocol/down.ts";
import type { FriendRow } from "./friends.ts";

/** A friend as clients get to see it. @param withCard name and avatar, too: where the client does not have them */
export function friendOf(row: FriendRow, sighting: Sighting, distanceM: number, withCard: boolean): Friend {
  const { lat, lng, ts, errorM } = sighting;
  return {
    id: row.id,
    ...(withCard ? row.card : undefined),
    lat,
    lng,
    ts,
    distance: Math.round(distanceM * 10) / 10,
    precision: errorM === 0 ? "exact" : "coarse",
  };
}
