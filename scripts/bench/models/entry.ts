/** `--models`: the classic design run in five ways. */
import { MODELS } from "../classic/hosting/model.ts";
import type { Bench } from "../entry.ts";
import { benchModels } from "./bench.ts";
import { formatModelsReport } from "./report.ts";

export const models: Bench = {
  name: "models",
  kind: "option",
  numbers: {},
  async run(_asked, around) {
    const report = await benchModels(around);
    const isOfRecord = report.models.length === MODELS.length;
    return { report, text: formatModelsReport(report), failures: [], isOfRecord };
  },
};
