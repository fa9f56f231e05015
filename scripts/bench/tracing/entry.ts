/** `--tracing`: what it costs to know what was slow. */
import { FRIENDS_MAX, pairsProblem, POSITIONS_UNDER_WAY, ROUNDS_MAX, SECONDS_MAX } from "../bounds.ts";
import { USERS_MAX, WARM_UP_MS } from "../bounds.ts";
import type { Bench } from "../entry.ts";
import { makePeople } from "../people.ts";
import { benchTracing } from "./bench.ts";
import { formatTracingReport } from "./report.ts";

export const tracing: Bench = {
  name: "tracing",
  kind: "option",
  numbers: {
    users: { fallback: 100, min: 2, max: USERS_MAX },
    friends: { fallback: 40, max: FRIENDS_MAX },
    seconds: { fallback: 6, max: SECONDS_MAX },
    rounds: { fallback: 5, max: ROUNDS_MAX },
  },
  problemOf: pairsProblem,
  async run(asked, around) {
    const [users, friends] = [asked.number("users"), asked.number("friends")];
    const report = await benchTracing({
      people: makePeople(users, friends),
      friends,
      load: {
        window: Math.min(users, POSITIONS_UNDER_WAY),
        warmUpMs: WARM_UP_MS,
        measureMs: asked.number("seconds") * 1000,
      },
      rounds: asked.number("rounds"),
      ...around,
    });
    return { report, text: formatTracingReport(report), failures: report.failures };
  },
};
