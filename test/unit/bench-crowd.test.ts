/** The benches of many people: where they are, when they move, what they need, and what counts as a failure. */
import { describe, expect, test } from "vitest";

import { Arrivals } from "../../scripts/bench/crowd/crowd.ts";
import { Wakes } from "../../scripts/bench/crowd/idle.ts";
import {
  CROWD_FRIENDS,
  CROWD_NEAR,
  CROWD_USERS_MIN,
  indexOf,
  type Layout,
  ring,
  SLEEPER_FRIENDS,
  world,
} from "../../scripts/bench/crowd/layout.ts";
import { clockMs } from "../../scripts/bench/crowd/load.ts";
import { planCrowd, planIdle } from "../../scripts/bench/crowd/plan.ts";
import { crowdFailures, idleFailures, P99_TARGET_MS } from "../../scripts/bench/crowd/report.ts";
import { coprimeStride, EvenSchedule, type Turn } from "../../scripts/bench/crowd/schedule.ts";
import { fitLine } from "../../scripts/bench/crowd/slope.ts";
import { RUNTIME_DESCRIPTORS } from "../../scripts/serve/descriptors.ts";
import { distanceM } from "../../src/geo/distance.ts";
import { decodeUp } from "../../src/protocol/up.ts";

const RADIUS_M = 8_046.72;
const NOW_MS = 1_795_000_000_000;

function placeOf(layout: Layout, index: number, count = 0) {
  const decoded = decodeUp(layout.frame(index, count, NOW_MS), NOW_MS);
  if (!decoded.ok || decoded.message.type !== "location") throw new Error("not a location");
  return decoded.message;
}

/** Metres from this person to each friend, the nearest first. */
function distances(layout: Layout, index: number): number[] {
  const friends = layout.people[index]?.friends ?? [];
  const all = friends.map((friend) => distanceM(placeOf(layout, index), placeOf(layout, friend)));
  return all.toSorted((a, b) => a - b);
}

describe("where people are", () => {
  for (const users of [CROWD_USERS_MIN, CROWD_USERS_MIN + 1, 100, 4_500, 28_000]) {
    test(`of ${users} who move, each has 10 friends well within the radius and 30 well beyond it`, () => {
      const layout = ring(users);
      for (const index of [0, 1, Math.floor(users / 8), Math.floor(users / 3), users - 1]) {
        const { friends = [] } = layout.people[index] ?? {};
        expect(new Set(friends).size).toBe(CROWD_FRIENDS);
        expect(friends).not.toContain(index);
        for (const friend of friends) expect(layout.people[friend]?.friends).toContain(index);
        const sorted = distances(layout, index);
        expect(sorted[CROWD_NEAR - 1]).toBeLessThan(0.8 * RADIUS_M);
        expect(sorted[CROWD_NEAR]).toBeGreaterThan(1.2 * RADIUS_M);
      }
    });
  }

  test("one fewer has not as many different friends", () => {
    const { people } = ring(CROWD_USERS_MIN - 1);
    expect(new Set(people[0]?.friends).size).toBeLessThan(CROWD_FRIENDS);
  });

  for (const users of [100, 15_000, 28_000]) {
    test(`of ${users} who sleep, each has two friends on another continent`, () => {
      const layout = world(users);
      for (const index of [0, 1, Math.floor(users / 2), users - 1]) {
        const sorted = distances(layout, index);
        expect(sorted).toHaveLength(SLEEPER_FRIENDS);
        expect(sorted[0]).toBeGreaterThan(1_000_000);
      }
    });
  }

  test("a position is a new one each time, a walk's step from the one before", () => {
    const layout = ring(100);
    const places = [0, 1, 2, 3].map((count) => placeOf(layout, 7, count));
    for (const [at, place] of places.slice(1).entries()) {
      const stepM = distanceM(places[at] ?? place, place);
      expect(stepM).toBeGreaterThan(5);
      expect(stepM).toBeLessThan(25);
    }
  });

  test("an id says whose it is", () => {
    expect(ring(100).people.map(({ id }) => indexOf(id))).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });
});

