import type { Place } from "../geo/place.ts";
import type { Contact, FriendNo } from "./contact.ts";
import type { Sighting } from "./sighting.ts";

/** The user this object stands for. */
export type Self =
  | { readonly kind: "inactive" }
  /** Restarted without its memory while a deadline of activity was pending. */
  | { readonly kind: "unsure" }
  | { readonly kind: "active"; readonly sighting: Sighting };

/** A live position, already decoded and due to be shown. */
export interface LiveFix extends Place {
  readonly ts: number;
  readonly activeUntil: number;
}

/** Everything that has to survive in a socket's attachment for the circle to go on where it was. */
export interface CircleState {
  readonly rev: number;
  readonly sharing: boolean;
  readonly self: Self;
  /** Every accepted friend who is not among `contacts` is away. */
  readonly complete: boolean;
  readonly contacts: Iterable<Contact>;
}

/** An accepted friend, as the friend list has it. */
export interface RosterEntry {
  readonly no: FriendNo;
  readonly muted: boolean;
}

export interface Shown {
  readonly no: FriendNo;
  readonly sighting: Sighting;
  readonly distanceM: number;
}
