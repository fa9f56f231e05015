/** Who is called when: the places for calls in flight, friends who cannot be reached, waking and watching. */
import { describe, expect, test } from "vitest";

import { encodeAttachment, decodeAttachment } from "../../durable-objects/user/attachment.ts";
import { CALLS_IN_FLIGHT_MAX, SKIP_MAX_MS } from "../../src/nearby/calls.ts";
import { Circle } from "../../src/nearby/circle.ts";
import { newContact } from "../../src/nearby/contact.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { Sighting } from "../../src/nearby/sighting.ts";
import { attachmentOf, east, INACTIVE_AFTER_MS, RADIUS_M, START_MS, World } from "./nearby-world.ts";

type Meet = Extract<Effect, { kind: "meet" }>;

const meets = (effects: readonly Effect[]): Meet[] => effects.filter((effect) => effect.kind === "meet");

/** A user with so many friends, none of them known yet. */
function withFriends(count: number): Circle {
  const roster = () => Array.from({ length: count }, (_, index) => ({ no: index + 1, muted: false }));
  const state = { rev: START_MS, sharing: true, self: { kind: "inactive" }, complete: false, contacts: [] } as const;
  return new Circle({ radiusM: RADIUS_M, roster }, state);
}

function step(circle: Circle, metres: number, now = START_MS): Effect[] {
  return circle.position({ ...east(metres), ts: now, activeUntil: now + INACTIVE_AFTER_MS }, now).effects;
}

function nearSighting(rev: number): Sighting {
  return { rev, ...east(50), ts: START_MS, activeUntil: START_MS + INACTIVE_AFTER_MS, errorM: 0 };
}

describe("places for calls in flight", () => {
  test.each([
    [CALLS_IN_FLIGHT_MAX - 1, CALLS_IN_FLIGHT_MAX - 1],
    [CALLS_IN_FLIGHT_MAX, CALLS_IN_FLIGHT_MAX],
    [CALLS_IN_FLIGHT_MAX + 1, CALLS_IN_FLIGHT_MAX],
  ])("a wake with %d friends starts %d calls", (friends, calls) => {
    expect(meets(step(withFriends(friends), 0))).toHaveLength(calls);
  });

  test("each end of a call gives its place to the next who waits, in order, with the newest place", () => {
    const circle = withFriends(CALLS_IN_FLIGHT_MAX + 4);
    const [one, two, three, four] = meets(step(circle, 0));
    if (!one || !two || !three || !four) throw new Error("no calls");
    expect(meets(step(circle, 50, START_MS + 1))).toEqual([]);
    const away = { kind: "away", rev: START_MS, reason: "inactive" } as const;
    const next = (effects: Effect[]) => meets(effects).map(({ no, sighting }) => [no, sighting.rev]);
    const now = START_MS + 2;
    const { rev } = circle;
    expect(next(circle.answered(one.no, one.callId, away, now))).toEqual([[CALLS_IN_FLIGHT_MAX + 1, rev]]);
    // The first who failed is called again at once, because this user has moved: its place is its own.
    expect(next(circle.failed(two.no, two.callId, now))).toEqual([[two.no, rev]]);
    expect(next(circle.unfriend(three.no))).toEqual([[CALLS_IN_FLIGHT_MAX + 2, rev]]);
    expect(circle.settled).toBe(false);
    // The next in the row has called meanwhile, and knows all.
    circle.meet({ no: CALLS_IN_FLIGHT_MAX + 3, muted: false, sighting: nearSighting(now), heard: 0 }, now);
    expect(next(circle.answered(four.no, four.callId, away, now))).toEqual([[CALLS_IN_FLIGHT_MAX + 4, rev]]);
  });

  test("a repeated or foreign answer frees no place", () => {
    const circle = withFriends(CALLS_IN_FLIGHT_MAX + 5);
    const [one, two] = meets(step(circle, 0));
    if (!one || !two) throw new Error("no calls");
    const away = { kind: "away", rev: START_MS, reason: "inactive" } as const;
    expect(meets(circle.answered(one.no, one.callId, away, START_MS))).toHaveLength(1);
    expect(meets(circle.answered(one.no, one.callId, away, START_MS))).toEqual([]);
    expect(meets(circle.failed(one.no, one.callId, START_MS))).toEqual([]);
    expect(meets(circle.answered(two.no, one.callId, away, START_MS))).toEqual([]);
    expect(meets(circle.answered(999_999, two.callId, away, START_MS))).toEqual([]);
  });

  test("pausing gives all places back, and answers to calls of before find nobody", () => {
    const circle = withFriends(CALLS_IN_FLIGHT_MAX + 1);
    const before = meets(step(circle, 0));
    expect(circle.pause(START_MS).filter(({ kind }) => kind === "withdraw")).toHaveLength(CALLS_IN_FLIGHT_MAX + 1);
    expect(meets(circle.resume(START_MS))).toHaveLength(CALLS_IN_FLIGHT_MAX);
    const [old] = before;
    if (!old) throw new Error("no call");
    expect(circle.answered(old.no, old.callId, { kind: "stranger" }, START_MS)).toEqual([]);
    expect(circle.contacts.get(old.no)?.pact.kind).toBe("unknown");
  });

  test("a friend who calls while waiting to be called is not called", () => {
    const circle = withFriends(CALLS_IN_FLIGHT_MAX + 1);
    const [one] = meets(step(circle, 0));
    if (!one) throw new Error("no call");
    circle.meet({ no: CALLS_IN_FLIGHT_MAX + 1, muted: false, sighting: nearSighting(START_MS), heard: 0 }, START_MS);
    expect(meets(circle.failed(one.no, one.callId, START_MS))).toEqual([]);
    expect(circle.contacts.get(one.no)?.pact.kind).toBe("unknown");
  });

  test("[FAIL2] a far contact that waited and is called now is unknown in the copy from that moment on", () => {
    const far = newContact(7, false);
    far.pact = { kind: "far", mine: START_MS, theirs: START_MS, anchor: east(0), slackM: 1_000 };
    far.theirRev = START_MS;
    const others = Array.from({ length: CALLS_IN_FLIGHT_MAX }, (_, index) => newContact(index + 100, false));
    const sighting = { rev: START_MS, ...east(0), ts: START_MS, activeUntil: START_MS + INACTIVE_AFTER_MS, errorM: 0 };
    const self = { kind: "active", sighting } as const;
    const state = { rev: START_MS, sharing: true, self, complete: true, contacts: [...others, far] };
    const circle = new Circle({ radiusM: RADIUS_M, roster: () => [] }, state);
    const [one] = meets(step(circle, 1_500, START_MS + 1));
    if (!one) throw new Error("no call");
    const before = circle.version;
    const copied = encodeAttachment(attachmentOf(circle));

    // Of no interest to the copy itself: an unknown friend stays unknown. But it frees a place.
    const effects = circle.failed(one.no, one.callId, START_MS + 1);
    expect(meets(effects).map(({ no }) => no)).toEqual([7]);
    const copy = circle.version === before ? copied : encodeAttachment(attachmentOf(circle));
    const restored = [...(decodeAttachment(copy)?.object?.circle.contacts ?? [])].find(({ no }) => no === 7);
    expect(restored?.pact.kind).toBe("unknown");
  });
});

