import type { GoneReason } from "../protocol/messages/gone.ts";
import type { FriendNo } from "./contact.ts";
import type { AwayReason, Sighting } from "./sighting.ts";

/** What the shell has to do after an event, in this order. */
export type Effect =
  /**
   * Call the friend's object: `meet(sighting, heard)`; report `answered` or `failed` with the same `callId`. `heard` is the
   * newest rev heard from that friend, so that an object whose clock fell behind its own words can step over them. `held` is
   * the sighting that came with it, while it is still here: an answer that would repeat it need not.
   */
  | {
      readonly kind: "meet";
      readonly no: FriendNo;
      readonly callId: number;
      readonly sighting: Sighting;
      readonly heard: number;
      readonly held: Sighting | null;
    }
  /** Tell the friend's object once that there is nothing to tell any more. May be lost: friends look at `activeUntil`. */
  | { readonly kind: "leave"; readonly no: FriendNo; readonly rev: number; readonly reason: AwayReason }
  /** The same, but it has to arrive: a lost one would leave a position on a screen that may not be there. */
  | { readonly kind: "withdraw"; readonly no: FriendNo }
  /** Own clients: this friend is near, new or moved. */
  | {
      readonly kind: "show";
      readonly no: FriendNo;
      readonly sighting: Sighting;
      readonly distanceM: number;
      readonly isNew: boolean;
    }
  /** Own clients: this friend is no longer shown. */
  | { readonly kind: "hide"; readonly no: FriendNo; readonly reason: GoneReason }
  /**
   * Say in the index of active friends that the own user is, and then ask it for the friends; report `listed` with the same
   * id, soon and in every case.
   */
  | { readonly kind: "lookUp"; readonly id: number }
  /** The friend's object does not know this friendship: send the statement about it again. */
  | { readonly kind: "restate"; readonly no: FriendNo };
