/** The bill of servers around Redis: each line against a sum made by hand, each machine on both sides of its limit. */
import { describe, expect, test } from "vitest";

import {
  CLASSIC_COMPONENTS,
  classicOf,
  type ClassicComponent,
  FRAME_BYTES,
  type Machine,
  MACHINES_MIN,
  POSITION_BYTES,
  PUSH_BYTES,
} from "../../scripts/cost/classic.ts";
import { type ClassicInputs, EGRESS_TIERS, egressUsdOf, INPUTS } from "../../scripts/cost/classic-inputs.ts";
import { formatClassic } from "../../scripts/cost/classic-report.ts";
import { crossingOf, scaledTo } from "../../scripts/cost/crossing.ts";
import { readCostOptions } from "../../scripts/cost/options.ts";
import { makeReport } from "../../scripts/cost/report.ts";
import type { Workload } from "../../scripts/cost/workload.ts";
import type { Friend } from "../../src/protocol/down.ts";

/** Nobody does anything: what is left is the smallest fleet. */
const IDLE: Workload = {
  ...readCostOptions(["--online", "1", "--users", "1"]).workload,
  friends: 0,
  active: 0,
  near: 0,
  positionsPerDay: 0,
  sessionsPerDay: 0,
};
/** 30 deliveries/s of a server, and every price and size with two digits at most. */
const INPUTS_SMALL: ClassicInputs = {
  serverUsd: 0.1,
  serverCores: 2,
  coreDeliveries: 15,
  serverConnections: 100,
  redisUsd: 0.2,
  redisPushes: 1_000,
  redisGb: 1,
  subscriptionBytes: 20,
  nodeUsd: 0.3,
  nodeWrites: 50,
  nodeGb: 10,
  pointBytes: 50,
  etcdUsd: 0.04,
  balancerUsd: 0.05,
  balancerUnitUsd: 0.006,
  zoneUsd: 0.01,
  egressUsd: null,
  utilisation: 1,
};
const DELIVERIES_PER_S = 30;
const HOURS = 720;

function machinesOf(workload: Partial<Workload>, inputs: Partial<ClassicInputs> = {}) {
  return classicOf({ ...IDLE, ...workload }, { ...INPUTS_SMALL, ...inputs }, DELIVERIES_PER_S).machines;
}
function usdOf(workload: Partial<Workload>, inputs: Partial<ClassicInputs> = {}) {
  return classicOf({ ...IDLE, ...workload }, { ...INPUTS_SMALL, ...inputs }, DELIVERIES_PER_S).usd;
}

