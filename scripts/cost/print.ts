/** What the command prints without `--json`. */
import { formatClassic } from "./classic-report.ts";
import { formatLimits } from "./limits-report.ts";
import type { CostOptions } from "./options.ts";
import { type CostReport, formatBill, formatWorkload } from "./report.ts";

/** The tables that are asked for, or else the bill. */
export function print(report: CostReport, shown: CostOptions["shown"]): string {
  const tables = [shown.classic ? formatClassic(report) : [], shown.limits ? formatLimits(report) : []].flat();
  return [formatWorkload(report), ...(tables.length > 0 ? tables : [formatBill(report)])].join("\n\n");
}
