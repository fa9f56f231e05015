/** What the clients of one user are shown, and when it is taken away again. */
import { describe, expect, test } from "vitest";

import { distanceM } from "../../src/geo/distance.ts";
import { Circle } from "../../src/nearby/circle.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { Sighting } from "../../src/nearby/sighting.ts";
import { east, INACTIVE_AFTER_MS, RADIUS_M, START_MS, World } from "./nearby-world.ts";

/** A and B, `metres` apart and settled. */
function pair(metres: number): World {
  const w = new World("a", "b");
  w.move("a", 0);
  w.move("b", metres);
  w.settle();
  w.wait(30_000);
  return w;
}

describe("showing", () => {
  test("[VIS3] who enters is shown on both sides, whoever moved", () => {
    for (const [mover, metres] of [
      ["a", 1_000],
      ["b", RADIUS_M - 500],
    ] as const) {
      const w = pair(RADIUS_M + 500);
      expect([w.screen("a"), w.screen("b")]).toEqual([{}, {}]);
      w.move(mover, metres);
      w.settle();
      expect(Object.keys(w.screen("a"))).toEqual(["b"]);
      expect(Object.keys(w.screen("b"))).toEqual(["a"]);
    }
  });

  test("[DOWN2] a friend's move is shown, an own move is not", () => {
    const w = pair(100);
    w.log.length = 0;
    w.move("b", 200);
    w.settle();
    expect(w.log).toEqual(["a: move b 200"]);
    w.log.length = 0;
    w.move("a", 50);
    w.settle();
    expect(w.log).toEqual(["b: move a 50"]);
  });

  test("[VIS3] who leaves goes on both sides, whoever moved", () => {
    for (const [mover, metres] of [
      ["a", -RADIUS_M],
      ["b", RADIUS_M + 100],
    ] as const) {
      const w = pair(100);
      w.move(mover, metres);
      w.settle();
      expect([w.screen("a"), w.screen("b")]).toEqual([{}, {}]);
      expect(w.log.slice(-2).toSorted()).toEqual(["a: hide b far", "b: hide a far"]);
    }
  });

  test("[VIS2] the own client lets go at once, before the friend has answered", () => {
    const w = pair(100);
    w.move("a", RADIUS_M + 200);
    expect(w.screen("a")).toEqual({});
    expect(w.screen("b")).toEqual({ a: 0 });
  });

  test("[DOWN2] out and back before the friend has answered: shown again as new", () => {
    const w = pair(100);
    w.move("a", RADIUS_M + 200);
    w.wait(1_000);
    w.move("a", 0);
    expect(w.log.slice(-2)).toEqual(["a: hide b far", "a: show b 100"]);
    w.settle();
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 100 }, { a: 0 }]);
  });

  test("[VIS2] far friends are shown by no event", () => {
    const w = pair(RADIUS_M + 500);
    w.watch("a");
    w.mute("a", "b", true);
    w.mute("a", "b", false);
    w.sweep("a");
    w.move("a", 10);
    w.settle();
    w.pause("a");
    w.resume("a");
    w.settle();
    expect(w.log.filter((line) => line.includes("show"))).toEqual([]);
    expect(w.person("a").circle.shown()).toEqual([]);
  });

  test("[VIS2] a far friend in silence leaves no place behind that could be shown later", () => {
    const w = pair(100);
    w.move("b", RADIUS_M + 4_000);
    w.settle();
    expect(w.contact("a", "b")?.seen).toBeNull();
  });

  test("[SNAP1] the view is the screen, with distances from the latest own position", () => {
    const w = new World("a", "b", "c", "d");
    w.move("b", 100);
    w.move("c", 5_000);
    w.move("d", RADIUS_M + 9_000);
    w.move("a", 0);
    w.settle();
    w.move("a", 50);
    w.settle();
    const view = w.person("a").circle.shown();
    expect(view.map(({ no, distanceM: metres }) => [no, Math.round(metres)])).toEqual([
      [2, 50],
      [3, 4_950],
    ]);
    w.restart("a");
    expect(w.person("a").circle.shown()).toEqual([]);
    w.pause("b");
    expect(w.person("b").circle.shown()).toEqual([]);
  });
});

