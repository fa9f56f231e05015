import { judge, ROUGH_ABOVE_M } from "../../src/nearby/jumps.ts";
import type { LiveFix, Self } from "../../src/nearby/state.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import { admit } from "../../src/protocol/pace.ts";
import type { Settings } from "../../src/settings.ts";
import type { ObjectRecord } from "./attachment.ts";
import type { History } from "./history.ts";

/** What has to survive of earlier positions. */
export type FixesState = Pick<ObjectRecord, "positionTat" | "track">;

export type Taken =
  | { readonly kind: "live"; readonly fix: Omit<LiveFix, "activeUntil"> }
  | { readonly kind: "held" | "passed_over" }
  | { readonly kind: "too_fast"; readonly retryAfterMs: number };

/** Which positions of the user become the live one: at what pace, and whether they can be true (src/nearby/jumps.ts). */
export class Fixes {
  readonly #settings: Settings;
  readonly #history: History;
  #state: FixesState;

  constructor({ settings, history }: { settings: Settings; history: History }, { positionTat, track }: FixesState) {
    this.#settings = settings;
    this.#history = history;
    this.#state = { positionTat, track };
  }

  get state(): FixesState {
    return this.#state;
  }

  /** @param self where the user is so far */
  take({ lat, lng, ts: pointTs, accuracy = 0 }: Fix, self: Self, now: number): Taken {
    const { positionBurst, positionMinMs, speedMaxMps, inactiveAfterMs, updateEveryMs } = this.#settings;
    const admission = admit(this.#state.positionTat, now, positionBurst, positionMinMs);
    if (!admission.ok) return { kind: "too_fast", retryAfterMs: admission.retryAfterMs };
    const rough = accuracy > ROUGH_ABOVE_M;
    // A phone's clock may run ahead: nobody is shown to have been somewhere in the future.
    const fix = { lat, lng, ts: Math.min(pointTs, now), rough };
    const isActive = self.kind === "active" && self.sighting.activeUntil > now;
    const current = isActive ? { ...self.sighting, rough: self.rough === true } : null;
    // An update earlier than the activity ends: a rough one would find nobody to follow.
    const betterForMs = Math.max(0, inactiveAfterMs - updateEveryMs);
    const { track } = this.#state;
    const verdict = judge(current, track, { ...fix, pointTs }, { speedMaxMps, betterForMs });
    if (track.held !== null && verdict.track.held !== track.held) this.#history.release(verdict.confirms);
    if (verdict.kind === "held") this.#history.hold(pointTs);
    this.#state = { positionTat: admission.tatMs, track: verdict.track };
    return verdict.kind === "live" ? { kind: "live", fix } : { kind: verdict.kind };
  }
}
