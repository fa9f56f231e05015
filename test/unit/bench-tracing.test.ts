/** The report of the bench of tracing: what it makes of figures, and that it says what was missed and by how much. */
import { expect, test } from "vitest";

import { CALL_TARGET_US, reportOf, type TracingFigures } from "../../scripts/bench/tracing/bench.ts";
import { formatTracingReport } from "../../scripts/bench/tracing/report.ts";

const figures = (cpuPerPositionUs: number | null): TracingFigures => ({
  positionsPerS: 200,
  deliveriesPerS: 8_000,
  cpuPerPositionUs,
});
const round = (on: number, off: number, cpuRatio: number) => ({ on: figures(on), off: figures(off), cpuRatio });
const SETUP = {
  users: 100,
  friends: 40,
  rounds: [round(2_200, 2_000, 1.1), round(2_000, 2_000, 1), round(2_060, 2_000, 1.03)],
};

test("within the target: the median of the rounds' ratios, and nothing missed", () => {
  const callUs = { event: 1.5, carried: CALL_TARGET_US, part: 0.4, outgoing: 0.3 };
  const report = reportOf({ ...SETUP, callUs });
  expect(report).toMatchObject({ medianCpuRatio: 1.03, callTargetUs: 2, failures: [] });
  const text = formatTracingReport(report);
  expect(text).toMatch(/^ {2}a call from another object +2\.00 µs$/m);
  expect(text).toMatch(/^round 1 off +200 +8000 +2000 *$/m);
  expect(text).toMatch(/^on +200 +8000 +2200 +1\.100$/m);
  expect(text).toContain("on / off, median: 1.030");
  expect(text).not.toContain("MISSED");
});

test("above it: by how much", () => {
  const callUs = { event: 1.5, carried: CALL_TARGET_US + 0.01, part: 0.4, outgoing: 0.3 };
  const report = reportOf({ ...SETUP, callUs });
  expect(report.failures).toEqual(["a traced call (carried) costs 2.01 µs, 0.01 µs more than it may"]);
  expect(formatTracingReport(report)).toContain("MISSED: a traced call (carried) costs 2.01 µs");
});

test("without /proc nothing is claimed", () => {
  const rounds = [{ on: figures(null), off: figures(null), cpuRatio: null }];
  const report = reportOf({ users: 2, friends: 1, rounds, callUs: null });
  expect(report).toMatchObject({ medianCpuRatio: null, failures: [] });
  expect(formatTracingReport(report)).toContain("not known");
});
