/** `npm run cost`: what a month of a workload costs, by component, beside a design that saves nothing and beside servers. */
import { readCostOptions } from "./cost/options.ts";
import { print } from "./cost/print.ts";
import { makeReport } from "./cost/report.ts";

const options = readCostOptions();
const report = makeReport(options.workload, options);
process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : print(report, options.shown)}\n`);
