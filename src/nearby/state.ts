import type { Place } from "../geo/place.ts";
import type { Visibility } from "../protocol/resources.ts";
import type { Contact, FriendNo } from "./contact.ts";
import type { Effect } from "./effects.ts";
import type { Answer, Sighting } from "./sighting.ts";

/** The user this object stands for. */
export type Self =
  | { readonly kind: "inactive" }
  /** Restarted without its memory while a deadline of activity was pending. */
  | { readonly kind: "unsure" }
  | {
      readonly kind: "active";
      readonly sighting: Sighting;
      /** Only known to within kilometres: everybody is told the cell. */
      readonly rough?: boolean;
    };

/** A live position, already decoded and due to be shown. */
export interface LiveFix extends Place {
  readonly ts: number;
  readonly activeUntil: number;
  /** Its accuracy is too bad to be shown as it is (src/nearby/jumps.ts). */
  readonly rough?: boolean;
}

/** Everything that has to survive in a socket's attachment for the circle to go on where it was. */
export interface CircleState {
  readonly rev: number;
  readonly sharing: boolean;
  readonly self: Self;
  /** Every accepted friend who is not among `contacts` is away. */
  readonly complete: boolean;
  readonly contacts: Iterable<Contact>;
  /** Set where a copy has to hold near pacts, too: in `economy` they decide which positions are told. */
  readonly keepsNear?: boolean;
}

/** An accepted friend, as the friend list has it. */
export interface RosterEntry {
  readonly no: FriendNo;
  readonly muted: boolean;
  /** What this friend may know of the user; absent: everything. */
  readonly visibility?: Visibility;
}

export interface CircleOptions {
  readonly radiusM: number;
  /** Reads the whole friend list: asked only when some friends are not known, on a wake. */
  readonly roster: () => Iterable<RosterEntry>;
  /** Mode `economy` (src/nearby/economy.ts): ms that a near friend may go untold. Absent: every position is told. */
  readonly quietMs?: number;
  /** There is an index of active friends (src/nearby/wake.ts): a wake asks it before it calls anybody. */
  readonly hasIndex?: boolean;
}

/** What the index of active friends knows. */
export interface Listing {
  /** The own user had an entry: whoever woke in the meantime has found it. */
  readonly wasListed: boolean;
  readonly friends: readonly ListedFriend[];
}

export interface ListedFriend extends RosterEntry {
  /** The newest of the friend when the entry was made. */
  readonly rev: number;
}

/** A friend's call. */
export interface Approach extends RosterEntry {
  readonly sighting: Sighting;
  /** The newest rev that the friend has heard from this user; 0 for none. */
  readonly heard: number;
}

/** What comes of a friend's call. */
export interface Met {
  readonly answer: Answer;
  readonly effects: Effect[];
}

export interface Shown {
  readonly no: FriendNo;
  readonly sighting: Sighting;
  readonly distanceM: number;
}
