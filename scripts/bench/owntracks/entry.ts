/** `--owntracks`: how many reports of phones a server takes. */
import { FRIENDS_MAX, pairsProblem, SECONDS_MAX, USERS_MAX } from "../bounds.ts";
import type { Bench } from "../entry.ts";
import { benchOwnTracks } from "./bench.ts";
import { formatOwnTracksReport, RATE_TARGET } from "./report.ts";

/** Far above what one server does. */
const RATE_MAX = 10_000;

export const ownTracks: Bench = {
  name: "owntracks",
  kind: "option",
  numbers: {
    // A phone each 2 s at the rate of the target: a position has the time in seconds.
    users: { fallback: 2 * RATE_TARGET, min: 2, max: USERS_MAX },
    friends: { fallback: 10, max: FRIENDS_MAX },
    seconds: { fallback: 20, max: SECONDS_MAX },
    rate: { fallback: RATE_TARGET, max: RATE_MAX },
  },
  problemOf: pairsProblem,
  async run(asked, { signal }) {
    const [users, friends] = [asked.number("users"), asked.number("friends")];
    const [seconds, rate] = [asked.number("seconds"), asked.number("rate")];
    const report = await benchOwnTracks({ users, friends, seconds, rate, signal });
    return { report, text: formatOwnTracksReport(report), failures: report.failures };
  },
};
