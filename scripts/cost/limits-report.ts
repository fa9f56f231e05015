/** The workload a second and the platform's limits as tables. */
import { significant } from "./classic-report.ts";
import { type CostReport, count, percent, row } from "./report.ts";

const WHAT_CHARS = 40;
const NUMBER_CHARS = 14;

export function formatLimits({ limits: { rates, storm, limits } }: CostReport): string {
  return [
    "a second, on average:",
    ...[
      [rates.positionsPerS, "positions"],
      [rates.callsPerS, "calls between objects"],
      [rates.eventsPerS, "events in objects: positions, calls, alarms, upgrades"],
      [rates.rowsWrittenPerS, "rows written, alarms among them"],
      [rates.queueMessagesPerS, `queue messages, through ${count(rates.queues)} queue${rates.queues === 1 ? "" : "s"}`],
      [rates.bucketWritesPerS, "objects written to R2"],
      [rates.upgradesPerS, "upgrades"],
      [rates.reportsPerS, "reports to the monitor, and points of Analytics Engine"],
    ].map(([perS, what]) => `${row("", [count(Number(perS))])}  ${what}`),
    `${row("", [count(rates.objects)])}  objects, most of them asleep`,
    `when everybody comes back within ${count(storm.windowS)} s: ${count(storm.upgradesPerS)} upgrades/s and` +
      ` ${count(storm.callsPerS)} calls/s more, ${count(storm.calls)} calls in all`,
    "",
    line("limit", ["needs", "limit", "used", "binds at"]),
    ...limits
      .filter(({ needs }) => needs > 0)
      .map(({ what, needs, limit, share, bindsAtOnline, way }) => {
        const binds = bindsAtOnline === null ? "-" : count(significant(bindsAtOnline));
        return `${line(what, [count(needs), count(limit), percent(share), binds])}  ${way}`;
      }),
  ].join("\n");
}

function line(what: string, cells: readonly string[]): string {
  return what.padEnd(WHAT_CHARS) + cells.map((cell) => cell.padStart(NUMBER_CHARS)).join("");
}
