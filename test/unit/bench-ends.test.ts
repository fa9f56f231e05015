/** A bench that is ended by hand: what was measured is printed, and nothing that it started is left. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import * as v from "valibot";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
/** Two servers start, and a round of both takes ten seconds. */
const TIMEOUT_MS = 120_000;

const Report = v.object({
  workload: v.literal("standard"),
  isComplete: v.literal(false),
  roundsAsked: v.literal(50),
  rounds: v.array(v.record(v.string(), v.object({ capacity: v.object({ deliveriesPerS: v.number() }) }))),
});

const children: ChildProcess[] = [];
afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")));

/** All processes below it. */
function descendants(pid: number): number[] {
  const table = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  const pairs = table.map((line) => line.trim().split(/\s+/).map(Number));
  const of = (parent: number): number[] =>
    pairs.flatMap(([child = 0, above = 0]) => (above === parent ? [child, ...of(child)] : []));
  return of(pid);
}

test(
  "Ctrl-C after a round: exit 1, the whole rounds, marked as incomplete, and no process",
  { timeout: TIMEOUT_MS },
  async () => {
    const options = "--users 10 --friends 2 --seconds 1 --rounds 50 --targets ours,floor --json".split(" ");
    const child = spawn(process.execPath, ["scripts/bench.ts", ...options], { cwd: PROJECT_DIR });
    children.push(child);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    const measured = new Promise<void>((done) => {
      child.stderr.on("data", (chunk: Buffer) => {
        stderr += chunk.toString();
        if (/rounds: [2-9]\/100/.test(stderr)) done();
      });
    });
    const closed = once(child, "close");
    await Promise.race([measured, closed]);
    const started = descendants(child.pid ?? 0);
    expect(started.length, stderr).toBeGreaterThanOrEqual(4);
    child.kill("SIGINT");
    await closed;
    expect(child.exitCode, stderr).toBe(1);
    expect(stderr).toContain("bench: ended by SIGINT");
    expect(stderr).toContain("keeps its figures: the run was cut short");
    const { rounds } = v.parse(Report, JSON.parse(stdout));
    expect(rounds.length).toBeGreaterThanOrEqual(1);
    for (const { ours, floor } of rounds) {
      expect(ours?.capacity.deliveriesPerS).toBeGreaterThan(0);
      expect(floor?.capacity.deliveriesPerS).toBeGreaterThan(0);
    }
    expect(started.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  },
);
