import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { mix } from "./random.ts";
import { parseScenario, type Scenario } from "./scenario.ts";

/** Failures that were found once, shrunk, one file each. They run before anything new. */
const FOLDER = fileURLToPath(new URL("../regressions/", import.meta.url));

export interface Regression {
  readonly name: string;
  /** @throws when the file is not a scenario of this version: it must be mended or replaced, not passed over */
  readonly read: () => Scenario;
}

export function listRegressions(folder = FOLDER): Regression[] {
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder)
    .toSorted()
    .map((name) => ({ name, read: () => parseScenario(readFileSync(join(folder, name), "utf8")) }));
}

/** @returns the path of the new file, whose name tells the rule that was broken */
export function storeRegression(scenario: Scenario, rule: string, folder = FOLDER): string {
  mkdirSync(folder, { recursive: true });
  const text = `${JSON.stringify(scenario, null, 2)}\n`;
  const hash = mix(...Buffer.from(text))
    .toString(16)
    .padStart(8, "0");
  const path = join(folder, `${rule}-${hash}.json`);
  writeFileSync(path, text);
  return path;
}
