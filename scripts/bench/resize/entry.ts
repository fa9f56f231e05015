/** `--workload resize`: what people notice when servers come or go. */
import {
  FRIENDS_MAX,
  pairsProblem,
  PERSON_POSITIONS_PER_S_MAX,
  ROUNDS_MAX,
  SECONDS_MAX,
  USERS_MAX,
} from "../bounds.ts";
import type { Bench } from "../entry.ts";
import { benchResize, CHANGE_AFTER_MS } from "./bench.ts";
import { formatResizeReport } from "./report.ts";

/** The change, and some time in which everything can become as before. */
const SECONDS_MIN = CHANGE_AFTER_MS / 1000 + 3;

export const resize: Bench = {
  name: "resize",
  kind: "workload",
  numbers: {
    // Objects that were reset ask all their friends again, 80,000 calls in all: it is to be over while there is a load.
    users: { fallback: 200, min: 2, max: USERS_MAX },
    friends: { fallback: 40, max: FRIENDS_MAX },
    seconds: { fallback: 14, min: SECONDS_MIN, max: SECONDS_MAX },
    rounds: { fallback: 5, max: ROUNDS_MAX },
    // A position each 4 s of everybody: gaps are to come from the change, and not from a server that is busy.
    rate: { fallback: 2_000, max: (number) => number("users") * number("friends") * PERSON_POSITIONS_PER_S_MAX },
  },
  // The bare object forgets who is whose friend when it is reset.
  targets: ["ours", "classic"],
  problemOf: pairsProblem,
  async run(asked, around) {
    const report = await benchResize({
      users: asked.number("users"),
      friends: asked.number("friends"),
      seconds: asked.number("seconds"),
      rounds: asked.number("rounds"),
      ratePerS: asked.number("rate"),
      targets: asked.targets,
      ...around,
    });
    return { report, text: formatResizeReport(report), failures: [], isOfRecord: report.isComplete };
  },
};