describe("when it is whose turn", () => {
  test.each([1, 2, 60, 100, 4_500, 15_000])("%i people each have one turn a period, at even distances", (users) => {
    const everyMs = 30_000;
    const schedule = new EvenSchedule({ users, everyMs, startMs: 1_000 });
    const turns: Turn[] = [...schedule.dueBy(1_000 + 2 * everyMs - 0.001)];
    expect(turns).toHaveLength(2 * users);
    const first = turns.slice(0, users);
    expect(new Set(first.map(({ person }) => person)).size).toBe(users);
    expect(first.every(({ count }) => count === 1)).toBe(true);
    expect(turns.slice(users).map(({ person }) => person)).toEqual(first.map(({ person }) => person));
    for (const [at, { dueMs }] of turns.entries()) expect(dueMs).toBeCloseTo(1_000 + (at * everyMs) / users, 6);
  });

  test("what is late is due all at once, and each only once", () => {
    const schedule = new EvenSchedule({ users: 10, everyMs: 100, startMs: 0 });
    const times = (nowMs: number) => [...schedule.dueBy(nowMs)].map(({ dueMs }) => dueMs);
    expect(times(9)).toEqual([0]);
    expect(times(10)).toEqual([10]);
    expect(times(11)).toEqual([]);
    expect(times(45)).toEqual([20, 30, 40]);
    expect(schedule.nextMs).toBe(50);
  });

  test("neighbours have their turns far apart", () => {
    for (const users of [100, 4_500, 15_000]) {
      const stride = coprimeStride(users);
      expect(Math.min(stride, users - stride)).toBeGreaterThan(users / 4);
    }
  });
});

describe("what they need of the machine", () => {
  const LIMIT = 20_000;
  const limits = { server: LIMIT, load: LIMIT };

  test("4,500 who move, and 15,000 of whom 1 % wake each second, fit with fronts", () => {
    expect(planCrowd(4_500, limits)).toMatchObject({ plan: { fronts: 1 } });
    expect(planIdle(15_000, limits)).toMatchObject({ plan: { fronts: 2, connectPerS: 200 } });
    expect(planCrowd(3_000, limits)).toMatchObject({ plan: { fronts: 0 } });
  });

  test("one more than fits is refused, with the number that does", () => {
    const most = Math.floor((LIMIT - RUNTIME_DESCRIPTORS) / 3);
    const plans = [most - 1, most, most + 1].map((users) => planCrowd(users, limits));
    expect(plans.map((planned) => "plan" in planned)).toEqual([true, true, false]);
    expect(plans[2]).toMatchObject({ problem: expect.stringContaining(`${most} people fit`) });
  });

  test("the same for those who sleep", () => {
    const small = { server: 1_024, load: LIMIT };
    const refused = planIdle(19_000, small);
    const fits = Number("problem" in refused ? /: (\d+) people fit/.exec(refused.problem)?.[1] : undefined);
    expect([fits - 1, fits, fits + 1].map((users) => "plan" in planIdle(users, small))).toEqual([true, true, false]);
  });

  test("this process has a descriptor for each socket", () => {
    const plans = [4_399, 4_400, 4_401].map((users) => planCrowd(users, { server: LIMIT, load: 4_500 }));
    expect(plans.map((planned) => "plan" in planned)).toEqual([true, true, false]);
    expect(plans[2]).toMatchObject({ problem: expect.stringContaining("at most 4400 people") });
  });

  test("where nothing limits them, nobody needs fronts", () => {
    const none = { server: undefined, load: undefined };
    expect(planCrowd(20_000, none)).toMatchObject({ plan: { fronts: 0 } });
    expect(planIdle(20_000, none)).toMatchObject({ plan: { fronts: 0, connectPerS: 200 } });
  });
});

