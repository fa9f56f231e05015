/** The table of benches: what each takes, and what is refused before anything is started. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { readCommandLine, usageOf } from "../../scripts/bench/command-line.ts";
import { type Bench, NUMBER_NAMES } from "../../scripts/bench/entry.ts";
import { BENCHES } from "../../scripts/bench/table.ts";

const run = async () => Promise.resolve({ report: {}, text: "", failures: [] });
const TABLE: readonly Bench[] = [
  {
    name: "standard",
    kind: "workload",
    numbers: { users: { fallback: 400, min: 2, max: 1_000 }, seconds: { fallback: 9, max: 60 } },
    targets: ["ours", "floor"],
    run,
  },
  { name: "taxis", kind: "workload", numbers: {}, takesTracks: true, run },
  {
    name: "waking",
    kind: "option",
    numbers: { friends: { fallback: 400, max: 500 }, active: { fallback: 40, max: (number) => number("friends") } },
    problemOf: (asked) => (asked.number("friends") === 13 ? "--friends must not be 13" : undefined),
    run,
  },
];

class Exit extends Error {}
const stderr: string[] = [];
beforeEach(() => {
  vi.spyOn(process, "exit").mockImplementation((code) => {
    throw new Exit(String(code));
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => stderr.push(String(text)) > 0);
});
afterEach(() => {
  vi.restoreAllMocks();
  stderr.length = 0;
});

const read = (...args: string[]) => readCommandLine(TABLE, args);

describe("the table", () => {
  test("every bench has a name of its own, and defaults within its limits", () => {
    const keys = BENCHES.map(({ kind, name }) => `${kind} ${name}`);
    expect(new Set(keys).size).toBe(BENCHES.length);
    for (const { numbers } of BENCHES) {
      for (const { fallback, min = 1, max } of Object.values(numbers)) {
        expect(fallback).toBeGreaterThanOrEqual(min);
        if (typeof max === "number") expect(fallback).toBeLessThanOrEqual(max);
      }
    }
    for (const bench of BENCHES) {
      const selected = bench.kind === "option" ? [`--${bench.name}`] : ["--workload", bench.name];
      const { asked } = readCommandLine(BENCHES, selected);
      for (const name of NUMBER_NAMES) {
        const bounds = bench.numbers[name];
        if (bounds === undefined) expect(() => asked.number(name)).toThrow(`takes no --${name}`);
        else expect(asked.number(name)).toBeLessThanOrEqual(bounds.fallback);
      }
    }
  });

  test("the usage is made from it", () => {
    expect(usageOf(TABLE)).toBe(
      "npm run bench -- [--workload standard] [--users N] [--seconds N] [--targets ours,floor] [--json], or " +
        "npm run bench -- --workload taxis [--tracks FILE] [--json], or " +
        "npm run bench -- --waking [--friends N] [--active N] [--json]",
    );
  });
});

describe("the command line", () => {
  test("nothing means the standard workload with its defaults", () => {
    const { bench, asked, json } = read();
    expect([bench.name, asked.number("users"), asked.number("seconds"), json]).toEqual(["standard", 400, 9, false]);
    expect(asked.targets).toEqual(["ours", "floor"]);
    expect(asked.tracks).toBeUndefined();
  });

  test("a workload by its name, another bench by its option", () => {
    expect(read("--workload", "standard", "--users", "2", "--json")).toMatchObject({ json: true });
    expect(read("--workload", "taxis", "--tracks", "x.csv").asked.tracks).toBe("x.csv");
    expect(read("--waking").bench.name).toBe("waking");
  });

  test("targets in the order of the tables, whatever the order asked for", () => {
    expect(read("--targets", "floor,ours,floor").asked.targets).toEqual(["ours", "floor"]);
    expect(read("--targets", "floor").asked.targets).toEqual(["floor"]);
  });

  test("a default gives way to what it cannot be above", () => {
    expect(read("--waking", "--friends", "10").asked.number("active")).toBe(10);
    expect(read("--waking", "--friends", "10", "--active", "10").asked.number("active")).toBe(10);
  });

  test.each([
    [["--users", "1"], "--users must be a whole number from 2 to 1000, not: 1"],
    [["--users", "1001"], "--users must be a whole number from 2 to 1000, not: 1001"],
    [["--users", "2.5"], "--users must be a whole number from 2 to 1000, not: 2.5"],
    [["--waking", "--friends", "10", "--active", "11"], "--active must be a whole number from 1 to 10, not: 11"],
    [["--waking", "--friends", "13"], "--friends must not be 13"],
    [["--workload", "marathon"], "--workload must be one of standard, taxis, not: marathon"],
    [["--workload", "waking"], "--workload must be one of standard, taxis, not: waking"],
    [["--workload", "taxis", "--waking"], "--workload taxis and --waking are two benches"],
    [["--workload", "taxis", "--users", "3"], "--users is not for --workload taxis"],
    [["--rate", "3"], "--rate is not for --workload standard"],
    [["--tracks", "x"], "--tracks is not for --workload standard"],
    [["--waking", "--targets", "ours"], "--targets is not for --waking"],
    [
      ["--targets", "ours,theirs"],
      "--targets of --workload standard are ours, floor, divided by commas, not: ours,theirs",
    ],
    [["--targets", ""], "--targets of --workload standard are ours, floor, divided by commas, not: "],
  ])("%j is refused: %s", (args, message) => {
    expect(() => read(...args)).toThrow(new Exit("2"));
    expect(stderr.join("").split("\n")[0]).toBe(message);
  });

  test.each([
    ["2", 2],
    ["1000", 1_000],
  ])("a number at its limit is taken: %s", (text, users) => {
    expect(read("--users", text).asked.number("users")).toBe(users);
  });
});
