/** The workload a second beside the platform's limits. */
import { describe, expect, test } from "vitest";

import { DRAINED_PER_S_OF_A_SHARD, limitsOf } from "../../scripts/cost/limits.ts";
import { formatLimits } from "../../scripts/cost/limits-report.ts";
import { readCostOptions } from "../../scripts/cost/options.ts";
import { makeReport } from "../../scripts/cost/report.ts";
import { usageOf } from "../../scripts/cost/usage.ts";
import { queuesOf } from "../../scripts/cost/workload.ts";

function limitsFor(...args: string[]) {
  const { workload } = readCostOptions(args);
  return limitsOf(workload, usageOf(workload, "this"));
}
function limitNamed(what: string, ...args: string[]) {
  const found = limitsFor(...args).limits.find((limit) => limit.what.startsWith(what));
  if (found === undefined) throw new Error(`no limit ${what}`);
  return found;
}

describe("rates of the standard case", () => {
  const { rates } = limitsFor();

  test("what arrives, and what it makes", () => {
    expect(rates.positionsPerS).toBeCloseTo(333_333.333, 3);
    // 40 calls for each, and in 100 million sessions a day 400 friends asked and 40 told.
    const calls = (333_333 + 1 / 3) * 40 + (1e8 * 440) / 86_400;
    expect(rates.callsPerS).toBeCloseTo(calls, 2);
    expect(rates.upgradesPerS).toBeCloseTo(1e8 / 86_400, 3);
    // An alarm in ten minutes for each, and the last one of each session.
    const alarms = 1e7 / 600 + 1e8 / 86_400;
    expect(rates.eventsPerS).toBeCloseTo(333_333.333 + calls + alarms + 1e8 / 86_400, 2);
    // Ten minutes' chunk and the end of a session, two rows each; two rows a session; alarms set.
    const chunks = 1e7 / 600 + 1e8 / 86_400;
    const alarmsSet = 1e7 / 600 + 2e8 / 86_400;
    expect(rates.rowsWrittenPerS).toBeCloseTo(2 * chunks + 2e8 / 86_400 + alarmsSet, 2);
    expect(rates.queueMessagesPerS).toBeCloseTo(chunks, 2);
    expect(rates.bucketWritesPerS).toBeCloseTo(chunks / 100, 2);
  });

  test("queues of 5,000 messages a second each", () => {
    const monthS = 30 * 86_400;
    expect(rates.queues).toBe(4);
    expect([queuesOf(0), queuesOf(1), queuesOf(5_000 * monthS), queuesOf(5_001 * monthS)]).toEqual([0, 1, 1, 2]);
  });

  test("a report in ten minutes, and three a session", () => {
    expect(rates.reportsPerS).toBeCloseTo(1e7 / 600 + 3e8 / 86_400, 3);
  });

  test("an object for each account, and for cells with somebody in them", () => {
    expect(rates.objects).toBe(1e8);
    expect(limitsFor("--strangers", "0.1").rates.objects).toBe(1e8 + 250);
  });
});

describe("when everybody comes back", () => {
  test("as fast as a drain lets them go", () => {
    expect(DRAINED_PER_S_OF_A_SHARD).toBe(500);
    // 40 shards.
    expect(limitsFor().storm).toEqual({ windowS: 500, upgradesPerS: 20_000, callsPerS: 8e6, calls: 4e9 });
    const windows = ["20000", "20001"].map((online) => limitsFor("--online", online).storm.windowS);
    expect(windows).toEqual([1, 2]);
  });

  test("with an index only friends who are active are met", () => {
    expect(limitsFor("--index", "on").storm.calls).toBe(4e8);
  });
});

describe("limits", () => {
  test("the one that binds first comes first, and each has its source", () => {
    const { limits } = limitsFor();
    const shares = limits.map(({ share }) => share);
    expect(shares).toEqual(shares.toSorted((a, b) => b - a));
    for (const { what, source, limit, needs, share } of limits) {
      expect(source, what).toMatch(/^https:\/\/developers\.cloudflare\.com\//);
      expect(share, what).toBeCloseTo(needs / limit, 6);
    }
  });

  test("a queue binds at so many people as make 5,000 messages a second", () => {
    const { bindsAtOnline } = limitNamed("messages/s of one queue");
    expect(limitNamed("messages/s of one queue", "--online", String(bindsAtOnline)).share).toBeCloseTo(1, 3);
    expect(limitNamed("messages/s of one queue", "--history", "off")).toMatchObject({ needs: 0, bindsAtOnline: null });
  });

  test("a shard of the monitor: a fortieth of the reports; two more from each who comes back", () => {
    const reports = 1e7 / 600 + 3e8 / 86_400;
    expect(limitNamed("requests/s of a shard of the monitor").needs).toBeCloseTo(reports / 40, 3);
    expect(limitNamed("the same, while").needs).toBeCloseTo((reports + 2 * 20_000) / 40, 3);
  });

  test("a user with all friends near, a full cell, a wake: by their own limits", () => {
    expect(limitNamed("requests/s of a user")).toMatchObject({ needs: 166.7, limit: 1_000, bindsAtOnline: null });
    expect(limitNamed("requests/s of a cell").needs).toBe(0);
    expect(limitNamed("requests/s of a cell", "--strangers", "0.1").needs).toBeCloseTo(4_000 / 30, 3);
    expect(limitNamed("calls of one invocation")).toMatchObject({ needs: 5_000, limit: 10_000, share: 0.5 });
    expect(limitNamed("hibernatable sockets")).toMatchObject({ needs: 2_010, limit: 32_768 });
  });

  test("log lines only if invocations leave them", () => {
    expect(limitNamed("lines of Workers Logs")).toMatchObject({ needs: 0, bindsAtOnline: null });
    const { needs, share } = limitNamed("lines of Workers Logs", "--logged-share", "1");
    expect(needs).toBeGreaterThan(1e12);
    expect(share).toBeCloseTo(needs / 5e9, 6);
  });
});

test("the table leaves out what is not needed at all", () => {
  const printed = (...args: string[]): string => {
    const options = readCostOptions(args);
    return formatLimits(makeReport(options.workload, options));
  };
  expect(printed()).toMatch(
    /^messages\/s of one queue +17,824\.07 +5,000 +356\.48 % +2,800,000 {2}HISTORY_QUEUES = 4$/m,
  );
  expect(printed()).not.toContain("Workers Logs");
  expect(printed("--logged-share", "1")).toContain("Workers Logs");
  expect(printed()).toContain("through 4 queues");
  expect(printed("--online", "1000")).toContain("through 1 queue\n");
});
