/** `--profile`: where the CPU time goes. */
import { FRIENDS_MAX, pairsProblem, SECONDS_MAX, USERS_MAX } from "../bounds.ts";
import type { Bench } from "../entry.ts";
import { makePeople } from "../people.ts";
import { ASLEEP_PER_ACTIVE } from "../bounds.ts";
import { benchProfile } from "./bench.ts";
import { formatProfileReport } from "./report.ts";

export const profile: Bench = {
  name: "profile",
  kind: "option",
  numbers: {
    users: { fallback: 400, min: 2, max: USERS_MAX },
    friends: { fallback: 40, max: FRIENDS_MAX },
    seconds: { fallback: 10, max: SECONDS_MAX },
  },
  problemOf: pairsProblem,
  async run(asked, around) {
    const friends = asked.number("friends");
    const people = makePeople(asked.number("users"), friends, friends * ASLEEP_PER_ACTIVE);
    const report = await benchProfile({ people, friends, seconds: asked.number("seconds"), ...around });
    return { report, text: formatProfileReport(report), failures: [], isOfRecord: true };
  },
};
