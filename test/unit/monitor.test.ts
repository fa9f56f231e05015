/** A shard of the monitor on its own: who is here, the newest errors, and a drain by a clock of the test's. */
import { describe, expect, test } from "vitest";

import { Drain } from "../../durable-objects/monitor/drain.ts";
import { Ledger } from "../../durable-objects/monitor/ledger.ts";
import { mergeStats } from "../../src/api/stats.ts";
import { inTime, shardIndex } from "../../src/observe/monitor.ts";
import { DRAINED_PER_S_MAX, MAP_CELLS_MAX, MAP_USERS_MIN, RECENT_ERRORS_MAX } from "../../src/protocol/admin.ts";
import { NOW, reportOf } from "./monitor-report.ts";

describe("a ledger", () => {
  test("adds up what everybody said last, and what was ever counted", () => {
    const ledger = new Ledger(NOW);
    ledger.feed(reportOf("ann", { counts: { positions: 2 }, waiting: 3, oldestAt: NOW - 5 }));
    ledger.feed(reportOf("ann", { counts: { positions: 1 }, connections: 2 }));
    ledger.feed(reportOf("bob", { active: false, sharing: false, cell: null, waiting: 1, oldestAt: NOW - 9 }));
    expect(ledger.view(NOW)).toMatchObject({
      present: 2,
      active: 1,
      sharing: 1,
      connections: 3,
      contacts: { near: 2, far: 4, unknown: 0 },
      waiting: 1,
      oldestAt: NOW - 9,
      counts: { positions: 3 },
      cells: { u281: 1 },
    });
  });

  test("forgets who has gone, and who was to be heard of and was not", () => {
    const ledger = new Ledger(NOW);
    ledger.feed(reportOf("ann"));
    ledger.feed(reportOf("bob"));
    ledger.feed(reportOf("bob", { until: null }));
    expect(ledger.users()).toEqual(["ann"]);
    expect(ledger.sweep(NOW + 599_999)).toBe(true);
    expect(ledger.sweep(NOW + 600_000)).toBe(false);
  });

  test.each([RECENT_ERRORS_MAX - 1, RECENT_ERRORS_MAX, RECENT_ERRORS_MAX + 1])(
    "of %i errors the newest stay",
    (count) => {
      const ledger = new Ledger(NOW);
      for (let at = 0; at < count; at += 1) {
        ledger.noteIncident({ at, source: "history", code: `code_${at}`, count: 1 });
      }
      const { errors } = ledger.view(NOW);
      expect(errors).toHaveLength(Math.min(count, RECENT_ERRORS_MAX));
      expect(errors[0]).toMatchObject({ code: `code_${count - 1}` });
    },
  );

  test("errors of a report name the user, dead letters are added up", () => {
    const ledger = new Ledger(NOW);
    ledger.feed(reportOf("ann", { counts: { "error.bad_json": 4 } }));
    ledger.noteIncident({ at: NOW, source: "history", code: "dead_letters", count: 3 });
    ledger.noteSink({ sink: "r2", at: NOW, stored: 5, failed: 2, lagMs: 700 });
    const { errors, deadLetters, sinks } = ledger.view(NOW);
    expect(errors.map(({ code, count, user }) => [code, count, user])).toEqual([
      ["sink_failed", 2, undefined],
      ["dead_letters", 3, undefined],
      ["bad_json", 4, "ann"],
    ]);
    expect([deadLetters, sinks["r2"]]).toEqual([3, { stored: 5, failed: 2, lagMs: 700, at: NOW }]);
  });
});

describe("a drain", () => {
  const draining = (users: number) => {
    const gone: string[] = [];
    const drain = new Drain((user) => {
      gone.push(user);
      return Promise.resolve();
    });
    return { drain, gone, names: Array.from({ length: users }, (_, at) => `user-${at}`) };
  };

  test("is spread evenly, and reaches everybody once", async () => {
    const { drain, gone, names } = draining(100);
    expect(drain.start(names, 10_000, { now: NOW, random: Math.random })).toEqual({ users: 100, until: NOW + 10_000 });
    for (const [afterMs, count] of [
      [1_000, 10],
      [5_000, 50],
      [9_990, 100],
      [20_000, 100],
    ] as const) {
      await drain.step(NOW + afterMs);
      expect(gone).toHaveLength(count);
    }
    expect(new Set(gone)).toEqual(new Set(names));
    expect([drain.left, drain.until]).toEqual([0, null]);
  });

  test.each([
    [DRAINED_PER_S_MAX - 1, 1_000],
    [DRAINED_PER_S_MAX, 1_000],
    [DRAINED_PER_S_MAX * 3, 3_000],
  ])("%i people take at least as long as they have to: %i ms", (users, windowMs) => {
    const { drain, names } = draining(users);
    expect(drain.start(names, 1_000, { now: NOW, random: Math.random }).until - NOW).toBe(windowMs);
  });

  test("an object that fails holds up nobody", async () => {
    const gone: string[] = [];
    const drain = new Drain((user) => {
      if (user === "bad") return Promise.reject(new Error("on purpose"));
      gone.push(user);
      return Promise.resolve();
    });
    drain.start(["bad", "ann", "bob"], 0, { now: NOW, random: Math.random });
    await drain.step(NOW + 5_000);
    expect(gone.toSorted()).toEqual(["ann", "bob"]);
  });
});

test("users are spread evenly over the shards", () => {
  const counts = Array.from({ length: 40 }, () => 0);
  for (let at = 0; at < 40_000; at += 1) {
    const index = shardIndex(`user-${at}`, 40);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(800);
  expect(Math.max(...counts)).toBeLessThan(1_200);
});

test.each([MAP_CELLS_MAX - 1, MAP_CELLS_MAX, MAP_CELLS_MAX + 1])(
  "of %i cells those of most people are told of",
  (cells) => {
    const ledger = new Ledger(NOW);
    const view = { ...ledger.view(NOW), leaving: 0, drainUntil: null };
    const counts = Object.fromEntries(Array.from({ length: cells }, (_, at) => [`cell${at}`, MAP_USERS_MIN + at]));
    const told = mergeStats([{ ...view, cells: counts }], NOW).cells;
    expect(told).toHaveLength(Math.min(cells, MAP_CELLS_MAX));
    expect(told[0]).toEqual({ cell: `cell${cells - 1}`, users: MAP_USERS_MIN + cells - 1 });
  },
);

describe("nobody waits for the monitor", () => {
  test("an answer in time is the answer; a late one and a failure are null", async () => {
    expect(await inTime(Promise.resolve(3), 1_000)).toBe(3);
    expect(await inTime(Promise.reject(new Error("on purpose")), 1_000)).toBeNull();
    expect(await inTime(new Promise(() => {}), 5)).toBeNull();
  });
});
