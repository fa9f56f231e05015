/** The bench of OwnTracks: what it sends, and what it takes for a failure. */
import { describe, expect, test } from "vitest";

import { friendsIn, reportOf } from "../../scripts/bench/owntracks/phone.ts";
import {
  failuresOf,
  formatOwnTracksReport,
  makeOwnTracksReport,
  type PhaseFigures,
} from "../../scripts/bench/owntracks/report.ts";
import { parseMessage, readOwnTracks } from "../../src/ingest/owntracks/report.ts";

const NOW_MS = 1_795_000_000_000;
const SETUP = { users: 600, friends: 10, seconds: 2, rate: 300 };

test("what it sends is a good report, from a new place each time", () => {
  const places = [0, 1, 2].map((turn) => {
    const message = parseMessage(new TextEncoder().encode(reportOf({ index: 7, users: 600 }, turn, NOW_MS)));
    const { points, invalid } = readOwnTracks(message, NOW_MS);
    expect([points.length, invalid]).toEqual([1, 0]);
    return `${points[0]?.lat} ${points[0]?.lng}`;
  });
  expect(new Set(places).size).toBe(3);
});

test("friends of an answer are counted by their places", () => {
  expect(friendsIn("[]")).toBe(0);
  expect(friendsIn('[{"_type":"card","tid":"A"},{"_type":"location","tid":"A"},{"_type":"location"}]')).toBe(2);
});

describe("the report", () => {
  const phase = (more: Partial<PhaseFigures> = {}): PhaseFigures => ({
    latenciesMs: [4, 1, 3, 2],
    friends: 40,
    refused: 0,
    seconds: 2,
    serverCpuS: 1,
    ...more,
  });
  const make = (paced: PhaseFigures, fastest = phase()) =>
    makeOwnTracksReport(SETUP, { paced, fastest, serverMiB: undefined });

  test("has rates, percentiles by nearest rank, and the cores that were busy", () => {
    const report = make(phase(), phase({ serverCpuS: null }));
    expect(report.paced).toEqual({
      reports: 4,
      reportsPerS: 2,
      p50Ms: 2,
      p99Ms: 4,
      friendsPerAnswer: 10,
      refused: 0,
      serverCores: 0.5,
    });
    expect(report.fastest.serverCores).toBeNull();
    expect(report.failures).toEqual([]);
    expect(formatOwnTracksReport(report)).toMatch(/at 300\/s +2 +2\.0 +4\.0 +10\.0 +0 +0\.50/);
  });

  test.each([
    ["no report", phase({ latenciesMs: [], friends: 0 }), "no report was sent"],
    ["a refused one", phase({ refused: 1 }), "1 reports were refused"],
    ["a missing friend", phase({ friends: 39 }), "9.75 friends in an answer, of 10"],
  ])("%s is a failure", (_, paced, failure) => {
    const report = make(paced);
    expect(failuresOf(report)).toContain(failure);
    expect(formatOwnTracksReport(report)).toContain(`FAILED: `);
  });
});