describe("what arrives", () => {
  test("once for each pair and position, and nothing from before", () => {
    const arrivals = new Arrivals(10);
    const ts = Math.floor(clockMs());
    arrivals.note(1, 2, ts - 60_000);
    arrivals.note(1, 2, ts);
    arrivals.note(1, 2, ts);
    arrivals.note(1, 2, ts - 1);
    arrivals.note(2, 1, ts);
    arrivals.note(1, 2, ts + 1);
    expect(arrivals.latencies.count).toBe(3);
  });

  test("an answer counts for the question that it names, once", () => {
    const wakes = new Wakes();
    const refs = [wakes.begin(clockMs()), wakes.begin(clockMs())];
    expect(new Set(refs).size).toBe(2);
    wakes.answered(undefined);
    wakes.answered(99);
    wakes.answered(refs[1]);
    wakes.answered(refs[1]);
    expect([wakes.missing, wakes.latencies.count]).toEqual([1, 1]);
  });
});

describe("what is a failure", () => {
  const none = { count: 0, byKind: {} };
  const one = { count: 1, byKind: { "a socket was closed with 1006": 1 } };
  const crowd = { errors: none, expected: 1_000, lost: 0, p99Ms: 20 };

  test.each([
    ["nothing", {}, []],
    ["an error", { errors: one }, ["1 errors: a socket was closed with 1006 (1)"]],
    ["a loss", { lost: 1 }, ["1 of 1000 positions did not arrive at a friend"]],
    ["no load", { expected: 0 }, ["nobody sent a position"]],
    ["the target met", { p99Ms: P99_TARGET_MS }, []],
    ["the target missed", { p99Ms: P99_TARGET_MS + 0.1 }, [`p99 is 250.1 ms, and must be at most 250 ms`]],
  ] as const)("of a crowd: %s", (_, more, failures) => {
    expect(crowdFailures({ ...crowd, ...more })).toEqual(failures);
  });

  const pings = { sent: 1_000, answered: 1_000, awakeMost: 10 };
  const idle = { users: 1_000, turns: 100, lost: 0, pings, awake: { median: 120 }, errors: none };

  test.each([
    ["nothing", {}, []],
    ["an error", { errors: one }, ["1 errors: a socket was closed with 1006 (1)"]],
    ["no answer", { lost: 2 }, ["2 of 100 who were woken did not answer"]],
    ["a ping without a pong", { pings: { ...pings, answered: 999 } }, ["999 of 1000 pings were answered"]],
    [
      "a ping that wakes",
      { pings: { ...pings, awakeMost: 11 } },
      ["11 objects were awake while there were only pings"],
    ],
    ["nobody hibernates", { awake: { median: 501 } }, ["501 of 1000 objects were awake: they do not hibernate"]],
    ["nobody wakes", { turns: 0 }, ["nobody was woken"]],
  ] as const)("of sleepers: %s", (_, more, failures) => {
    expect(idleFailures({ ...idle, ...more })).toEqual(failures);
  });
});

describe("a line through the sizes", () => {
  test("is the line on which they lie", () => {
    const points = [1_000, 2_000, 3_000, 4_500].map((x) => [x, 60 + 0.25 * x] as const);
    const line = fitLine(points);
    expect(line?.at0).toBeCloseTo(60, 6);
    expect(line?.perPerson).toBeCloseTo(0.25, 9);
    expect(line?.r2).toBeCloseTo(1, 9);
  });

  test("says when they do not lie on one", () => {
    const line = fitLine([
      [0, 0],
      [1, 1],
      [2, 0],
    ]);
    expect(line).toEqual({ at0: 1 / 3, perPerson: 0, r2: 0 });
  });

  test("cannot be drawn through one size", () => {
    expect(fitLine([[1, 1]])).toBeNull();
    expect(fitLine([])).toBeNull();
  });
});

test("whoever stands at the antimeridian may step across it", () => {
  const layout = world(15_000);
  // Person 0 stands on it.
  for (const index of [0, 1, 14_999]) {
    for (let count = 0; count < 20; count += 1) {
      expect(decodeUp(layout.frame(index, count, 1_790_000_000_000), 1_790_000_000_000).ok).toBe(true);
    }
  }
});