describe("friends who cannot be reached", () => {
  /** Calls that fail in a row, one per position. @returns at which positions the friend was called */
  function called(circle: Circle, positions: number, everyMs: number): number[] {
    const at: number[] = [];
    for (let position = 1; position <= positions; position++) {
      const now = START_MS + position * everyMs;
      for (const { no, callId } of meets(step(circle, position, now))) {
        at.push(position);
        circle.failed(no, callId, now);
      }
    }
    return at;
  }

  test("the first failure costs nothing, the k-th in a row leaves the friend out for 2^k positions", () => {
    // 1 s apart, so that the longest time does not cut it short.
    expect(called(withFriends(1), 40, 1_000)).toEqual([1, 2, 7, 16, 33]);
  });

  test("never longer than the longest time", () => {
    const at = called(withFriends(1), 200, 30_000);
    const gaps = at.slice(1).map((position, index) => position - (at[index] ?? 0));
    expect(gaps.slice(0, 3)).toEqual([1, 5, 9]);
    expect(new Set(gaps.slice(3))).toEqual(new Set([SKIP_MAX_MS / 30_000]));
  });

  function missedTwice(): { circle: Circle; now: number } {
    const circle = withFriends(1);
    expect(called(circle, 2, 1_000)).toEqual([1, 2]);
    return { circle, now: START_MS + 2_000 };
  }

  test("while left out the friend is not called by a position, nor by a client that connects", () => {
    const { circle, now } = missedTwice();
    expect(meets(step(circle, 50, now + 1))).toEqual([]);
    expect(meets(circle.watch(now + 2))).toEqual([]);
    expect(circle.settled).toBe(true);
  });

  test("a client that connects after the longest time has the friend called", () => {
    const { circle, now } = missedTwice();
    expect(meets(circle.watch(now + SKIP_MAX_MS - 1))).toEqual([]);
    expect(meets(circle.watch(now + SKIP_MAX_MS))).toHaveLength(1);
  });

  test("an incoming call ends it", () => {
    const { circle, now } = missedTwice();
    const activeUntil = now + INACTIVE_AFTER_MS;
    circle.meet(
      { no: 1, muted: false, sighting: { rev: now, ...east(50), ts: now, activeUntil, errorM: 0 }, heard: 0 },
      now,
    );
    expect(circle.contacts.get(1)).toMatchObject({ missed: 0, skip: 0, pact: { kind: "near" } });
    expect(meets(step(circle, 51, now + 1_000))).toHaveLength(1);
  });

  test.each(["active", "away", "unsure", "stale"] as const)("an answer `%s` starts the count again", (kind) => {
    const circle = withFriends(1);
    const [first] = meets(step(circle, 1));
    if (!first) throw new Error("no call");
    circle.failed(1, first.callId, START_MS);
    const [second] = meets(step(circle, 2, START_MS + 1));
    if (!second) throw new Error("no call");
    const rev = START_MS + 5;
    const sighting = { rev, ...east(0), ts: START_MS, activeUntil: START_MS + INACTIVE_AFTER_MS, errorM: 0 };
    const answers = {
      active: { kind, sighting },
      away: { kind, rev, reason: "paused" },
      unsure: { kind, rev },
      stale: { kind, rev },
    };
    circle.answered(1, second.callId, answers[kind] as Parameters<Circle["answered"]>[2], START_MS + 1);
    expect(circle.contacts.get(1)).toMatchObject({ missed: 0, skip: 0 });
  });

  test("a first failure is made good at once when the user has moved since", () => {
    const circle = withFriends(1);
    const [first] = meets(step(circle, 1));
    if (!first) throw new Error("no call");
    step(circle, 2, START_MS + 1_000);
    expect(meets(circle.failed(1, first.callId, START_MS + 2_000))).toMatchObject([{ no: 1 }]);
  });

  test("[FAIL1] a friend who never answers delays nobody else", () => {
    const w = new World("a", "dead", "b");
    w.move("b", 100);
    w.settle();
    w.move("a", 0);
    w.deliver(w.call("a", "b"));
    expect(w.screen("a")).toEqual({ b: 100 });
    expect(w.screen("b")).toEqual({ a: 0 });
    w.wait(30_000);
    w.move("a", 10);
    w.deliver(w.call("a", "b"));
    expect(w.screen("b")).toEqual({ a: 10 });
  });
});

