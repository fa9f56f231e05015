/** The benches of many people, with few and for seconds: everybody arrives, and an end in between leaves nothing behind. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";

import { benchCrowd } from "../../scripts/bench/crowd/crowd.ts";
import { benchIdle } from "../../scripts/bench/crowd/idle.ts";
import { formatCrowdReport, formatIdleReport } from "../../scripts/bench/crowd/report.ts";
import { childrenOf } from "../../scripts/serve/proc.ts";

const TIMEOUT_MS = 120_000;
const plan = { fronts: 1, connectPerS: 50 };

test("a hundred who move", { timeout: TIMEOUT_MS }, async () => {
  const { signal } = new AbortController();
  const report = await benchCrowd({ users: 100, seconds: 5, everyS: 2, plan, signal });
  expect(report.errors).toEqual({});
  expect([report.positions, report.lost]).toEqual([250, 0]);
  expect(report.deliveries).toBe(2_500);
  // Awake, each has an object in the runtime and a socket in the front.
  expect(report.server.perPerson.descriptors).toBeGreaterThan(4.9);
  expect(report.server.perPerson.descriptors).toBeLessThan(5.3);
  expect(formatCrowdReport(report)).toMatch(/\| positions\/s +\| +50 \|/);
});

test("a hundred who sleep, and what was measured until Ctrl-C", { timeout: TIMEOUT_MS }, async () => {
  const before = childrenOf(process.pid);
  const ended = new AbortController();
  const ending = benchIdle({ users: 100, seconds: 600, plan, signal: ended.signal });
  // Connecting takes 2 s and falling asleep 12.
  setTimeout(() => ended.abort(new Error("ended by a test")), 22_000);
  const report = await ending;
  expect(report.isComplete).toBe(false);
  expect(report.seconds).toBeLessThan(30);
  expect([report.errors, report.lost]).toEqual([{}, 0]);
  expect(report.wakes).toBeGreaterThan(0);
  expect(report.pings).toMatchObject({ sent: 100, answered: 100 });
  expect(report.pings.awakeMost).toBeLessThan(10);
  expect(formatIdleReport(report)).toContain("Ended early");
  expect(childrenOf(process.pid)).toEqual(before);
  expect(existsSync(report.log)).toBe(true);
});
