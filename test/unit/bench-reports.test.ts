/** What the workloads make of their figures: what limits them, what was missed, and what fails. */
import { describe, expect, test } from "vitest";

import type { CpuFigures } from "../../scripts/bench/cpu.ts";
import { describeMachine, formatMachine } from "../../scripts/bench/machine.ts";
import { formatResizeReport, makeResizeReport } from "../../scripts/bench/resize/report.ts";
import { formatStandardReport, makeStandardReport, type StandardFigures } from "../../scripts/bench/standard/report.ts";
import type { StormFigures } from "../../scripts/bench/storm/bench.ts";
import { formatStormReport, makeStormReport } from "../../scripts/bench/storm/report.ts";
import type { TaxisFigures } from "../../scripts/bench/taxis/bench.ts";
import { formatTaxisReport, makeTaxisReport } from "../../scripts/bench/taxis/report.ts";

const MACHINE = describeMachine();
const LATENCY = { count: 10, p50Ms: 1, p95Ms: 2, p99Ms: 3, p999Ms: 4, maxMs: 5 };
const LOOP = {
  updates: 5,
  deliveries: 10,
  deliveriesPerS: 10,
  latency: LATENCY,
  samples: [],
  late: 0,
  lost: 0,
  replaced: 0,
  sendLate: LATENCY,
};
const cpu = (more: Partial<CpuFigures> = {}): CpuFigures => ({
  serverS: { a: 1, b: 0.5 },
  loadS: 1,
  seconds: 2,
  ...more,
});
const turns = <F>(...rounds: Record<string, F>[]) => ({
  rounds: rounds.map((each) => new Map(Object.entries(each))),
  asked: rounds.length,
  isComplete: true,
});

test("the machine is described by what can be read of it", () => {
  expect(MACHINE.cpus).toBeGreaterThan(0);
  expect(MACHINE.node).toBe(process.versions.node);
  expect(MACHINE.workerd).toMatch(/^1\.\d{8}\.\d+$/);
  const text = formatMachine({ ...MACHINE, redis: null, etcd: "3.4.23", descriptors: 20_000 });
  expect(text).toContain("etcd 3.4.23, 20000 descriptors");
  expect(text).not.toContain("Redis");
});

describe("standard", () => {
  const SETUP = { users: 4, friends: 2, asleep: 18, seconds: 2, underWay: { ours: 4 }, offeredPerS: 5 };
  const figures = (deliveriesPerS: number, used = cpu(), paceBound = false): StandardFigures => ({
    capacity: { updatesPerS: deliveriesPerS / 2, deliveriesPerS, lost: 0, paceBound, cpu: used },
    open: { ...LOOP, cpu: cpu() },
    residentMiB: { a: 100, b: 20 },
  });

  test("ratios, CPU of a delivery, and each process by itself", () => {
    const report = makeStandardReport(
      SETUP,
      ["ours", "floor"],
      turns({ ours: figures(800), floor: figures(1_000) }),
      MACHINE,
    );
    expect(report.ratios).toEqual([{ what: "deliveries/s", of: "ours", to: "floor", median: 0.8, min: 0.8, max: 0.8 }]);
    // 1.5 s for 1,600 deliveries.
    expect(report.targets["ours"]).toMatchObject({ cpuPerDeliveryUs: { median: 937.5 }, residentMiB: { median: 120 } });
    expect(report.notes).toEqual([]);
    const text = formatStandardReport(report);
    expect(text).toContain("ours / floor: 0.8 (0.8 - 0.8); at least 0.85 is asked for: missed by 0.050");
    expect(text).toContain("ours, by process: a 0.50 cores and 100 MiB, b 0.25 cores and 20 MiB");
    expect(text).toContain("of 1 rounds");
  });

  test("it says when the people or the load were the limit, and when it was cut short", () => {
    const round = { ours: figures(800, cpu({ serverS: null }), true), classic: figures(9_000, cpu({ loadS: 1.9 })) };
    const report = makeStandardReport(
      SETUP,
      ["ours", "classic"],
      { ...turns(round), asked: 5, isComplete: false },
      MACHINE,
    );
    expect(report.notes).toHaveLength(2);
    expect(report.notes[0]).toMatch(/^ours: the pace of the people was the limit/);
    expect(report.notes[1]).toMatch(/^classic: the load used a whole core/);
    expect(report.targets["ours"]?.["cpuPerDeliveryUs"]).toBeNull();
    expect(formatStandardReport(report)).toContain("INCOMPLETE: median (least - most) of 1 rounds, of 5 asked for");
  });
});

