/** `--activation`: what it takes somebody to become active. */
import { FRIENDS_MAX, ROUNDS_MAX } from "../bounds.ts";
import type { Bench } from "../entry.ts";
import { benchActivation } from "./bench.ts";
import { formatActivationReport } from "./report.ts";

export const activation: Bench = {
  name: "activation",
  kind: "option",
  numbers: {
    // The standard case: one friend in ten is online.
    friends: { fallback: 400, max: FRIENDS_MAX },
    active: { fallback: 40, max: (number) => number("friends") },
    rounds: { fallback: 3, max: ROUNDS_MAX },
  },
  async run(asked, around) {
    const [friends, active, rounds] = [asked.number("friends"), asked.number("active"), asked.number("rounds")];
    const report = await benchActivation({ friends, active, rounds, ...around });
    return { report, text: formatActivationReport(report), failures: report.failures };
  },
};