describe("waking and watching", () => {
  test("the first position meets everybody, later ones only whom they concern", () => {
    const w = new World("a", "near", "far", "asleep");
    w.move("near", 100);
    w.move("far", RADIUS_M + 10_000);
    w.settle();
    w.move("a", 0);
    expect(w.settle()).toBe(3);
    w.wait(30_000);
    w.move("a", 10);
    expect(w.meetings.filter(({ over }) => !over).map(({ to }) => to)).toEqual(["near"]);
  });

  test("nobody is called by somebody who is inactive, unsure or paused", () => {
    for (const prepare of [
      () => {},
      (w: World) => w.restartEmpty("a"),
      (w: World) => w.pause("a"),
      (w: World) => {
        w.pause("a");
        w.move("a", 0);
      },
    ]) {
      const w = new World("a", "b");
      prepare(w);
      w.watch("a");
      expect(w.meetings).toEqual([]);
    }
  });

  test("[SNAP2] a client that connects has only unknown friends met", () => {
    const w = new World("a", "b", "c");
    w.move("b", 0);
    w.move("c", RADIUS_M + 5_000);
    w.settle();
    w.move("a", 0);
    w.settle();
    w.watch("a");
    expect(w.settle()).toBe(0);
    w.restart("a");
    w.watch("a");
    expect(w.meetings.filter(({ over }) => !over).map(({ to }) => to)).toEqual(["b"]);
  });

  test("[SNAP4] it is settled when no unknown friend owes an answer, whether or not others do", () => {
    const w = new World("a", "b", "c");
    w.move("b", 0);
    w.settle();
    const { circle } = w.person("a");
    expect(circle.settled).toBe(true);
    w.move("a", 0);
    expect(circle.settled).toBe(false);
    w.deliver(w.call("a", "b"));
    expect(circle.settled).toBe(false);
    w.fail(w.call("a", "c"));
    expect(circle.settled).toBe(true);
    w.wait(30_000);
    w.move("a", 10);
    w.deliver(w.call("a", "c"));
    expect(w.call("a", "b").over).toBe(false);
    expect(circle.settled).toBe(true);
  });

  test("the friend list is read once per wake", () => {
    let reads = 0;
    const roster = () => {
      reads += 1;
      return [{ no: 1, muted: true }];
    };
    const state = { rev: 0, sharing: true, self: { kind: "inactive" }, complete: false, contacts: [] } as const;
    const circle = new Circle({ radiusM: RADIUS_M, roster }, state);
    step(circle, 0);
    step(circle, 1, START_MS + 1);
    circle.watch(START_MS + 2);
    expect(reads).toBe(1);
    expect(circle.contacts.get(1)?.muted).toBe(true);
    circle.sweep(START_MS + 1 + INACTIVE_AFTER_MS);
    expect(circle.self.kind).toBe("inactive");
    step(circle, 2, START_MS + 2 * INACTIVE_AFTER_MS);
    expect(reads).toBe(2);
  });
});