describe("positions", () => {
  test("[TIME1] an older ts never overwrites and tells nobody, an equal one does", () => {
    const w = pair(100);
    const ts = w.now;
    expect(w.move("a", 10, { ts })).toBe(true);
    w.settle();
    const { rev } = w.person("a").circle;
    expect(w.move("a", 500, { ts: ts - 1 })).toBe(false);
    expect(w.settle()).toBe(0);
    expect(w.person("a").circle.rev).toBe(rev);
    expect(w.move("a", 20, { ts })).toBe(true);
    w.settle();
    expect(w.screen("b")).toEqual({ a: 20 });
  });

  test("[ACT6] an older ts does not extend activity", () => {
    const w = new World("a", "b");
    w.move("a", 0, { ts: w.now });
    w.wait(INACTIVE_AFTER_MS - 1);
    expect(w.move("a", 0, { ts: START_MS - 1 })).toBe(false);
    w.wait(1);
    w.sweep("a");
    expect(w.person("a").circle.self.kind).toBe("inactive");
  });

  test("[TIME1] after inactivity there is no current position: any is taken", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.wait(INACTIVE_AFTER_MS);
    expect(w.move("a", 0, { ts: START_MS - 1 })).toBe(true);
  });

  test("[VIS5] a paused user's position counts, is told to nobody and shows nobody", () => {
    const w = pair(100);
    w.pause("a");
    w.settle();
    expect(w.move("a", 50)).toBe(true);
    expect(w.settle()).toBe(0);
    w.watch("a");
    expect(w.settle()).toBe(0);
    expect([w.screen("a"), w.screen("b")]).toEqual([{}, {}]);
    w.resume("a");
    w.settle();
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 100 }, { a: 50 }]);
  });
});

describe("expiry", () => {
  test("[ACT1] a friend is dropped at the time that the sighting named, not before", () => {
    const w = pair(100);
    const until = START_MS + INACTIVE_AFTER_MS;
    w.move("a", 0);
    w.wait(until - w.now - 1);
    w.sweep("a");
    expect(w.screen("a")).toEqual({ b: 100 });
    w.wait(1);
    w.sweep("a");
    expect(w.screen("a")).toEqual({});
    expect(w.contact("a", "b")).toMatchObject({ pact: { kind: "unknown" }, seen: null });
  });

  test("[ACT1] an own position drops whoever is too old, and asks", () => {
    const w = pair(100);
    w.move("a", 0);
    w.fail(w.call("a", "b"));
    w.wait(INACTIVE_AFTER_MS - 30_000);
    w.move("a", 10);
    expect(w.screen("a")).toEqual({});
    w.deliver(w.call("a", "b"));
    expect(w.pact("a", "b")).toBe("away");
  });

  test("[ACT2] the own activity ends: all shown leave, near friends are told, far and unknown ones are not", () => {
    const w = new World("a", "near", "far", "unknown", "asleep");
    w.move("near", 100);
    w.move("far", RADIUS_M + 5_000);
    w.settle();
    w.move("a", 0);
    w.fail(w.call("a", "unknown"));
    w.settle();
    const { rev } = w.person("a").circle;
    w.wait(INACTIVE_AFTER_MS);
    w.sweep("a");
    expect(w.screen("a")).toEqual({});
    expect(w.log.at(-1)).toBe("a: hide near inactive");
    const letters = w.letters.filter(({ from }) => from === "a");
    expect(letters.map(({ kind, to }) => [kind, to])).toEqual([["leave", "near"]]);
    expect(letters[0]?.rev).toBeGreaterThan(rev);
    expect(w.person("a").circle.contacts.size).toBe(0);
    w.sweep("a");
    expect(w.letters.filter(({ from }) => from === "a")).toHaveLength(1);
  });

  test.each<[string, (w: World) => void]>([
    ["a call comes in", (w) => w.reach(w.call("b", "a"))],
    ["an own call is answered", (w) => w.reply(w.call("a", "b"))],
    ["an own call fails", (w) => w.fail(w.call("a", "b"))],
    ["the user pauses", (w) => w.pause("a")],
    ["a client connects", (w) => w.watch("a")],
    ["a friend is added", (w) => w.befriend("a", "b")],
  ])("[ACT2] it is decided on the first event after the deadline: %s", (_title, event) => {
    const w = pair(100);
    w.move("a", 10, { activeForMs: 1_000 });
    w.reach(w.call("a", "b"));
    w.wait(999);
    w.move("b", 110);
    w.wait(1);
    event(w);
    expect(w.person("a").circle.self.kind).toBe("inactive");
    expect(w.screen("a")).toEqual({});
  });

  test("[ACT1] a call that comes in after the deadline is answered `inactive`", () => {
    const w = pair(100);
    w.wait(INACTIVE_AFTER_MS);
    w.move("b", 0);
    const call = w.call("b", "a");
    w.reach(call);
    expect(call.answer).toMatchObject({ kind: "away", reason: "inactive" });
  });

  test("[ACT1] an answer that arrives after the deadline of the friend shows nobody", () => {
    const w = new World("b", "a");
    w.move("b", 100, { activeForMs: 1_000 });
    w.settle();
    w.wait(999);
    w.move("a", 0);
    const call = w.call("a", "b");
    w.reach(call);
    w.wait(1);
    w.reply(call);
    expect(w.screen("a")).toEqual({});
  });

  test("[ACT1] a call that arrives after the deadline of the friend shows nobody", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.settle();
    w.move("b", 100, { activeForMs: 1_000 });
    w.wait(1_000);
    w.reach(w.call("b", "a"));
    expect(w.screen("a")).toEqual({});
  });
});

