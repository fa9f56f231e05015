/** How many people a limit of open files allows. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import {
  fits,
  FRONT_DESCRIPTORS,
  FRONTS_MAX,
  frontsFor,
  neededFor,
  OBJECT_DESCRIPTORS,
  roomFor,
  RUNTIME_DESCRIPTORS,
  SOCKET_DESCRIPTORS,
} from "../../scripts/serve/descriptors.ts";

const LIMIT = 20_000;
const LIVE = OBJECT_DESCRIPTORS + SOCKET_DESCRIPTORS;

test("without fronts the runtime has sockets and objects, with fronts only objects", () => {
  const people = { live: 10, sleeping: 5 };
  expect(neededFor(people, 0)).toEqual({ runtime: RUNTIME_DESCRIPTORS + 10 * LIVE + 5 * SOCKET_DESCRIPTORS, front: 0 });
  expect(neededFor(people, 1)).toEqual({
    runtime: RUNTIME_DESCRIPTORS + 10 * OBJECT_DESCRIPTORS,
    front: FRONT_DESCRIPTORS + 15 * SOCKET_DESCRIPTORS,
  });
});

test("of several fronts the fullest counts, which has more than its share", () => {
  const { front } = neededFor({ live: 0, sleeping: 10_000 }, 2);
  expect(front).toBeGreaterThan(FRONT_DESCRIPTORS + 5_000 * SOCKET_DESCRIPTORS);
  // Four standard deviations of a fair deal.
  expect(front).toBeGreaterThan(FRONT_DESCRIPTORS + (5_000 + 4 * Math.sqrt(10_000 / 4)) * SOCKET_DESCRIPTORS);
});

describe("as many people fit as there is room for, and not one more", () => {
  for (const limit of [1_024, LIMIT, 65_536]) {
    for (const fronts of [0, 1, 2, 3, FRONTS_MAX]) {
      const room = roomFor({ limit, fronts });
      for (const kind of ["live", "sleeping"] as const) {
        test(`${limit} open files, ${fronts} fronts: ${room[kind]} ${kind}`, () => {
          const at = (count: number) => fits({ live: 0, sleeping: 0, [kind]: count }, { limit, fronts });
          expect([room[kind] - 1, room[kind], room[kind] + 1].map(at)).toEqual([true, true, false]);
        });
      }
    }
  }
});

test("a limit that is below what the runtime needs for itself has room for nobody", () => {
  expect(roomFor({ limit: RUNTIME_DESCRIPTORS, fronts: 0 })).toEqual({ live: 0, sleeping: 0 });
  expect(roomFor({ limit: RUNTIME_DESCRIPTORS - 1, fronts: 0 })).toEqual({ live: 0, sleeping: 0 });
  expect(roomFor({ limit: FRONT_DESCRIPTORS - 1, fronts: 2 })).toEqual({ live: 0, sleeping: 0 });
});

test("as few fronts as will do", () => {
  const { live } = roomFor({ limit: LIMIT, fronts: 0 });
  expect([live - 1, live, live + 1].map((count) => frontsFor({ live: count, sleeping: 0 }, LIMIT))).toEqual([0, 0, 1]);
  const { sleeping } = roomFor({ limit: LIMIT, fronts: 1 });
  expect([sleeping - 1, sleeping, sleeping + 1].map((count) => frontsFor({ live: 0, sleeping: count }, LIMIT))).toEqual(
    [1, 1, 2],
  );
});

test("objects are in one process: no number of fronts makes room for more of them", () => {
  const most = Math.floor((LIMIT - RUNTIME_DESCRIPTORS) / OBJECT_DESCRIPTORS);
  const counts = [most - 1, most, most + 1];
  expect(counts.map((live) => frontsFor({ live, sleeping: 0 }, LIMIT))).toEqual([1, 1, undefined]);
});

test("the table for those who run a server is this arithmetic", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/self-host.md"), "utf8");
  const rows = [...page.matchAll(/^\| ([\d,]+) \| (\d+) \| ([\d,]+) \| ([\d,]+) \|$/gm)];
  const number = (text = "") => Number(text.replaceAll(",", ""));
  expect(rows).toHaveLength(8);
  for (const [, limit, fronts, live, sleeping] of rows) {
    const room = { live: number(live), sleeping: number(sleeping) };
    expect(roomFor({ limit: number(limit), fronts: number(fronts) })).toEqual(room);
  }
});
