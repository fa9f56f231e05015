/** `npm run fanout` as a command: what it prints, and what it refuses. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
const TIMEOUT_MS = 60_000;

const dir = mkdtempSync(join(tmpdir(), "nearby-fanout-"));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const HEADER = "entity_id,unix_seconds,lat,lng";
const row = (id: string, atS: number, lat: number) => `${id},${1_212_735_000 + atS},${lat},-122.4`;
const rows = ["a", "b", "c"].flatMap((id, n) => [0, 60, 120, 180].map((atS) => row(id, atS, 37.7 + n / 100)));
const TRACKS = file("tracks.csv", `${[HEADER, ...rows].join("\n")}\n`);
const GRAPH = file("graph.txt.gz", gzipSync("0 1\n1 2\n2 3\n1\t0\n2 2\n"));

async function run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ["scripts/fanout.ts", ...args], {
    cwd: PROJECT_DIR,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, "close");
  return { code: child.exitCode, stdout, stderr };
}

describe("the output", { concurrent: true, timeout: TIMEOUT_MS }, () => {
  const inputs = ["--tracks", TRACKS, "--graph", GRAPH];

  test("--json: one object on stdout, progress on stderr; edges to unknown people are counted", async () => {
    const { code, stdout, stderr } = await run(...inputs, "--mode", "economy", "--step", "20", "--seed", "5", "--json");
    expect(code).toBe(0);
    const report: unknown = JSON.parse(stdout);
    expect(report).toMatchObject({
      mode: "economy",
      seed: 5,
      stepS: 20,
      people: 3,
      friendsPerPerson: 1.33,
      edgesUsed: 2,
      edgesLeftOut: 1,
      edgesRepeated: 2,
      wrongViews: 0,
      overBound: 0,
    });
    for (const name of ["errorM", "lateS"]) expect(report).toHaveProperty([name, "p99"]);
    expect(stderr).toContain("steps replayed: 10/10");
  });

  test("a table; the mode is exact, with an update every 30 s", async () => {
    const { code, stdout } = await run("--tracks", TRACKS, "--friends", "2");
    expect(code).toBe(0);
    expect(stdout).toContain("exact: 3 people, 2 friends each on average (3 edges)");
    expect(stdout).toContain("an update every 30 s, seed 1");
    expect(stdout).toMatch(/^wrongViews +0 /m);
    expect(stdout).not.toContain("errorM");
  });

  test("the same seed gives the same document but for the time it took", async () => {
    const both = await Promise.all([1, 2].map(() => run(...inputs, "--seed", "0", "--json")));
    const [first, second] = both.map(({ stdout }) => stdout.replace(/"seconds": [\d.]+/, ""));
    expect(first).toContain('"updates"');
    expect(second).toBe(first);
  });
});

describe("bad options", { concurrent: true, timeout: TIMEOUT_MS }, () => {
  const good = ["--tracks", TRACKS, "--friends", "2"];
  const cases: [args: string[], names: string][] = [
    [["--friends", "2"], "--tracks"],
    [["--tracks", "", "--friends", "2"], "--tracks"],
    [["--tracks", TRACKS], "--graph"],
    [[...good, "--graph", GRAPH], "--graph"],
    [["--tracks", TRACKS, "--friends", "0"], "--friends"],
    [["--tracks", TRACKS, "--friends", "-1"], "--friends"],
    [["--tracks", TRACKS, "--friends", "3"], "--friends must be less than the people of the tracks (3)"],
    [[...good, "--step", "0"], "--step"],
    [[...good, "--step", "600"], "--step"],
    [[...good, "--step", "1.5"], "--step"],
    [[...good, "--mode", "lazy"], "--mode must be one of naive, exact, economy, not: lazy"],
    [[...good, "--seed", "x"], "--seed"],
    [[...good, "--nonsense"], "--nonsense"],
    [[...good, "extra"], "extra"],
  ];
  for (const [args, names] of cases) {
    test(`${args.join(" ").replaceAll(`${dir}/`, "")}: exit 2, a message that names it, and the usage`, async () => {
      const { code, stdout, stderr } = await run(...args);
      expect([code, stdout]).toEqual([2, ""]);
      const [message, usage] = stderr.split("\n");
      expect(message).toContain(names);
      expect(usage).toMatch(/^usage: npm run fanout -- /);
    });
  }
});

describe("bad files", { concurrent: true, timeout: TIMEOUT_MS }, () => {
  const tracks: [name: string, content: string, where: string][] = [
    ["empty.csv", "", ": there are no fixes in it"],
    ["header.csv", `${HEADER}\n`, ": there are no fixes in it"],
    ["broken.csv", `${HEADER}\n${row("a", 0, 37)}\na,nonsense\n`, ":3: 4 columns expected, 2 found"],
    ["nan.csv", `${HEADER}\na,1212735000,NaN,2\n`, ":2: lat must be a decimal number"],
  ];
  for (const [name, content, where] of tracks) {
    test(`${name}: exit 2 and one line with the file, the line and the reason`, async () => {
      const path = file(name, content);
      const { code, stdout, stderr } = await run("--tracks", path, "--friends", "1");
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr.startsWith(`${path}${where}`), stderr).toBe(true);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    });
  }

  const graphs: [name: string, content: string, where: string][] = [
    ["empty.txt", "", ": no edge joins two of the 3 people of the tracks"],
    ["strangers.txt", "3 4\n0 3\n", ": no edge joins two of the 3 people of the tracks"],
    ["itself.txt", "1 1\n", ": no edge joins two of the 3 people of the tracks"],
    ["word.txt", "0 1\n1 two\n", ":2: a line must be two node numbers"],
    ["one.txt", "0\n", ":1: a line must be two node numbers"],
    ["three.txt", "0 1 2\n", ":1: a line must be two node numbers"],
    ["negative.txt", "0 -1\n", ":1: a line must be two node numbers"],
    ["blank.txt", "0 1\n\n1 2\n", ":2: a line must be two node numbers"],
  ];
  for (const [name, content, where] of graphs) {
    test(`${name}: exit 2 and one line with the file, the line and the reason`, async () => {
      const path = file(name, content);
      const { code, stdout, stderr } = await run("--tracks", TRACKS, "--graph", path);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr.startsWith(`${path}${where}`), stderr).toBe(true);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    });
  }

  test("a file that is not there: exit 2 and its name", async () => {
    const { code, stderr } = await run("--tracks", join(dir, "none.csv"), "--friends", "1");
    expect(code).toBe(2);
    expect(stderr).toContain("none.csv: ENOENT");
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
