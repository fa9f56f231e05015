/** `--workload crowd`, `idle` and `slope`: how many people one server holds. */
import { FRONTS_MAX } from "../../serve/descriptors.ts";
import { childLimit, openFiles } from "../../serve/proc.ts";
import type { Asked, Bench } from "../entry.ts";
import { benchCrowd } from "./crowd.ts";
import { benchIdle } from "./idle.ts";
import { CROWD_USERS_MIN } from "./layout.ts";
import { type Plan, planCrowd, planIdle, type Planned } from "./plan.ts";
import { formatCrowdReport, formatIdleReport } from "./report.ts";
import { benchSlope, formatSlopeReport } from "./slope.ts";

const EVERY_S = 30;
/** Twenty positions of each, and all alarms of a user who is active. */
const CROWD_S = 600;
/** Everybody has been awake about twice; each is asleep again ten seconds later. */
const IDLE_S = 180;
const HOUR_S = 3_600;
/** Everybody has had a turn. */
const SLOPE_S = 30;
/** Sockets go out from one address, which has about 28,000 ports for them. */
const USERS_MAX = 28_000;

export const crowd: Bench = {
  name: "crowd",
  kind: "workload",
  numbers: {
    users: { fallback: 4_500, min: CROWD_USERS_MIN, max: USERS_MAX },
    seconds: { fallback: CROWD_S, max: HOUR_S },
  },
  async run(asked, { signal }) {
    const [users, seconds] = [asked.number("users"), asked.number("seconds")];
    const plan = planOf(planned(asked, planCrowd));
    const report = await benchCrowd({ users, seconds, everyS: EVERY_S, plan, signal });
    return { report, text: formatCrowdReport(report), failures: report.failures, isOfRecord: report.isComplete };
  },
};

export const idle: Bench = {
  name: "idle",
  kind: "workload",
  numbers: {
    users: { fallback: 15_000, min: 100, max: USERS_MAX },
    seconds: { fallback: IDLE_S, max: HOUR_S },
  },
  async run(asked, { signal }) {
    const [users, seconds] = [asked.number("users"), asked.number("seconds")];
    const report = await benchIdle({ users, seconds, plan: planOf(planned(asked, planIdle)), signal });
    return { report, text: formatIdleReport(report), failures: report.failures, isOfRecord: report.isComplete };
  },
};

export const slope: Bench = {
  name: "slope",
  kind: "workload",
  numbers: {
    users: { fallback: 4_500, min: 4 * CROWD_USERS_MIN, max: USERS_MAX },
    seconds: { fallback: SLOPE_S, max: HOUR_S },
  },
  async run(asked, { signal }) {
    const [users, seconds] = [asked.number("users"), asked.number("seconds")];
    const plan = planOf(planned(asked, planCrowd));
    // One at least, since those who need the most have one.
    const same = { ...plan, fronts: Math.min(FRONTS_MAX, Math.max(1, plan.fronts)) };
    const report = await benchSlope({ users, seconds, everyS: EVERY_S, plan: same, signal });
    return { report, text: formatSlopeReport(report), failures: report.failures, isOfRecord: report.isComplete };
  },
};

function planned(asked: Asked, plan: typeof planCrowd): Planned {
  return plan(asked.number("users"), { server: childLimit(), load: openFiles(process.pid)?.limit });
}

/** What this machine does not allow is no mistake of the command line: it is told as a failure, before anything is started. */
function planOf(result: Planned): Plan {
  if ("problem" in result) throw new Error(result.problem);
  return result.plan;
}