describe("inputs", () => {
  test("each names its option, its default, what it is and where it is from, and prices their month", () => {
    const options = Object.values(INPUTS).map(({ option }) => option);
    expect(new Set(options).size).toBe(options.length);
    for (const [name, { option, fallback, max, what, source, asOf }] of Object.entries(INPUTS)) {
      expect(option, name).toMatch(/^[a-z]+(-[a-z]+)+$/);
      expect(fallback, name).toBeGreaterThan(0);
      expect(fallback, name).toBeLessThan(max);
      expect(what, name).toMatch(/\w/);
      expect(source, name).toMatch(/\w/);
      if (name.endsWith("Usd")) {
        expect(source, name).toMatch(/^https:\/\//);
        expect(asOf, name).toMatch(/^20\d\d-(0[1-9]|1[0-2])$/);
      } else expect(asOf, name).toBeNull();
    }
  });

  const tiers: [gb: number, usd: number][] = [
    [0, 0],
    [100, 0],
    [101, 0.09],
    [10_340, 921.6],
    [10_341, 921.685],
    [51_300, 921.6 + 3_481.6],
    [51_301, 921.6 + 3_481.6 + 0.07],
    [153_700, 921.6 + 3_481.6 + 7_168],
    [153_701, 921.6 + 3_481.6 + 7_168 + 0.05],
  ];
  for (const [gb, usd] of tiers) {
    test(`${gb} GB to the internet cost $${usd.toFixed(3)}`, () => {
      expect(egressUsdOf(gb, null)).toBeCloseTo(usd, 6);
    });
  }

  test("a flat price is the price of every GB, and may be nothing", () => {
    expect(egressUsdOf(101, 0.02)).toBeCloseTo(2.02, 9);
    expect(egressUsdOf(1_000_000, 0)).toBe(0);
    expect(EGRESS_TIERS.at(-1)?.gb).toBe(Number.POSITIVE_INFINITY);
  });

  test("frames are as long as those that are sent", () => {
    const id = "0b3f2a52-7d0e-4a4f-9d35-1f2a3b4c5d6e";
    const friend: Friend = {
      id,
      lat: 37.769412,
      lng: -122.486213,
      ts: 1_790_000_000_123,
      distance: 1_304.2,
      precision: "exact",
    };
    const frame = JSON.stringify({ type: "friend", friend });
    expect(frame).toHaveLength(FRAME_BYTES);
    const { lat, lng, ts } = friend;
    expect(JSON.stringify({ type: "location", lat, lng, ts, accuracy: 12 })).toHaveLength(POSITION_BYTES);
    expect(`*3\r\n$7\r\nmessage\r\n$36\r\n${id}\r\n$163\r\n${frame}\r\n`).toHaveLength(PUSH_BYTES);
  });
});

describe("machines", () => {
  test("fewer than these there are never", () => {
    expect(machinesOf({})).toEqual(MACHINES_MIN);
    expect(machinesOf({ history: false })).toEqual({ ...MACHINES_MIN, history: 0 });
  });

  /** One below, at and above what so many machines carry or hold. */
  const cases: [
    what: string,
    machine: Machine,
    at: (load: number) => Partial<Workload>,
    full: number,
    count: number,
  ][] = [
    // 90 deliveries/s on servers of 30: one position a second for each of 90 people with a friend.
    ["deliveries", "servers", (load) => ({ online: load, positionsPerDay: 86_400, active: 1 }), 90, 3],
    ["connections", "servers", (load) => ({ online: load }), 300, 3],
    // Each position goes to the one server where the only friend is: 1,000 pushes/s of a Redis server.
    ["pushes", "pubsub", (load) => ({ online: load, positionsPerDay: 86_400, active: 1 }), 3_000, 3],
    // 20 bytes x 50,000 friends = 1 MB for each: 1,000 people fill a Redis server.
    ["subscriptions", "pubsub", (load) => ({ online: load, friends: 50_000 }), 3_000, 3],
    // Two copies of each command.
    ["positions set", "cache", (load) => ({ online: load, positionsPerDay: 86_400 }), 1_500, 3],
    [
      "positions read at connecting",
      "cache",
      (load) => ({ users: load, sessionsPerDay: 86_400, friends: 1 }),
      1_500,
      3,
    ],
    // 100 bytes, twice: 5 million positions in a GB.
    ["positions held", "cache", (load) => ({ online: load }), 15_000_000, 3],
    // 100 bytes x 1,000 friends, twice: 50,000 accounts in 10 GB.
    ["friendships", "database", (load) => ({ users: load, friends: 1_000 }), 150_000, 3],
  ];
  for (const [what, machine, at, full, count] of cases) {
    test(`${machine} by ${what}: ${count} up to ${full}, then one more`, () => {
      expect(machinesOf(at(full - 1))[machine]).toBe(count);
      expect(machinesOf(at(full))[machine]).toBe(count);
      expect(machinesOf(at(full + 1))[machine]).toBe(count + 1);
    });
  }

  test("Cassandra by rows a second, and by what a month keeps", () => {
    const rows = (online: number) => machinesOf({ online, positionsPerDay: 86_400 }, { nodeGb: 1e9 }).history;
    expect([rows(199), rows(200), rows(201)]).toEqual([4, 4, 5]);
    // 1,000 positions a day x 30 x 50 bytes x 3 copies = 4.5 MB each: 10,000 people in 45 GB.
    const kept = (online: number) => machinesOf({ online, positionsPerDay: 1_000 }, { nodeWrites: 1e9 }).history;
    expect([kept(8_888), kept(8_889), kept(10_000)]).toEqual([4, 5, 5]);
  });

  test("room for peaks is room for load, not for what is stored", () => {
    const half = { utilisation: 0.5 };
    expect(machinesOf({ online: 90, positionsPerDay: 86_400, active: 1 }, half).servers).toBe(6);
    expect(machinesOf({ online: 300 }, half).servers).toBe(6);
    expect(machinesOf({ online: 1_500, positionsPerDay: 86_400 }, half).cache).toBe(6);
    expect(machinesOf({ online: 15_000_000 }, half).cache).toBe(3);
    expect(machinesOf({ users: 150_000, friends: 1_000 }, half).database).toBe(3);
    expect(machinesOf({ online: 200, positionsPerDay: 86_400 }, { ...half, nodeGb: 1e9 }).history).toBe(8);
  });

  test("a server is pushed a position once, however many friends are on it", () => {
    const of = (active: number) =>
      classicOf({ ...IDLE, online: 10, positionsPerDay: 86_400, active }, INPUTS_SMALL, 1_000).pushesPerS;
    expect([of(1), of(2), of(40)]).toEqual([10, 20, 20]);
  });
});

describe("a bill", () => {
  const fleet: [component: ClassicComponent, usdAnHour: number][] = [
    ["servers", 2 * 0.1],
    ["pubsub", 2 * 0.2],
    ["cache", 2 * 0.2],
    ["database", 2 * 0.3],
    ["history", 3 * 0.3],
    ["etcd", 3 * 0.04],
    // One connection is a part of a capacity unit.
    ["balancer", 0.05 + 0.006 / 100_000],
  ];
  for (const [component, usdAnHour] of fleet) {
    test(`${component}: 720 hours at the least`, () => {
      expect(usdOf({})[component]).toBeCloseTo(usdAnHour * HOURS, 9);
    });
  }

  // 1,000 people, a position a second, 2 near of 4 active friends, on enough servers.
  const busy = { online: 1_000, positionsPerDay: 86_400, active: 4, near: 2 };
  const monthS = 30 * 86_400;

  test("egress: each near friend's phone gets the frame and what the wire adds", () => {
    const gb = (1_000 * 2 * (163 + 78) * monthS) / 1e9;
    expect(usdOf(busy, { egressUsd: 0.02 }).egress).toBeCloseTo(gb * 0.02, 6);
    expect(usdOf(busy).egress).toBeCloseTo((gb - 100) * 0.09, 6);
  });

  test("zones: two of three pushes leave theirs, and both ends are billed", () => {
    const gb = (1_000 * 4 * 231 * monthS) / 1e9;
    expect(usdOf(busy).zones).toBeCloseTo(gb * (2 / 3) * 2 * 0.01, 6);
  });

  test("balancer: the largest of bytes, connections and new ones", () => {
    const units = (workload: Partial<Workload>) => (usdOf(workload).balancer / HOURS - 0.05) / 0.006;
    // Up and down, each with what the wire adds.
    const gbPerHour = (1_000 * (2 * (163 + 78) + 86 + 78) * 3_600) / 1e9;
    expect(units(busy)).toBeCloseTo(gbPerHour, 6);
    expect(units({ online: 250_000 })).toBeCloseTo(2.5, 6);
    // 1,600 upgrades a second.
    expect(units({ users: 1_600, sessionsPerDay: 86_400 })).toBeCloseTo(2, 6);
  });

  test("adds up, and has a line for each component", () => {
    const { usd, totalUsd } = classicOf({ ...IDLE, ...busy }, INPUTS_SMALL, DELIVERIES_PER_S);
    expect(totalUsd).toBeCloseTo(
      Object.values(usd).reduce((sum, one) => sum + one, 0),
      6,
    );
    expect(CLASSIC_COMPONENTS.map(([name]) => name).toSorted()).toEqual(Object.keys(usd).toSorted());
  });

  test("the textbook's case: 134 Redis servers, which it rounds to 140", () => {
    const { workload, classic, serverDeliveriesPerS } = readCostOptions([]);
    const { machines, pushesPerS } = classicOf(workload, classic, serverDeliveriesPerS);
    expect(pushesPerS).toBeCloseTo(13_333_333.3, 1);
    expect(machines.pubsub).toBe(134);
  });
});

describe("where the bills cross", () => {
  const { workload, classic, serverDeliveriesPerS } = readCostOptions([]);
  const differenceAt = (online: number, utilisation = 1): number => {
    const other = scaledTo(workload, online);
    const report = makeReport(other, { classic: { ...classic, utilisation }, serverDeliveriesPerS });
    return report.thisDesign.totalUsd - report.classic.totalUsd;
  };

  test("people: not dearer with so many, dearer with one more", () => {
    const { online } = crossingOf(workload, classic, serverDeliveriesPerS);
    expect(differenceAt(online ?? Number.NaN)).toBeLessThanOrEqual(0);
    expect(differenceAt((online ?? Number.NaN) + 1)).toBeGreaterThan(0);
  });

  test("people: none where servers cost nothing, any where they cost more than everything", () => {
    const free = { ...classic, serverUsd: 0, redisUsd: 0, nodeUsd: 0, etcdUsd: 0, balancerUsd: 0, balancerUnitUsd: 0 };
    const cheapest = { ...free, zoneUsd: 0, egressUsd: 0 };
    expect(crossingOf(workload, cheapest, serverDeliveriesPerS)).toEqual({ online: 0, utilisation: 0.0001 });
    expect(crossingOf(workload, { ...classic, egressUsd: 1_000 }, serverDeliveriesPerS)).toEqual({
      online: null,
      utilisation: null,
    });
  });

  test("utilisation: the servers are dearer below it", () => {
    const { utilisation } = crossingOf(workload, classic, serverDeliveriesPerS);
    expect(differenceAt(workload.online, (utilisation ?? Number.NaN) * 0.99)).toBeLessThan(0);
    expect(differenceAt(workload.online, (utilisation ?? Number.NaN) * 1.01)).toBeGreaterThan(0);
  });

  test("as many accounts for each of the people as before", () => {
    expect(scaledTo(workload, 50)).toEqual({ ...workload, online: 50, users: 500 });
  });
});

describe("the table", () => {
  const printed = (...args: string[]): string => {
    const options = readCostOptions(args);
    return formatClassic(makeReport(options.workload, options));
  };

  test("has machines and dollars, both totals and where they cross", () => {
    const text = printed();
    expect(text).toMatch(/^servers +400 +\$20,880 {2}WebSocket servers$/m);
    expect(text).toMatch(/^exact +\$6,038,872$/m);
    expect(text).toMatch(/is dearer with up to about [\d,]+ people/);
    expect(text).toMatch(/is cheaper unless its machines are used for less than [\d.]+ % of what they can$/);
  });

  test("says so where they do not cross", () => {
    const text = printed("--egress-usd", "1000");
    expect(text).toContain("is dearer with any number of people");
    expect(text).toContain("is dearer however well its machines are used");
  });
});
