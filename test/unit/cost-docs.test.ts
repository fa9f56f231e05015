/** The pages that quote `npm run cost` against what it prints. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { COMPONENTS } from "../../scripts/cost/bill.ts";
import { significant } from "../../scripts/cost/classic-report.ts";
import { withFigures } from "../../scripts/cost/docs.ts";
import { readCostOptions } from "../../scripts/cost/options.ts";
import { type CostReport, count, dollars, makeReport } from "../../scripts/cost/report.ts";

describe("the documentation", () => {
  const pageOf = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

  test("docs/cost.md names every component", () => {
    const page = pageOf("cost.md");
    for (const [name] of COMPONENTS) expect(page, name).toContain(`\`${name}\``);
  });

  for (const [name, blocks, rows] of [
    ["cost.md", 2, 17],
    ["scale.md", 2, 10],
  ] as const) {
    test(`docs/${name} quotes what the commands in it print (npm run cost:docs)`, () => {
      const page = pageOf(name);
      expect(page.match(/^```console\n\$ npm run cost/gm)?.length).toBeGreaterThanOrEqual(blocks);
      expect(page.match(/^\| `npm run cost/gm)?.length).toBeGreaterThanOrEqual(rows);
      expect(withFigures(page)).toBe(page);
    });
  }

  test("the sentences of docs/scale.md and the README say what the tables do", () => {
    const reportOf = (...args: string[]) => {
      const options = readCostOptions(args);
      return makeReport(options.workload, options);
    };
    const [exact, economy, idle] = [reportOf(), reportOf("--mode", "economy"), reportOf("--online", "1")];
    const millions = (usd: number, digits: number): string => `$${(usd / 1e6).toFixed(digits)} million`;
    const crossing = ({ classic }: CostReport): string => count(significant(classic.crossing.online ?? Number.NaN));
    const machines = Object.values(exact.classic.machines).reduce((sum, one) => sum + one, 0);
    const both = [
      millions(exact.thisDesign.totalUsd, 1),
      millions(economy.thisDesign.totalUsd, 1),
      millions(exact.classic.totalUsd, 2),
      dollars(idle.classic.totalUsd),
      crossing(exact),
      crossing(economy),
    ];
    const share = (part: number): string => `${Math.round(part * 100)} %`;
    const scale = [
      ...both,
      `none | ${count(machines)} |`,
      `${share(exact.callsShare)} of the bill`,
      `to the phones, ${share(exact.classic.usd.egress / exact.classic.totalUsd)}`,
    ];
    for (const figure of both) expect(pageOf("../README.md"), figure).toContain(figure);
    for (const figure of scale) expect(pageOf("scale.md"), figure).toContain(figure);
  });

  test("a wrong figure is put right, in blocks and in tables, and prose stays", () => {
    const page = [
      "| command | what | USD a month | naive |",
      "| --- | --- | --- | --- |",
      "| `npm run cost -- --online 1000` | few | $1 | $2 |",
      "",
      "```console",
      "$ npm run cost -- --online 1000 --classic",
      "nothing",
      "```",
      "| other | table |",
      "| `npm run cost` | $3 |",
    ].join("\n");
    const written = withFigures(page);
    expect(written).toContain("| `npm run cost -- --online 1000` | few | $604.09 | $859.45 |");
    expect(written).toMatch(
      /\$ npm run cost -- --online 1000 --classic\n10,000 users, 1,000 of them[\s\S]+USD a month +machines +classic\n/,
    );
    expect(written).not.toContain("nothing");
    expect(written.endsWith("| other | table |\n| `npm run cost` | $3 |")).toBe(true);
  });
});
