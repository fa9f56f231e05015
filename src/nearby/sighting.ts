import type { Place } from "../geo/place.ts";

/**
 * What one person's object tells a friend's object: where the person may be known to be, as of `rev`.
 *
 * `rev` orders everything an object says about itself (docs/architecture.md, rule 1): max(last rev + 1, the object's
 * clock in ms). It is never the phone's `ts`, which may jump, and never a counter, which would start again after a reset.
 */
export interface Sighting extends Place {
  readonly rev: number;
  /** When the person was there, ms, never in the future of the object that says it. */
  readonly ts: number;
  /** Server time, ms, from which the person is no longer active if nothing more is heard. */
  readonly activeUntil: number;
  /** Upper bound in metres of the distance between the told place and the true one: 0 = exact. */
  readonly errorM: number;
}

/** Why a person has no position to tell. */
export type AwayReason = "inactive" | "paused";

/** What a friend's object answers to `meet`. */
export type Answer =
  | { readonly kind: "active"; readonly sighting: Sighting }
  | { readonly kind: "away"; readonly rev: number; readonly reason: AwayReason }
  /** Restarted without its memory while the person may well be active: keep what is shown until it is too old. */
  | { readonly kind: "unsure"; readonly rev: number }
  /** The call was older than what this friend has heard already; `rev` is the newest rev heard from the caller. */
  | { readonly kind: "stale"; readonly rev: number }
  | { readonly kind: "stranger" };
