/** What the documentation quotes from `npm run cost`: blocks and table cells, as the commands beside them print them today. */
import { significant } from "./classic-report.ts";
import { readCostOptions } from "./options.ts";
import { print } from "./print.ts";
import { type CostReport, count, dollars, makeReport, percent } from "./report.ts";

/** Columns of tables whose first one is the command, by their heading. Others are prose. */
const COLUMNS: Readonly<Record<string, (report: CostReport) => string>> = {
  "calls per position": ({ workload }) => workload.meetings.toFixed(2),
  "answers, ms": ({ workload }) => count(Math.round(workload.answerMs)),
  "USD a month": ({ thisDesign }) => dollars(thisDesign.totalUsd),
  naive: ({ naive }) => dollars(naive.totalUsd),
  classic: ({ classic }) => dollars(classic.totalUsd),
  servers: ({ classic }) => count(classic.machines.servers),
  "this / classic": ({ classic }) => classic.thisOverClassic.toFixed(2),
  "dearer up to": ({ classic }) =>
    classic.crossing.online === null ? "any" : count(significant(classic.crossing.online)),
  "dearer below": ({ classic }) =>
    classic.crossing.utilisation === null ? "any" : percent(significant(classic.crossing.utilisation)),
};

const BLOCK = /(```console\n\$ npm run cost(?: -- ([^\n]*))?\n)(?:(?!```)[^\n]*\n)*(```)/g;
const COMMAND = /^`npm run cost(?: -- ([^`]*))?`$/;

/** The same page, with every block and every cell as it has to be. */
export function withFigures(page: string): string {
  const blocks = page.replace(BLOCK, (_, head: string, args: string | undefined, end: string) => {
    const { report, shown } = reportOf(args ?? "");
    return `${head}${print(report, shown)}\n${end}`;
  });
  let headings: readonly string[] = [];
  return blocks
    .split("\n")
    .map((line) => {
      const cells = cellsOf(line);
      if (cells === null) return line;
      const command = COMMAND.exec(cells[0] ?? "");
      if (command === null) {
        if (!cells.every((cell) => /^:?-+:?$/.test(cell))) headings = cells;
        return line;
      }
      const { report } = reportOf(command[1] ?? "");
      return `| ${cells.map((cell, at) => COLUMNS[headings[at] ?? ""]?.(report) ?? cell).join(" | ")} |`;
    })
    .join("\n");
}

/** Null: no row of a table. */
function cellsOf(line: string): string[] | null {
  if (!line.startsWith("| ") || !line.endsWith(" |")) return null;
  return line
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}

function reportOf(args: string) {
  const options = readCostOptions(args.split(" ").filter((word) => word !== ""));
  return { report: makeReport(options.workload, options), shown: options.shown };
}
