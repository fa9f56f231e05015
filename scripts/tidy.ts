/** `npm run tidy`: what lint and types cannot see. Prints `file:line what, what to do` and exits 1 if there is any. */
import { fileURLToPath } from "node:url";

import { SETTINGS } from "../src/settings-list.ts";
import { checkCommands, checkLinks, checkSettings } from "./tidy/docs.ts";
import { checkClientBundle, checkCycles, checkDeadFiles, checkDirection } from "./tidy/imports.ts";
import { checkPins } from "./tidy/packages.ts";
import { checkMessages, checkRules, checkTestsRun, checkTitles } from "./tidy/rules.ts";
import { type Check, readTree } from "./tidy/tree.ts";
import { checkAsserting, checkDisables, checkWords } from "./tidy/words.ts";

const CHECKS: readonly Check[] = [
  { name: "imports point one way", run: checkDirection },
  { name: "no import cycles", run: checkCycles },
  { name: "the SDK's bundle holds no package", run: checkClientBundle },
  { name: "no dead files", run: checkDeadFiles },
  { name: "every rule has a test, every cited rule exists", run: checkRules },
  { name: "black-box tests cite a rule", run: checkTitles },
  { name: "every message is united", run: checkMessages },
  { name: "every test file runs", run: checkTestsRun },
  { name: "every test file asserts", run: checkAsserting },
  { name: "documented commands exist", run: checkCommands },
  { name: "the README's settings are those of the code", run: (files) => checkSettings(files, SETTINGS) },
  { name: "links point at something", run: checkLinks },
  { name: "forbidden words", run: checkWords },
  { name: "a reason beside every lint disable", run: checkDisables },
  { name: "exact versions", run: checkPins },
];

const files = readTree(fileURLToPath(new URL("..", import.meta.url)));
let findings = 0;
for (const check of CHECKS) {
  for (const { path, line, message } of check.run(files)) {
    findings++;
    process.stdout.write(`${path}:${line} ${message} (${check.name})\n`);
  }
}
process.stdout.write(`tidy: ${files.length} files, ${CHECKS.length} checks, ${findings} findings\n`);
process.exitCode = findings === 0 ? 0 : 1;
