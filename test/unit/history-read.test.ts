import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { HISTORY_PAGE_MAX, type HistoryQuery, RECENT_MS } from "../../src/history/page.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import {
  type ErasedRange,
  type HistoryReaders,
  OVERLAP_MS,
  type OwnPage,
  readHistory,
} from "../../src/history/read.ts";

const NOW = Date.UTC(2026, 8, 18);
const BOUNDARY = NOW - RECENT_MS + OVERLAP_MS;
const OWN_SINCE = NOW - RECENT_MS;
const ALL: HistoryQuery = { from: 0, to: Number.MAX_SAFE_INTEGER, limit: HISTORY_PAGE_MAX };

const point = (ts: number, lat = 1): HistoryPoint => ({ lat, lng: 2, ts });

/** Two stores as they answer: sorted, cut to the range and the limit. */
function stores(own: readonly HistoryPoint[], older: readonly HistoryPoint[], erased: readonly ErasedRange[] = []) {
  const within = (points: readonly HistoryPoint[], { from, to }: HistoryQuery) =>
    points.filter(({ ts }) => ts >= from && ts < to).toSorted((a, b) => a.ts - b.ts);
  const readers = {
    own: vi.fn((query: HistoryQuery): Promise<OwnPage> => {
      const found = within(own, query);
      const next = found[query.limit]?.ts;
      const page = { points: found.slice(0, query.limit), since: OWN_SINCE, erased };
      return Promise.resolve(next === undefined ? page : { ...page, next });
    }),
    older: vi.fn((query: HistoryQuery) => Promise.resolve(within(older, query).slice(0, query.limit))),
  };
  return readers satisfies HistoryReaders;
}

async function pageOf(readers: HistoryReaders, query: HistoryQuery) {
  const page = await readHistory(readers, query, NOW);
  if ("refused" in page) throw new Error(page.refused);
  return page;
}

/** All pages, as a client reads them. */
async function readAll(readers: HistoryReaders, query: HistoryQuery): Promise<HistoryPoint[]> {
  const all: HistoryPoint[] = [];
  let { from } = query;
  for (;;) {
    const { points, next } = await pageOf(readers, { ...query, from });
    expect(points.length).toBeLessThanOrEqual(query.limit);
    all.push(...points);
    if (next === undefined) return all;
    expect(next, "every page gets further").toBeGreaterThan(from);
    expect(next).toBeLessThan(query.to);
    from = next;
  }
}

describe("without a long store", () => {
  test("the answer is the object's own", async () => {
    const { own } = stores([point(1), point(NOW)], []);
    expect(await pageOf({ own }, ALL)).toEqual({ points: [point(1), point(NOW)], since: OWN_SINCE });
    expect(own).toHaveBeenCalledWith(ALL);
    const first = await pageOf({ own }, { ...ALL, limit: 1 });
    expect(first).toEqual({ points: [point(1)], since: OWN_SINCE, next: NOW });
  });
});

