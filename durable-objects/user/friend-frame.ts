import type { Sighting } from "../../src/nearby/sighting.ts";
import type { Shown } from "../../src/nearby/state.ts";
import { encodeDown, type Friend } from "../../src/protocol/down.ts";
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
  row: Pick<FriendRow, "id" | "card">,
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

/** The frame of a friend who moved, whose name and avatar the clients have: of these there are 40 for each position. */
export function movedFrame(
  row: Pick<FriendRow, "id" | "card">,
  shown: Pick<Shown, "sighting" | "distanceM">,
  usuallyUntil: number,
): string {
  const { sighting, distanceM } = shown;
  if (sighting.activeUntil > usuallyUntil + CLOCK_TOLERANCE_MS) {
    return encodeDown({ type: "friend", friend: friendOf(row, shown, { withCard: false, usuallyUntil }) });
  }
  const precision = sighting.errorM === 0 ? "exact" : "coarse";
  const distance = Math.round(distanceM * 10) / 10;
  // A user's id has no character that JSON would escape (src/protocol/user-id.ts).
  return `{"type":"friend","friend":{"id":"${row.id}",${placeText(sighting)},"distance":${distance},"precision":"${precision}"}}`;
}

interface PlaceText {
  readonly sighting: Sighting;
  readonly text: string;
}

/** As many positions may be on their way to friends at once: to write two coordinates takes longer than all the rest. */
const PLACES_MAX = 8;
const places: PlaceText[] = [];
let nextPlace = 0;

/** What is the same in the frames of all who see a sighting, in whichever objects of this isolate. */
function placeText(sighting: Sighting): string {
  for (const known of places) if (known.sighting === sighting) return known.text;
  const { lat, lng, ts } = sighting;
  const text = `"lat":${lat},"lng":${lng},"ts":${ts}`;
  places[nextPlace] = { sighting, text };
  nextPlace = (nextPlace + 1) % PLACES_MAX;
  return text;
}
