/** `npm run cost`: what a month of a workload costs, by component, beside a design that saves nothing. */
import { readCostOptions } from "./cost/options.ts";
import { formatReport, makeReport } from "./cost/report.ts";

const { workload, serverDeliveriesPerS, json } = readCostOptions();
const report = makeReport(workload, serverDeliveriesPerS);
process.stdout.write(`${json ? JSON.stringify(report, null, 2) : formatReport(report)}\n`);