describe("muting", () => {
  test("[UP10] a muted friend leaves the screen, and is still met", () => {
    const w = pair(100);
    w.mute("a", "b", true);
    expect(w.log.at(-1)).toBe("a: hide b unsubscribed");
    w.move("b", 200);
    w.settle();
    w.move("a", 50);
    w.settle();
    expect(w.screen("a")).toEqual({});
    expect(w.screen("b")).toEqual({ a: 50 });
    w.mute("a", "b", true);
    expect(w.log.at(-1)).toBe("b: move a 50");
  });

  test("[UP9] unmuting shows the newest place at once, without a call", () => {
    const w = pair(100);
    w.mute("a", "b", true);
    w.move("b", 200);
    w.settle();
    const calls = w.meetings.length;
    w.mute("a", "b", false);
    expect(w.screen("a")).toEqual({ b: 200 });
    expect(w.meetings).toHaveLength(calls);
    w.mute("a", "b", false);
    expect(w.log.at(-1)).toBe("a: show b 200");
  });

  test("[UP9] unmuting a friend whose time is over shows nobody", () => {
    const w = pair(100);
    w.mute("a", "b", true);
    w.wait(INACTIVE_AFTER_MS - 30_001);
    w.move("a", 0);
    w.fail(w.call("a", "b"));
    w.wait(1);
    w.mute("a", "b", false);
    expect(w.screen("a")).toEqual({});
  });

  test("[UP10] muted on a wake, muted when met by a friend, muted after a restart", () => {
    const w = new World("a", "b");
    w.person("a").friends.set(2, { muted: true });
    w.move("a", 0);
    w.settle();
    w.move("b", 100);
    w.settle();
    expect(w.screen("a")).toEqual({});
    w.restart("a");
    w.wait(30_000);
    w.move("a", 10);
    w.settle();
    expect(w.screen("a")).toEqual({});
    expect(w.screen("b")).toEqual({ a: 10 });
  });

  test("muting somebody who is away does nothing", () => {
    const w = new World("a", "b");
    w.mute("a", "b", true);
    expect(w.log).toEqual([]);
  });

  test.each<[string, (w: World) => void]>([
    ["paused", (w) => w.pause("a")],
    ["paused", (w) => void w.person("a").circle.left(2, START_MS + INACTIVE_AFTER_MS, "paused")],
    ["inactive", (w) => void w.person("a").circle.left(2, START_MS + INACTIVE_AFTER_MS, "inactive")],
    ["inactive", (w) => w.restart("a")],
    ["far", (w) => void (w.move("b", RADIUS_M + 500), w.settle())],
    ["far", (w) => w.move("a", RADIUS_M + 500)],
  ])("[UP9] why a friend is not shown: %s", (reason, happens) => {
    const w = pair(100);
    happens(w);
    expect(w.person("a").circle.absence(2)).toBe(reason);
  });
});

describe("coarse positions", () => {
  /** A at 0; B tells a place that may be `errorM` off. */
  function told(metres: number, errorM: number): { circle: Circle; effects: Effect[] } {
    const now = START_MS;
    const state = { rev: now, sharing: true, self: { kind: "inactive" }, complete: false, contacts: [] } as const;
    const circle = new Circle({ radiusM: RADIUS_M, roster: () => [] }, state);
    circle.position({ ...east(0), ts: now, activeUntil: now + INACTIVE_AFTER_MS }, now);
    const { effects } = circle.meet({ no: 2, muted: false, sighting: coarse(now, metres, errorM), heard: 0 }, now);
    return { circle, effects };
  }

  function coarse(rev: number, metres: number, errorM: number): Sighting {
    return { rev, ...east(metres), ts: rev, activeUntil: rev + INACTIVE_AFTER_MS, errorM };
  }

  test("[VIS2] told beyond the radius by less than the error: near, so both go on speaking, and not shown", () => {
    const { circle, effects } = told(RADIUS_M + 600, 700);
    expect(circle.contacts.get(2)?.pact.kind).toBe("near");
    expect(effects).toEqual([]);
  });

  test("[VIS2] shown as soon as the told place is within the radius of the own one", () => {
    const { circle } = told(RADIUS_M + 600, 700);
    const now = START_MS + 1_000;
    const fix = { ...east(601), ts: now, activeUntil: now + INACTIVE_AFTER_MS };
    const { effects } = circle.position(fix, now);
    const mine = east(601);
    const theirs = east(RADIUS_M + 600);
    expect(effects).toMatchObject([
      { kind: "show", isNew: true, distanceM: distanceM(mine, theirs) },
      { kind: "meet" },
    ]);
  });

  test("[VIS2] the error widens the gate and not the screen: the distance shown is to the told place", () => {
    const { effects } = told(RADIUS_M - 1, 700);
    expect(effects).toMatchObject([{ kind: "show", distanceM: distanceM(east(0), east(RADIUS_M - 1)) }]);
  });

  test("[VIS2] beyond radius and error: far, with what is left as room", () => {
    const { circle, effects } = told(RADIUS_M + 1_000.5, 700);
    expect(circle.contacts.get(2)?.pact).toMatchObject({ kind: "far", slackM: 150.1 });
    expect(effects).toEqual([]);
  });
});
