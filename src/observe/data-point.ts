import { COUNTER_NAMES } from "../protocol/admin.ts";
import { ERROR_CODE_LIST } from "../protocol/errors.ts";
import { errorKey } from "./tally.ts";
import type { UserReport } from "./report.ts";

/** A deployment may be without it. Locally the platform drops what is written. */
export interface AnalyticsEnv {
  readonly ANALYTICS?: AnalyticsEngineDataset;
}

/**
 * The same report for Analytics Engine, which keeps 90 days of it for SQL. One point per report, $0.25 a million; no user
 * is named in it. Doubles by their place (the platform has no names, and room for 20): the counters in the order of
 * `COUNTER_NAMES`, then connections, near contacts, waiting chunks, and all errors.
 */
export function writeReport({ ANALYTICS }: AnalyticsEnv, report: UserReport, shard: string): void {
  if (ANALYTICS === undefined) return;
  const { counts, connections, contacts, waiting, active, cell } = report;
  let errors = 0;
  for (const code of ERROR_CODE_LIST) errors += counts[errorKey(code)] ?? 0;
  try {
    ANALYTICS.writeDataPoint({
      indexes: [shard],
      blobs: [active ? "active" : "away", cell ?? ""],
      doubles: [...COUNTER_NAMES.map((name) => counts[name] ?? 0), connections, contacts.near, waiting, errors],
    });
  } catch {
    // Over its limits, or not set up: nobody's position depends on it.
  }
}
