/** An afternoon of San Francisco's taxis through the real core, and what that may cost. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { readData } from "./data-folder.ts";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
/** 2008-06-06, 13 to 17 h in San Francisco: a sixth of the day, on which pairs come and go about as often as on average. */
const FROM_S = 1_212_782_400;
const TO_S = FROM_S + 4 * 3600;

/** Calls per nearby active friend and update, for a whole day. */
const EXACT_MAX = 1.05;
const ECONOMY_MAX = 0.43;

/** 1 % of the radius: the largest error that economy may leave. */
const ERROR_MAX_M = 80.47;
const QUIET_MAX_S = 300;

const dir = mkdtempSync(join(tmpdir(), "nearby-fanout-"));
afterAll(() => rmSync(dir, { recursive: true }));

function writeTaxis(): string {
  const [header = "", ...lines] = gunzipSync(readData("tracks/cabspotting_sf_24h.csv.gz")).toString("utf8").split("\n");
  const window = lines.filter((line) => {
    const atS = Number(line.split(",")[1]);
    return atS >= FROM_S && atS < TO_S;
  });
  const path = join(dir, "taxis.csv");
  writeFileSync(path, `${[header, ...window].join("\n")}\n`);
  return path;
}

function writeGraph(): string {
  const path = join(dir, "facebook.txt.gz");
  writeFileSync(path, readData("graphs/facebook_combined.txt.gz"));
  return path;
}

interface Report {
  readonly people: number;
  readonly updates: number;
  readonly edgesUsed: number;
  readonly edgesLeftOut: number;
  readonly activePerUpdate: number;
  readonly nearbyPerUpdate: number;
  readonly meetingsPerUpdate: number;
  readonly wrongViews: number;
  readonly overBound: number;
  readonly errorM: { readonly max: number };
  readonly quietS: { readonly max: number };
  readonly lateS: { readonly max: number | null };
  readonly lateM: { readonly max: number | null };
}

async function fanout(...args: string[]): Promise<Report> {
  const child = spawn(process.execPath, ["scripts/fanout.ts", "--json", ...args], {
    cwd: PROJECT_DIR,
    stdio: ["ignore", "pipe", "ignore"],
  });
  let stdout = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  await once(child, "close");
  expect(child.exitCode).toBe(0);
  return JSON.parse(stdout) as Report;
}

function expectExact(report: Report): void {
  expect(report.wrongViews).toBe(0);
  expect(report.meetingsPerUpdate).toBeLessThanOrEqual(EXACT_MAX * report.nearbyPerUpdate);
}

function expectEconomy(report: Report): void {
  expect(report.meetingsPerUpdate).toBeLessThanOrEqual(ECONOMY_MAX * report.nearbyPerUpdate);
  expect(report.overBound).toBe(0);
  expect(report.errorM.max).toBeLessThanOrEqual(ERROR_MAX_M);
  expect(report.quietS.max).toBeLessThanOrEqual(QUIET_MAX_S);
  expect(report.lateS.max ?? 0).toBeLessThanOrEqual(QUIET_MAX_S);
  expect(report.lateM.max ?? 0).toBeLessThanOrEqual(2 * ERROR_MAX_M);
}

describe("taxis", { timeout: 120_000 }, () => {
  test("with 40 friends each: no wrong view in exact, bounds kept in economy, the calls as promised", async () => {
    const inputs = ["--tracks", writeTaxis(), "--friends", "40"];
    const [exact, economy, naive] = await Promise.all([
      fanout(...inputs, "--mode", "exact"),
      fanout(...inputs, "--mode", "economy"),
      fanout(...inputs, "--mode", "naive"),
    ]);
    expect(exact.people).toBeGreaterThan(400);
    expect(exact.updates).toBeGreaterThan(150_000);
    expect(exact.nearbyPerUpdate).toBeGreaterThan(10);
    expectExact(exact);
    expectEconomy(economy);
    expect(naive.meetingsPerUpdate).toBe(exact.activePerUpdate);
    expect(naive.nearbyPerUpdate).toBe(exact.nearbyPerUpdate);
  });

  test("with the friendships of a social network: the same", async () => {
    const inputs = ["--tracks", writeTaxis(), "--graph", writeGraph()];
    const [exact, economy] = await Promise.all([
      fanout(...inputs, "--mode", "exact"),
      fanout(...inputs, "--mode", "economy"),
    ]);
    expect(exact.edgesUsed + exact.edgesLeftOut).toBe(88_234);
    expectExact(exact);
    expectEconomy(economy);
  });
});
