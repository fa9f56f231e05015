/** The bench of strangers, smaller: a crowd that is split once, in a place whose circle meets four cells. */
import { describe, expect, test } from "vitest";
import { type CrowdFigures, runCrowd } from "../../scripts/bench/strangers/crowd.ts";
import { cityPlace, stadiumPlace } from "../../scripts/bench/strangers/places.ts";
import {
  failuresOf,
  type Figures,
  formatStrangersReport,
  LIMITS,
  makeStrangersReport,
} from "../../scripts/bench/strangers/report.ts";
import { MEMBERS_MAX } from "../../src/strangers/shards.ts";

const EVERY_MS = 30_000;

describe("a crowd on virtual time", () => {
  test(
    "[DISC10] a city costs three calls a report, a crowd that outgrows its object at most five, and no object is too busy",
    { timeout: 60_000 },
    async () => {
      const city = await runCrowd({
        people: 500,
        everyMs: EVERY_MS,
        arriveMs: EVERY_MS,
        forMs: 4 * EVERY_MS,
        place: cityPlace,
      });
      expect(city.reports).toBe(2_000);
      expect(city.callsMean).toBeLessThan(3.5);
      expect(city.callsMost).toBeLessThanOrEqual(LIMITS.callsPerReport);
      const people = MEMBERS_MAX + 500;
      const crowd = await runCrowd({
        people,
        everyMs: EVERY_MS,
        arriveMs: EVERY_MS,
        forMs: 3 * EVERY_MS,
        place: stadiumPlace,
      });
      expect(crowd.callsMost).toBeLessThanOrEqual(LIMITS.callsPerReport);
      expect(crowd.peakPerS).toBeLessThanOrEqual(LIMITS.requestsPerS);
      // The cell and its two shards, and the three cells next to it.
      expect(crowd.objects).toBeGreaterThanOrEqual(6);
      // In each of the last rounds everybody has had a full sample.
      expect(crowd.shownMean).toBeGreaterThan(50);
      console.log(
        `calls per report: city ${city.callsMean.toFixed(2)}, crowd ${crowd.callsMean.toFixed(2)}; ${crowd.peakPerS} requests/s`,
      );
    },
  );
});

describe("the report", () => {
  const crowd: CrowdFigures = {
    people: 10,
    reports: 100,
    callsMean: 3,
    callsMost: 5,
    objects: 4,
    peakPerS: 500,
    busiest: "9q8y, level 0",
    membersMost: 10,
    shownMean: 9,
  };
  const real = { people: 10, reports: 100, callsMean: 3, rowsWritten: 0, reportsPerS: 9, p50Ms: 1, p99Ms: 2 };
  const figures: Figures = { city: crowd, stadium: crowd, rush: { ...crowd, peakPerS: 9_999 }, real };

  test("at the limits all is well, beyond each of them it says what is wrong", () => {
    expect(failuresOf(figures)).toEqual([]);
    expect(formatStrangersReport(makeStrangersReport(figures))).toContain("within all limits");
    const wrong: [Partial<Figures>, RegExp][] = [
      [{ city: { ...crowd, callsMost: 6 } }, /6 calls for one report in the city/],
      [{ stadium: { ...crowd, callsMost: 6 } }, /6 calls for one report in the stadium/],
      [{ stadium: { ...crowd, peakPerS: 501 } }, /501 requests in a second for 9q8y/],
      [{ city: { ...crowd, peakPerS: 501 } }, /501 requests/],
      [{ real: { ...real, callsMean: Number.NaN } }, /NaN calls per report/],
      [{ real: { ...real, rowsWritten: 11 } }, /11 rows/],
      [{ stadium: { ...crowd, shownMean: 0 } }, /nobody was shown/],
    ];
    for (const [change, problem] of wrong) {
      const failures = failuresOf({ ...figures, ...change });
      expect(failures.join(), String(problem)).toMatch(problem);
    }
  });
});
