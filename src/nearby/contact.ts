import { distanceM, isWithin } from "../geo/distance.ts";
import type { Place } from "../geo/place.ts";
import { slackM } from "../geo/safe-region.ts";
import type { Visibility } from "../protocol/resources.ts";
import type { AwayReason, Sighting } from "./sighting.ts";

/** Row number of a friend in the owner's friend table: short in memory and in the attachment, no string on the hot path. */
export type FriendNo = number;

/**
 * What two objects agreed on when they last exchanged positions. `mine` and `theirs` are the revs of that exchange (the
 * pair): two settled pacts of the same pair were computed from the same two positions, so both sides hold the same slack.
 */
export type Pact =
  | { readonly kind: "unknown" }
  | {
      readonly kind: "near";
      readonly mine: number;
      readonly theirs: number;
      readonly anchor: Place;
      /** Until when the friend takes this user for active, by what was told. */
      readonly toldUntil: number;
    }
  | {
      readonly kind: "far";
      readonly mine: number;
      readonly theirs: number;
      readonly anchor: Place;
      readonly slackM: number;
    }
  | { readonly kind: "away"; readonly reason: AwayReason | "unfriended" };

/** A call that is under way: an answer counts only for the call with this id. */
export interface Call {
  readonly id: number;
  readonly told: Sighting;
  /** `theirRev` of the contact when the call started. */
  readonly heard: number;
  /** What the friend could know when the call started. */
  readonly visibility: Visibility;
}

/** Everything an object holds in memory about one accepted friend while its own user is active. */
export interface Contact {
  readonly no: FriendNo;
  pact: Pact;
  /** Newest rev heard from this friend; anything older is dropped. 0 = none. */
  theirRev: number;
  /** Newest position heard, kept while it may be shown. */
  seen: Sighting | null;
  /** The user's clients show this friend now. */
  shown: boolean;
  muted: boolean;
  /** What this friend may know of the user. Who is hidden from a friend does not see them either. */
  visibility: Visibility;
  /**
   * What this friend said last is not known for sure: the memory of it was lost, or a call that failed may have been
   * answered. An old word that comes late cannot be told from a new one, so no silence may rest on anything but the answer
   * to an own call.
   */
  forgotten: boolean;
  call: Call | null;
  /** Calls that failed in a row. */
  missed: number;
  /** Own positions for which this friend is not called, at most until `skipUntil` (server ms). */
  skip: number;
  skipUntil: number;
}

export const UNKNOWN: Pact = { kind: "unknown" };

/** For a friend from whom the user is hidden: to both, the other one has paused. */
export const HIDDEN: Pact = { kind: "away", reason: "paused" };

export function newContact(no: FriendNo, muted: boolean, visibility: Visibility = "exact"): Contact {
  return {
    no,
    pact: visibility === "hidden" ? HIDDEN : UNKNOWN,
    theirRev: 0,
    seen: null,
    shown: false,
    muted,
    visibility,
    forgotten: false,
    call: null,
    missed: 0,
    skip: 0,
    skipUntil: 0,
  };
}

/**
 * The pact that follows from an exchange of `mine` and `theirs`, given the one that is held (rule 2, "pair").
 *
 * Calls of both sides cross, so exchanges may settle in different orders here and there. An exchange that is newer in one
 * part and older in the other proves that they did: the two sides would then hold slacks from different positions and
 * could both be silent inside the radius. Such a contact becomes unknown, and unknown always meets.
 */
export function settle(held: Pact, mine: Sighting, theirs: Sighting, radiusM: number): Pact {
  if (held.kind === "near" || held.kind === "far") {
    const older = mine.rev < held.mine || theirs.rev < held.theirs;
    const newer = mine.rev > held.mine || theirs.rev > held.theirs;
    if (older) return newer ? UNKNOWN : held;
  }
  // Told positions may be off by their errors, so the pair may be that much closer than it looks.
  const gapM = distanceM(mine, theirs) - mine.errorM - theirs.errorM;
  if (gapM <= radiusM)
    return { kind: "near", mine: mine.rev, theirs: theirs.rev, anchor: mine, toldUntil: mine.activeUntil };
  return { kind: "far", mine: mine.rev, theirs: theirs.rev, anchor: mine, slackM: slackM(gapM, radiusM) };
}

/**
 * Whether a friend's call may be one that was made before: it may arrive late, or twice, while the friend goes on from what
 * was agreed since. It may show or hide somebody, but no silence may rest on it.
 */
export function mayBeCopy({ forgotten, theirRev, pact }: Contact, mine: Sighting, theirs: Sighting): boolean {
  if (forgotten) return true;
  const isSettled = (pact.kind === "near" || pact.kind === "far") && pact.mine === mine.rev;
  return theirs.rev === theirRev && !isSettled;
}

/** Whether a friend has to be told `mine`, by what was agreed last (mode `exact`). */
export function mustMeet(pact: Pact, mine: Sighting): boolean {
  switch (pact.kind) {
    case "unknown":
      return true;
    case "near":
      return pact.mine !== mine.rev;
    case "far":
      return !isWithin(pact.anchor, mine, pact.slackM);
    case "away":
      return false;
  }
}