describe("with a long store", () => {
  test("it is asked for what is before the boundary, the object for all", async () => {
    const readers = stores([point(NOW - 1)], [point(BOUNDARY - 1)]);
    expect(await pageOf(readers, ALL)).toEqual({ points: [point(BOUNDARY - 1), point(NOW - 1)], since: 0 });
    expect(readers.older).toHaveBeenCalledWith({ ...ALL, from: 946_684_800_000, to: BOUNDARY });
    expect(readers.own).toHaveBeenCalledWith(ALL);
  });

  test("it is not asked when the object has everything, nor for times that no point can have", async () => {
    const readers = stores([point(BOUNDARY)], [point(BOUNDARY)]);
    expect(await pageOf(readers, { ...ALL, from: BOUNDARY })).toEqual({ points: [point(BOUNDARY)], since: 0 });
    expect(await pageOf(readers, { ...ALL, to: 946_684_800_000 })).toEqual({ points: [], since: 0 });
    expect(readers.older).not.toHaveBeenCalled();
    await pageOf(readers, { ...ALL, from: BOUNDARY - 1 });
    expect(readers.older).toHaveBeenCalledTimes(1);
  });

  test("a point of both places is there once, as the object has it", async () => {
    const ts = OWN_SINCE + 1;
    const readers = stores([point(ts, 1), point(ts + 2, 1)], [point(ts, 9), point(ts + 1, 9)]);
    expect((await pageOf(readers, ALL)).points).toEqual([point(ts, 1), point(ts + 1, 9), point(ts + 2, 1)]);
  });

  test("an old point that came in late is in its place, though only the object has it", async () => {
    const late = point(BOUNDARY - 500_000);
    const old = [point(BOUNDARY - 900_000), point(BOUNDARY - 100_000)];
    for (const limit of [1, 2, 3, 1000]) {
      expect(await readAll(stores([late], old), { ...ALL, limit })).toEqual([old[0], late, old[1]]);
    }
  });

  test("what the user has erased is not there, also while the long store still has it", async () => {
    const old = [1, 2, 3, 4].map((n) => point(BOUNDARY - 1000 + n));
    const erased = [{ from: BOUNDARY - 1000 + 2, to: BOUNDARY - 1000 + 4 }];
    expect((await pageOf(stores([], old, erased), ALL)).points).toEqual([old[0], old[3]]);
    expect(await readAll(stores([], old, [{ from: 0, to: NOW }]), { ...ALL, limit: 2 })).toEqual([]);
    const first = await pageOf(stores([], old, [{ from: 0, to: NOW }]), { ...ALL, limit: 2 });
    expect(first, "empty, and not the last").toEqual({ points: [], since: 0, next: BOUNDARY - 1000 + 3 });
  });

  test("a failure of the long store is no short history", async () => {
    const failing: HistoryReaders = { ...stores([point(NOW)], []), older: () => Promise.reject(new Error("no host")) };
    const read = await readHistory(failing, ALL, NOW);
    expect(read).toMatchObject({ refused: "older_unavailable", error: expect.any(Error) });
    const readableFrom = "refused" in read ? read.readableFrom : NaN;
    // Also a while later: the boundary moves on with the clock.
    const later = await readHistory(failing, { ...ALL, from: readableFrom }, NOW + OVERLAP_MS / 2);
    expect(later).toEqual({ points: [point(NOW)], since: 0 });
  });

  test("a failure of the object is one of the answer", async () => {
    const own = () => Promise.reject(new Error("object gone"));
    await expect(readHistory({ ...stores([], []), own }, ALL, NOW)).rejects.toThrow("object gone");
  });

  test("the pages of any history are together all of it, once and in order", async () => {
    // Close around the boundary, so that many points share a `ts` between the two places.
    const ts = fc.integer({ min: BOUNDARY - 30, max: BOUNDARY + 10 });
    const old = fc.uniqueArray(ts.filter((at) => at < BOUNDARY));
    const range = fc.tuple(ts, ts).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) + 1 }));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(ts),
        old,
        fc.array(range, { maxLength: 2 }),
        range,
        fc.integer({ min: 1, max: 12 }),
        async (ownTs, oldTs, erased, asked, limit) => {
          const isErased = (at: number) => erased.some(({ from, to }) => at >= from && at < to);
          // The object itself has nothing that was erased.
          const own = ownTs.filter((at) => !isErased(at));
          const readers = stores(
            own.map((at) => point(at)),
            oldTs.map((at) => point(at)),
            erased,
          );
          const wanted = new Set([...own, ...oldTs.filter((at) => !isErased(at))]);
          const expected = [...wanted].filter((at) => at >= asked.from && at < asked.to).toSorted((a, b) => a - b);
          const read = await readAll(readers, { ...asked, limit });
          expect(read.map(({ ts: at }) => at)).toEqual(expected);
        },
      ),
    );
  });
});
