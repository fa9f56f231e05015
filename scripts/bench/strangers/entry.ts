/** `--strangers`: what nearby people who are not friends cost in calls, and how busy the objects of their cells are. */
import { USERS_MAX } from "../bounds.ts";
import type { Bench } from "../entry.ts";
import { benchStrangers } from "./bench.ts";
import { formatStrangersReport } from "./report.ts";

export const strangers: Bench = {
  name: "strangers",
  kind: "option",
  numbers: { users: { fallback: 1_000, min: 2, max: USERS_MAX } },
  async run(asked, around) {
    const report = await benchStrangers({ people: asked.number("users"), ...around });
    return { report, text: formatStrangersReport(report), failures: report.failures };
  },
};
