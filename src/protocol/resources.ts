/** The caller's profile, as `GET /v1/me` answers it. */
export interface Profile {
  user: string;
  name?: string;
  /** An https URL. */
  avatar?: string;
  /** False while the user has paused: nobody sees them, and they see nobody. */
  sharing: boolean;
}

/** Merge patch of `Profile`: `null` clears the field (for `sharing`: back to true), absent leaves it. */
export interface ProfilePatch {
  name?: string | null;
  avatar?: string | null;
  sharing?: boolean | null;
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
  visibility: "exact";
  /** The caller does not receive this friend. */
  muted: boolean;
}
