import { Circle } from "../../src/nearby/circle.ts";
import type { CircleOptions, CircleState } from "../../src/nearby/state.ts";

/** What the shell uses of a circle: a broken one can stand in for it. */
export type Core = Pick<Circle, keyof Circle>;

/** How a run is built. The fields that are not `real` belong to canaries. */
export interface Build {
  readonly core: (options: CircleOptions & { readonly inactiveAfterMs: number }, state: CircleState) => Core;
  /** `late`: the copy of the state follows own events only, not what friends' objects told (rule 4, "forget"). */
  readonly copies: "current" | "late";
  /** What the views are held against: every position, or what `economy` allows them to be off. */
  readonly fanout: "exact" | "economy";
  /** `get first`: who wakes looks for the others and is entered afterwards. `never renewed`: once per wake only. */
  readonly index: "real" | "get first" | "never renewed";
}

export const REAL: Build = {
  core: (options, state) => new Circle(options, state),
  copies: "current",
  fanout: "exact",
  index: "real",
};

export const ECONOMY: Build = {
  ...REAL,
  core: (options, state) => new Circle({ ...options, quietMs: quietMsOf(options) }, state),
  fanout: "economy",
};

/** Mode `economy`: how long a near friend may go untold, ms; a few updates at the pace of a run. */
export function quietMsOf({ inactiveAfterMs }: { readonly inactiveAfterMs: number }): number {
  return inactiveAfterMs / 4;
}