describe("taxis", () => {
  const SETUP = { tracks: "t.csv", taxis: 3, friends: 2, updates: 100, underWay: { ours: 4 } };
  const figures = (updatesPerS: number, wrong = 0, near = 7): TaxisFigures => ({
    pump: {
      updates: 100,
      updatesPerS,
      deliveries: 500,
      deliveriesPerUpdate: 5,
      seconds: 2,
      tailMs: 0,
      paceBound: false,
    },
    cpu: cpu(),
    verdict: { near, wrong, worstM: 1, examples: wrong > 0 ? ["ben is 9 m from ana and not shown"] : [] },
  });
  const LABELS = ["ours, economy", "classic"];
  const make = (ours: TaxisFigures) =>
    makeTaxisReport(SETUP, LABELS, turns({ "ours, economy": ours, classic: figures(100) }), MACHINE);

  test("the ratio against the classic design, and whether it is what was asked for", () => {
    const report = make(figures(45));
    expect(report.failures).toEqual([]);
    expect(formatTaxisReport(report)).toContain(
      "updates/s, ours, economy / classic: 0.45 (0.45 - 0.45); at least 0.45 is asked for: met",
    );
    expect(formatTaxisReport(make(figures(44)))).toContain("missed by 0.010");
  });

  test("one wrong screen fails, and so does a comparison of nothing", () => {
    const report = make(figures(45, 1));
    expect(report.failures).toEqual([
      "round 1, ours, economy: 1 wrong on a screen, such as ben is 9 m from ana and not shown",
    ]);
    expect(formatTaxisReport(report)).toContain("- FAILED: round 1");
    expect(make(figures(45, 0, 0)).failures).toEqual([
      "round 1, ours, economy: nobody is near, so nothing was compared",
    ]);
  });
});

test("storm: the floor has no snapshot, and who does not come back fails", () => {
  const back = (missing: number, hasSnapshot: boolean): StormFigures => ({
    open: LATENCY,
    snapshot: hasSnapshot ? LATENCY : null,
    whole: hasSnapshot ? LATENCY : null,
    samples: { open: [], snapshot: [], whole: [] },
    allBackMs: 5,
    errors: 0,
    missing,
    cpu: cpu(),
  });
  const round = { ours: back(2, true), floor: back(0, false) };
  const report = makeStormReport({ users: 4, friends: 2, asleep: 0 }, ["ours", "floor"], turns(round), MACHINE);
  expect(report.failures).toEqual(["round 1, ours: 2 people did not see all their friends again"]);
  expect(report.targets["floor"]).toMatchObject({ "open-lastMs": { median: 5 }, "whole-lastMs": null });
  expect(formatStormReport(report)).toMatch(/^\| to `nearby`, p50, ms +\| +1 \| +- \|$/m);
});

test("resize: what was late, and for how long", () => {
  const figures = { loop: { ...LOOP, late: 3 }, changeMs: 20, lateForMs: 1_500, cut: 4, reconnectedMs: 900 };
  const setup = { users: 4, friends: 2, asleep: 0, seconds: 5, offeredPerS: 10 };
  const report = makeResizeReport(setup, ["ours"], turns({ ours: figures }), MACHINE);
  expect(report.targets["ours"]).toMatchObject({
    late: { median: 3 },
    longestGapMs: { median: 5 },
    cut: { median: 4 },
  });
  expect(formatResizeReport(report)).toMatch(/^\| until the last late one, ms +\| +1,500 \|$/m);
});
