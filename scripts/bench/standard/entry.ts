/** `--workload standard`: how much of what the platform can deliver is left once the rules have been applied. */
import { FRIENDS_MAX, pairsProblem, ROUNDS_MAX, SECONDS_MAX, USERS_MAX } from "../bounds.ts";
import type { Bench } from "../entry.ts";
import { benchStandard } from "./bench.ts";
import { formatReport } from "./report.ts";

export const standard: Bench = {
  name: "standard",
  kind: "workload",
  numbers: {
    users: { fallback: 400, min: 2, max: USERS_MAX },
    friends: { fallback: 40, max: FRIENDS_MAX },
    seconds: { fallback: 10, max: SECONDS_MAX },
    rounds: { fallback: 5, max: ROUNDS_MAX },
  },
  problemOf: pairsProblem,
  async run(asked, around) {
    const report = await benchStandard({
      users: asked.number("users"),
      friends: asked.number("friends"),
      seconds: asked.number("seconds"),
      rounds: asked.number("rounds"),
      ...around,
    });
    return { report, text: formatReport(report), failures: [] };
  },
};
