import { describe, expect, test } from "vitest";
import { median, percentile } from "../../scripts/bench/figures.ts";
import { inGroups } from "../../scripts/bench/groups.ts";
import { locationFrame, makePeople } from "../../scripts/bench/people.ts";
import { distanceM } from "../../src/geo/distance.ts";
import { decodeUp } from "../../src/protocol/up.ts";

const RADIUS_M = 8046.72;

describe("the people of a bench", () => {
  for (const [users, friends] of [
    [2, 1],
    [5, 4],
    [6, 3],
    [6, 5],
    [400, 40],
  ] as const) {
    test(`${users} users have ${friends} friends each, on both sides`, () => {
      const people = makePeople(users, friends);
      expect(people).toHaveLength(users);
      for (const [index, person] of people.entries()) {
        expect(new Set(person.friends).size).toBe(friends);
        expect(person.friends).not.toContain(index);
        for (const friend of person.friends) expect(people[friend]?.friends).toContain(index);
      }
    });
  }

  test("every position is a good message, a new one, and within the radius of every other", () => {
    const nowMs = 1_795_000_000_000;
    const places = [0, 1, 199, 399].flatMap((index) =>
      [0, 1, 2, 1_000].map((count) => {
        const decoded = decodeUp(locationFrame(index, 400, count, nowMs), nowMs);
        if (!decoded.ok || decoded.message.type !== "location") throw new Error("not a location");
        return decoded.message;
      }),
    );
    expect(new Set(places.map(({ lat, lng }) => `${lat},${lng}`)).size).toBe(places.length);
    for (const a of places) {
      for (const b of places) expect(distanceM(a, b)).toBeLessThan(RADIUS_M);
    }
  });
});

describe("the figures of a bench", () => {
  test("percentiles by nearest rank", () => {
    const hundred = Float64Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0.5, 0.95, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([50, 95, 99, 100]);
    expect(percentile(Float64Array.of(7), 0.5)).toBe(7);
    expect(percentile(new Float64Array(0), 0.5)).toBeNaN();
  });

  test("the median of odd and even counts, in any order", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 7])).toBe(6);
    expect(median([])).toBeNaN();
  });
});

test("groups keep the order, the bound, and stop at a failure", async () => {
  let running = 0;
  let most = 0;
  const items = [5, 1, 4, 2, 3];
  const results = await inGroups(items, 2, async (item) => {
    most = Math.max(most, (running += 1));
    for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
    running -= 1;
    return item * 10;
  });
  expect(results).toEqual(items.map((item) => item * 10));
  expect(most).toBe(2);

  const begun: number[] = [];
  const failing = inGroups(items, 1, async (item) => {
    begun.push(item);
    if (item === 4) throw new Error("four");
    return Promise.resolve(item);
  });
  await expect(failing).rejects.toThrow("four");
  expect(begun).toEqual([5, 1, 4]);
});
