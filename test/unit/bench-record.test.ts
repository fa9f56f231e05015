/** Which figures get into docs/benchmarks.md, and that nothing else there changes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

import { readCommandLine } from "../../scripts/bench/command-line.ts";
import { replaceSection, whyNotOfRecord, writeSection } from "../../scripts/bench/record.ts";
import { BENCHES } from "../../scripts/bench/table.ts";

const DOCUMENT = "# T\n\nprose\n\n<!-- bench:storm -->\nold\n<!-- /bench:storm -->\n\nmore\n";
const dir = mkdtempSync(join(tmpdir(), "nearby-record-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("a section", () => {
  test("is replaced as often as it is written, and what is around it stays", () => {
    const once = replaceSection(DOCUMENT, "storm", "| a |\n");
    expect(once).toBe("# T\n\nprose\n\n<!-- bench:storm -->\n\n| a |\n\n<!-- /bench:storm -->\n\nmore\n");
    expect(replaceSection(once, "storm", "| a |\n")).toBe(once);
    expect(replaceSection(once, "storm", "$& $1")).toContain("\n\n$& $1\n\n");
  });

  test.each([
    ["it is missing", "# T\n"],
    ["its end is missing", "<!-- bench:storm -->\n"],
    ["its marks are turned round", "<!-- /bench:storm -->\n<!-- bench:storm -->\n"],
    ["it is there twice", DOCUMENT + DOCUMENT],
  ])("that cannot be found, because %s, changes nothing and says which marks it needs", (_, document) => {
    expect(() => replaceSection(document, "storm", "new")).toThrow("<!-- bench:storm --> and <!-- /bench:storm -->");
  });

  test("is written to the file", () => {
    const file = join(dir, "benchmarks.md");
    writeFileSync(file, DOCUMENT);
    writeSection("storm", "new", file);
    expect(readFileSync(file, "utf8")).toBe(replaceSection(DOCUMENT, "storm", "new"));
  });

  test.each(BENCHES.filter(({ kind }) => kind === "workload"))("of $name is in the document, once", ({ name }) => {
    const document = readFileSync(join(import.meta.dirname, "../../docs/benchmarks.md"), "utf8");
    expect(replaceSection(document, name, "new")).toContain("\n\nnew\n\n");
  });
});

describe("figures of record", () => {
  const why = (...args: string[]) => {
    const { bench, asked } = readCommandLine(BENCHES, args);
    return whyNotOfRecord(bench, asked);
  };

  test.each([
    [[]],
    [["--workload", "standard", "--targets", "ours,classic,floor", "--rounds", "5", "--json"]],
    [["--users", "400", "--rounds", "6", "--seconds", "30"]],
    [["--workload", "taxis"]],
  ])("%j", (args) => {
    expect(why(...args)).toBeUndefined();
  });

  test.each([
    [["--rounds", "4"], "--rounds 4 in place of 5"],
    [["--seconds", "1"], "--seconds 1"],
    [["--users", "401"], "--users 401"],
    [["--rate", "4999"], "--rate 4999"],
    [["--targets", "ours,floor"], "without classic"],
    [["--workload", "taxis", "--tracks", "mine.csv"], "other tracks"],
    [["--workload", "taxis", "--updates", "9000"], "--updates 9000"],
  ])("not with %j: %s", (args, reason) => {
    expect(why(...args)).toContain(reason);
  });
});
