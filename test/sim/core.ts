import { Circle } from "../../src/nearby/circle.ts";
import type { CircleOptions, CircleState } from "../../src/nearby/state.ts";

/** What the shell uses of a circle: a broken one can stand in for it. */
export type Core = Pick<Circle, keyof Circle>;

/** How a run is built. The fields that are not `real` belong to canaries. */
export interface Build {
  readonly core: (options: CircleOptions, state: CircleState) => Core;
  /** `late`: the copy of the state follows own events only, not what friends' objects told (rule 4, "forget"). */
  readonly copies: "current" | "late";
}

export const REAL: Build = { core: (options, state) => new Circle(options, state), copies: "current" };
