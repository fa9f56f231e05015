/** The caller's profile, as `GET /v1/me` answers it. */
export interface Profile {
  user: string;
  name?: string;
  /** An https URL. */
  avatar?: string;
  /** False while the user has paused: nobody sees them, and they see nobody. */
  sharing: boolean;
  /** When the pause ends by itself, ms since the epoch; absent while sharing, and for a pause without an end. */
  pausedUntil?: number;
  /** Strangers nearby may see the user, while a client of theirs asks for strangers, too (`discover`). */
  discoverable: boolean;
}

/**
 * Merge patch of `Profile`: `null` clears the field (`sharing`: back to true, `discoverable`: to false), absent leaves it. `pausedUntil` pauses,
 * too, if it is a time; `sharing: true` ends a pause whatever its end was.
 */
export interface ProfilePatch {
  name?: string | null;
  avatar?: string | null;
  sharing?: boolean | null;
  pausedUntil?: number | null;
  discoverable?: boolean | null;
}

/** What a friend may know of the user: the place, the cell of about 1 km it lies in, or nothing (and neither sees the other). */
export type Visibility = "exact" | "coarse" | "hidden";

/** Merge patch of a friend: `null` is the default again, absent leaves it. */
export interface FriendPatch {
  visibility?: Visibility | null;
  muted?: boolean | null;
}

export type FriendState = "friend" | "incoming" | "outgoing";

/** One row of `GET /v1/friends`. */
export interface FriendEntry {
  id: string;
  name?: string;
  avatar?: string;
  state: FriendState;
  /** When the state was reached, ms since the epoch. */
  since: number;
  /** What they see of the caller. */
  visibility: Visibility;
  /** The caller does not receive this friend. */
  muted: boolean;
}

/** Apps for which there are device passwords. */
export const DEVICE_APPS = ["owntracks", "traccar"] as const;

export type DeviceApp = (typeof DEVICE_APPS)[number];
