/** `--workload taxis`: recorded tracks, in which friends come near and leave, and most of what moves need not be told. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { FRIENDS_MAX, ROUNDS_MAX } from "../bounds.ts";
import { FileError } from "../../town/lines.ts";
import { readTracks, type Tracks } from "../../town/tracks.ts";
import type { Bench } from "../entry.ts";
import { benchTaxis } from "./bench.ts";
import { planTaxis } from "./plan.ts";
import { formatTaxisReport } from "./report.ts";

/** Below the root of the data sets. */
const TRACKS = "tracks/cabspotting_sf_24h.csv.gz";
/** About what a day of five hundred taxis has, if there are several rounds. */
const UPDATES_MAX = 500_000;

export const taxis: Bench = {
  name: "taxis",
  kind: "workload",
  numbers: {
    friends: { fallback: 40, max: FRIENDS_MAX },
    updates: { fallback: 6_000, max: UPDATES_MAX },
    rounds: { fallback: 5, max: ROUNDS_MAX },
  },
  // The bare object knows no places, and would tell every friend everything.
  targets: ["ours", "classic"],
  takesTracks: true,
  async run(asked, around) {
    const file = asked.tracks ?? join(process.env["NEARBY_DATA"] ?? "../shared/data", TRACKS);
    const [friends, updates, rounds] = [asked.number("friends"), asked.number("updates"), asked.number("rounds")];
    const plan = planTaxis(await readFile(file), { friends, count: updates * rounds });
    const { targets } = asked;
    const report = await benchTaxis({ plan, tracks: basename(file), friends, updates, rounds, targets, ...around });
    const { failures, isComplete } = report;
    return { report, text: formatTaxisReport(report), failures, isOfRecord: isComplete };
  },
};

async function readFile(file: string): Promise<Tracks> {
  if (!existsSync(file)) {
    const columns = "entity_id,unix_seconds,lat,lng";
    throw new Error(
      `there is no ${file}: name a CSV file with the columns ${columns} with --tracks, or set NEARBY_DATA`,
    );
  }
  try {
    return await readTracks(file);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new Error(`${file}${error.line > 0 ? `:${error.line}` : ""}: ${error.message}`, { cause: error });
  }
}
