/** `--workload standard`: how much of what the platform can deliver is left once the rules have been applied. */
import {
  FRIENDS_MAX,
  pairsProblem,
  PERSON_POSITIONS_PER_S_MAX,
  ROUNDS_MAX,
  SECONDS_MAX,
  USERS_MAX,
} from "../bounds.ts";
import { type Bench, TARGET_NAMES } from "../entry.ts";
import { benchStandard } from "./bench.ts";
import { formatStandardReport } from "./report.ts";

export const standard: Bench = {
  name: "standard",
  kind: "workload",
  numbers: {
    users: { fallback: 400, min: 2, max: USERS_MAX },
    friends: { fallback: 40, max: FRIENDS_MAX },
    seconds: { fallback: 7, max: SECONDS_MAX },
    rounds: { fallback: 5, max: ROUNDS_MAX },
    // About a third of what the real server can do on two cores: enough to queue now and then, and not all the time.
    rate: {
      fallback: 5_000,
      max: (number) => number("users") * number("friends") * PERSON_POSITIONS_PER_S_MAX,
    },
  },
  targets: TARGET_NAMES,
  problemOf: pairsProblem,
  async run(asked, around) {
    const report = await benchStandard({
      users: asked.number("users"),
      friends: asked.number("friends"),
      seconds: asked.number("seconds"),
      rounds: asked.number("rounds"),
      ratePerS: asked.number("rate"),
      targets: asked.targets,
      ...around,
    });
    return { report, text: formatStandardReport(report), failures: [], isOfRecord: report.isComplete };
  },
};
