import type { Fix } from "../protocol/fix.ts";

/** A point of somebody's movement history. (user, `ts`) names it: of two points with the same `ts` the first is kept. */
export interface HistoryPoint extends Fix {
  /** Held to be a jump of the receiver, not a place where the user was; absent for all others. */
  outlier?: true;
}
