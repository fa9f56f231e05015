/** The command: its defaults, its two forms of output, and what it refuses. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { INPUTS } from "../../scripts/cost/classic-inputs.ts";
import { readCostOptions } from "../../scripts/cost/options.ts";
import { print } from "../../scripts/cost/print.ts";
import { type CostReport, makeReport } from "../../scripts/cost/report.ts";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
/** Node starts and exits, on a machine that does other things. */
const TIMEOUT_MS = 30_000;

const FANOUT = {
  mode: "economy",
  people: 503,
  friendsPerPerson: 40,
  updates: 1_000,
  activePerUpdate: 32.5,
  nearbyPerUpdate: 22.9,
  meetingsPerUpdate: 9.1,
  activationCallsPerUpdate: 0.03,
  wrongViews: 0,
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nearby-cost-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, content: object | string): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

async function run(args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ["scripts/cost.ts", ...args], {
    cwd: PROJECT_DIR,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (ended.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (ended.stderr += chunk.toString()));
  await once(child, "close");
  return { ...ended, code: child.exitCode };
}

describe("output", { concurrent: true, timeout: TIMEOUT_MS }, () => {
  test("--json: one document with the workload, both bills and the prices", async () => {
    const { code, stdout, stderr } = await run(["--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const report: CostReport = JSON.parse(stdout);
    expect(report.workload).toMatchObject({ online: 10_000_000, near: 40, meetings: 40, positionsPerDay: 2_880 });
    // 10,000,000 people x 2,880 positions x 30 days x 40 calls x $0.15 per million.
    expect(report.thisDesign.usd.calls).toBe(5_184_000);
    // 864,000 million positions: $1 for the row, $1.20 for the queue message.
    expect(report.naive.usd.queue).toBe(1_036_800);
    // 10,000,000 people x 144 a day x 30, and 3,000 million ends of a session; three operations at $0.40 per million each.
    const messages = 46_200_000_000;
    expect(report.thisDesign.usage.queueMessages).toBe(messages);
    expect(report.thisDesign.usd.queue).toBeCloseTo((messages / 1e6) * 1.2 + (messages / 100 / 1e6) * 0.5, 2);
    expect(report.naive.usd.rows - report.thisDesign.usd.rows).toBeGreaterThan(700_000);
    expect(Object.keys(report.prices).length).toBeGreaterThan(0);
    expect(report.servers).toMatchObject({ deliveriesPerSOfOne: 246_000, count: 55 });
    // Ten million connections, 25,000 a server.
    expect(report.classic.machines.servers).toBe(400);
    expect(Object.keys(report.classicInputs).toSorted()).toEqual(Object.keys(INPUTS).toSorted());
    expect(report.limits.rates.positionsPerS).toBeCloseTo(10_000_000 / 30, 3);
  });

  test("without it: a table with both designs", async () => {
    const { code, stdout } = await run(["--mode", "economy"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^USD a month +economy +naive$/m);
    expect(stdout).toMatch(/^calls +\$[\d,]+ +\$5,184,000 /m);
    expect(stdout).toMatch(/^total +\$[\d,]+ +\$[\d,]+$/m);
  });

  test("--fanout: the bill of what was measured", async () => {
    const path = fileOf("fanout.json", FANOUT);
    const { code, stdout } = await run(["--fanout", path, "--online", "1000", "--json"]);
    expect(code).toBe(0);
    const report: CostReport = JSON.parse(stdout);
    const given = { mode: "economy", friends: 40, active: 32.5, near: 22.9, meetings: 9.1, wakingPerPosition: 0.03 };
    expect(report.workload).toMatchObject(given);
    // 1,000 people x 2,880 x 30 x 9.1 x $0.15 per million.
    expect(report.thisDesign.usd.calls).toBeCloseTo(117.936, 6);
  });
});

describe("options", () => {
  test("the standard case: 100 million users, a tenth of them and of their friends active, all of those near", () => {
    expect(readCostOptions([]).workload).toEqual({
      mode: "exact",
      users: 100_000_000,
      online: 10_000_000,
      friends: 400,
      active: 40,
      near: 40,
      positionsPerDay: 2_880,
      sessionsPerDay: 1,
      meetings: 40,
      wakingPerPosition: null,
      answerMs: 300,
      history: true,
      index: false,
      strangersShare: 0,
      loggedShare: 0,
    });
  });

  test("one of users and connected people gives the other, and both the active friends", () => {
    expect(readCostOptions(["--users", "5000"]).workload).toMatchObject({ users: 5_000, online: 500, active: 40 });
    expect(readCostOptions(["--online", "70"]).workload).toMatchObject({ users: 700, online: 70, active: 40 });
    const given = readCostOptions(["--users", "1000", "--online", "50"]).workload;
    expect(given).toMatchObject({ active: 20, near: 20, meetings: 20 });
  });

  test("--remote-share: how long answers take, by how many are called", () => {
    expect(readCostOptions(["--remote-share", "0"]).workload.answerMs).toBe(30);
    expect(readCostOptions(["--remote-share", "1"]).workload.answerMs).toBe(300);
    expect(readCostOptions(["--remote-share", "0.5", "--near", "1", "--active", "1"]).workload.answerMs).toBe(165);
  });

  test("--strangers: the share of people whom strangers see", () => {
    expect(readCostOptions(["--strangers", "0.25"]).workload.strangersShare).toBe(0.25);
  });

  test("a server delivers what its cores do, unless it is said", () => {
    expect(readCostOptions([]).serverDeliveriesPerS).toBe(2 * INPUTS.coreDeliveries.fallback);
    const cores = ["--server-cores", "16", "--core-deliveries", "2500"];
    expect(readCostOptions(cores).serverDeliveriesPerS).toBe(40_000);
    expect(readCostOptions([...cores, "--server-deliveries", "7"]).serverDeliveriesPerS).toBe(7);
  });

  test("every input of the classic design is an option, with its default", () => {
    const { classic } = readCostOptions([]);
    expect(classic).toMatchObject({ egressUsd: null, utilisation: 1 });
    for (const [name, { option, fallback }] of Object.entries(INPUTS)) {
      expect(classic, name).toHaveProperty(name, fallback);
      expect(readCostOptions([`--${option}`, "77"]).classic, option).toEqual({ ...classic, [name]: 77 });
    }
    expect(readCostOptions(["--egress-usd", "0"]).classic.egressUsd).toBe(0);
    expect(readCostOptions(["--utilisation", "0.5"]).classic.utilisation).toBe(0.5);
  });

  test("--classic and --limits print their tables instead of the bill", () => {
    const printed = (...args: string[]): string => {
      const options = readCostOptions(args);
      return print(makeReport(options.workload, options), options.shown);
    };
    const [bill, classic, limits] = [/^total +\$[\d,]+ +\$[\d,]+$/m, /^USD a month +machines/m, /^limit +needs/m];
    const found = (text: string) => [bill, classic, limits].map((table) => table.test(text));
    expect(found(printed())).toEqual([true, false, false]);
    expect(found(printed("--classic"))).toEqual([false, true, false]);
    expect(found(printed("--limits"))).toEqual([false, false, true]);
    expect(found(printed("--limits", "--classic"))).toEqual([false, true, true]);
    expect(printed("--limits")).toMatch(/^100,000,000 users, 10,000,000 of them/);
  });

  test("--history off leaves it out", () => {
    expect(readCostOptions(["--history", "off"]).workload.history).toBe(false);
    expect(readCostOptions(["--history", "on"]).workload).toEqual(readCostOptions([]).workload);
  });

  test("--meetings overrides what the mode would make", () => {
    expect(readCostOptions(["--meetings", "3.5"]).workload).toMatchObject({ mode: "exact", meetings: 3.5 });
  });
});

describe("bad options", { concurrent: true, timeout: TIMEOUT_MS }, () => {
  const cases: [args: string[], names: string][] = [
    [["--users", "0"], "--users"],
    [["--users", "many"], "--users"],
    [["--users", "10", "--online", "11"], "--online"],
    [["--users", "10000000", "--online", "40", "--near", "40"], "--near"],
    [["--friends", "5001"], "--friends"],
    [["--active", "401"], "--active"],
    [["--active", "5", "--near", "5.1"], "--near"],
    [["--near", "-1"], "--near"],
    [["--positions-per-day", "144"], "--positions-per-day"],
    [["--positions-per-day", "86401"], "--positions-per-day"],
    [["--sessions-per-day", "1e3"], "--sessions-per-day"],
    [["--mode", "cheap"], "--mode"],
    [["--meetings", "Infinity"], "--meetings"],
    [["--meetings", "5", "--mode", "naive"], "--meetings"],
    [["--answer-ms", "2001"], "--answer-ms"],
    [["--history", "maybe"], "--history"],
    [["--index", "yes"], "--index"],
    [["--logged-share", "1.1"], "--logged-share"],
    [["--server-deliveries", "0"], "--server-deliveries"],
    [["--strangers", "1.01"], "--strangers"],
    [["--remote-share", "1.01"], "--remote-share"],
    [["--remote-share", "0.1", "--answer-ms", "30"], "--answer-ms"],
    [["--utilisation", "0"], "--utilisation"],
    [["--utilisation", "1.01"], "--utilisation"],
    [["--core-deliveries", "0.9"], "--core-deliveries"],
    [["--node-gb", "0"], "--node-gb"],
    [["--server-usd", "1000.01"], "--server-usd"],
    [["--redis-usd", "-1"], "--redis-usd"],
    [["--egress-usd", "free"], "--egress-usd"],
    [["--nonsense"], "--nonsense"],
    [["extra"], "extra"],
    [["--fanout", "no-such-file.json"], "no-such-file.json: cannot be read"],
  ];
  for (const [args, names] of cases) {
    test(`${args.join(" ")}: exit 2, a message that names it, and the usage`, async () => {
      await expectRefused(args, names);
    });
  }

  const files: [what: string, content: object | string, args: string[], names: string][] = [
    ["text that is not JSON", "people: 503", [], "is not JSON"],
    ["a document without a figure", { ...FANOUT, meetingsPerUpdate: undefined }, [], "meetingsPerUpdate"],
    ["a negative figure", { ...FANOUT, nearbyPerUpdate: -1 }, [], "nearbyPerUpdate"],
    ["more near friends than active ones", { ...FANOUT, nearbyPerUpdate: 33 }, [], "nearbyPerUpdate"],
    ["a list", [FANOUT], [], "--fanout"],
    ["another mode than was asked for", FANOUT, ["--mode", "exact"], "--mode"],
    ["near friends given twice", FANOUT, ["--near", "4"], "--near"],
  ];
  for (const [at, [what, content, args, names]] of files.entries()) {
    test(`--fanout with ${what}: the same`, async () => {
      const path = fileOf(`bad-${at}.json`, content);
      await expectRefused(["--fanout", path, ...args], names);
    });
  }

  async function expectRefused(args: string[], names: string): Promise<void> {
    const { code, stdout, stderr } = await run(args);
    expect([code, stdout]).toEqual([2, ""]);
    const [message, usage] = stderr.split("\n");
    expect(message).toContain(names);
    expect(usage).toMatch(/^usage: npm run cost -- /);
    expect(stderr).not.toMatch(/^\s+at /m);
  }
});
