/** `--history`: what a position costs on its way into the history, and whether all of them arrive there. */
import { SECONDS_MAX, USERS_MAX } from "../bounds.ts";
import type { Bench } from "../entry.ts";
import { benchHistory } from "./bench.ts";
import { formatHistoryReport } from "./report.ts";

/** In less, the rows of connecting and of becoming active would be most of the rows that are counted. */
const SECONDS_MIN = 40;

export const history: Bench = {
  name: "history",
  kind: "option",
  numbers: {
    users: { fallback: 1_000, min: 2, max: USERS_MAX },
    seconds: { fallback: SECONDS_MIN, min: SECONDS_MIN, max: SECONDS_MAX },
  },
  async run(asked, around) {
    const report = await benchHistory({ users: asked.number("users"), seconds: asked.number("seconds"), ...around });
    return { report, text: formatHistoryReport(report), failures: report.failures };
  },
};
