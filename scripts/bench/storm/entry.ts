/** `--workload storm`: how long everybody is without their friends when all connections end in one moment. */
import { FRIENDS_MAX, pairsProblem, ROUNDS_MAX, USERS_MAX } from "../bounds.ts";
import { type Bench, TARGET_NAMES } from "../entry.ts";
import { benchStorm } from "./bench.ts";
import { formatStormReport } from "./report.ts";

export const storm: Bench = {
  name: "storm",
  kind: "workload",
  numbers: {
    users: { fallback: 400, min: 2, max: USERS_MAX },
    friends: { fallback: 40, max: FRIENDS_MAX },
    rounds: { fallback: 5, max: ROUNDS_MAX },
  },
  targets: TARGET_NAMES,
  problemOf: pairsProblem,
  async run(asked, around) {
    const [users, friends, rounds] = [asked.number("users"), asked.number("friends"), asked.number("rounds")];
    const report = await benchStorm({ users, friends, rounds, targets: asked.targets, ...around });
    const { failures, isComplete } = report;
    return { report, text: formatStormReport(report), failures, isOfRecord: isComplete };
  },
};
