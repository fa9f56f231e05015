/** The four rules of `meet` (rev, pair, look again, forget), each on its own, and every transition of a contact. */
import { describe, expect, test } from "vitest";

import { distanceM } from "../../src/geo/distance.ts";
import { type Contact, mustMeet, newContact, type Pact, settle, UNKNOWN } from "../../src/nearby/contact.ts";
import type { Answer, Sighting } from "../../src/nearby/sighting.ts";
import { Circle } from "../../src/nearby/circle.ts";
import { east, INACTIVE_AFTER_MS, RADIUS_M, START_MS, World } from "./nearby-world.ts";

function sighting(rev: number, metres: number, extra: Partial<Sighting> = {}): Sighting {
  const activeUntil = START_MS + INACTIVE_AFTER_MS;
  return { rev, ...east(metres), ts: START_MS, activeUntil, errorM: 0, ...extra };
}

describe("settle: the pact that follows from an exchange", () => {
  const nearPact: Pact = { kind: "near", mine: 10, theirs: 20, anchor: east(0), toldUntil: 0 };
  const farPact: Pact = { kind: "far", mine: 10, theirs: 20, anchor: east(0), slackM: 5 };

  test.each([
    [RADIUS_M - 1, "near"],
    [RADIUS_M + 1, "far"],
  ])("%d m apart is %s", (metres, kind) => {
    const pact = settle(UNKNOWN, sighting(1, 0), sighting(2, metres), RADIUS_M);
    expect(pact).toMatchObject({ kind, mine: 1, theirs: 2 });
  });

  test("exactly the radius is near", () => {
    const [mine, theirs] = [sighting(1, 0), sighting(2, 500)];
    const exactM = distanceM(mine, theirs);
    expect(settle(UNKNOWN, mine, theirs, exactM).kind).toBe("near");
    expect(settle(UNKNOWN, mine, theirs, exactM - 1e-9).kind).toBe("far");
  });

  test("far keeps the own told place as anchor, and half of the room as slack", () => {
    const mine = sighting(1, 0);
    expect(settle(UNKNOWN, mine, sighting(2, RADIUS_M + 100.5), RADIUS_M)).toEqual({
      kind: "far",
      mine: 1,
      theirs: 2,
      anchor: mine,
      slackM: 50.1,
    });
  });

  test.each([
    { from: "theirs", mine: {}, theirs: { errorM: 400 } },
    { from: "mine", mine: { errorM: 400 }, theirs: {} },
    { from: "both", mine: { errorM: 150 }, theirs: { errorM: 250 } },
  ])("an error of $from makes the pair that much closer", ({ mine, theirs }) => {
    const at = (metres: number) => settle(UNKNOWN, sighting(1, 0, mine), sighting(2, metres, theirs), RADIUS_M);
    expect(at(RADIUS_M + 399)).toMatchObject({ kind: "near" });
    expect(at(RADIUS_M + 500.5)).toMatchObject({ kind: "far", slackM: 50.1 });
  });

  const far = { mine: 0, theirs: RADIUS_M + 100.5 };
  test.each([
    { held: nearPact, mine: 10, theirs: 20, result: "new", why: "the same pair" },
    { held: nearPact, mine: 11, theirs: 20, result: "new", why: "newer in mine" },
    { held: nearPact, mine: 10, theirs: 21, result: "new", why: "newer in theirs" },
    { held: farPact, mine: 11, theirs: 21, result: "new", why: "newer in both" },
    { held: farPact, mine: 9, theirs: 20, result: "held", why: "older in mine" },
    { held: farPact, mine: 10, theirs: 19, result: "held", why: "older in theirs" },
    { held: nearPact, mine: 9, theirs: 19, result: "held", why: "older in both" },
    { held: farPact, mine: 11, theirs: 19, result: "unknown", why: "newer in mine, older in theirs" },
    { held: farPact, mine: 9, theirs: 21, result: "unknown", why: "older in mine, newer in theirs" },
    { held: nearPact, mine: 11, theirs: 19, result: "unknown", why: "newer in mine, older in theirs, near" },
    { held: nearPact, mine: 9, theirs: 21, result: "unknown", why: "older in mine, newer in theirs, near" },
  ])("$held.kind, then a pair that is $why: $result", ({ held, mine, theirs, result }) => {
    const pact = settle(held, sighting(mine, far.mine), sighting(theirs, far.theirs), RADIUS_M);
    if (result === "held") expect(pact).toBe(held);
    else if (result === "unknown") expect(pact).toBe(UNKNOWN);
    else expect(pact).toMatchObject({ kind: "far", mine, theirs, slackM: 50.1 });
  });

  test.each([UNKNOWN, { kind: "away", reason: "inactive" } as const])("$kind holds no pair: any is taken", (held) => {
    expect(settle(held, sighting(1, 0), sighting(1, 10), RADIUS_M)).toMatchObject({ kind: "near" });
  });
});

describe("mustMeet: whether a friend has to be told", () => {
  const farPact: Pact = { kind: "far", mine: 1, theirs: 1, anchor: east(0), slackM: 50 };
  test.each<[string, Pact, Sighting, boolean]>([
    ["unknown always", UNKNOWN, sighting(1, 0), true],
    ["near, a new position", { kind: "near", mine: 1, theirs: 1, anchor: east(0), toldUntil: 0 }, sighting(2, 0), true],
    [
      "near, the position that was told",
      { kind: "near", mine: 1, theirs: 1, anchor: east(0), toldUntil: 0 },
      sighting(1, 0),
      false,
    ],
    ["far, at the anchor", farPact, sighting(2, 0), false],
    ["far, within the slack", farPact, sighting(2, 49.9), false],
    ["far, beyond the slack", farPact, sighting(2, 50.1), true],
    ["far, beyond it on the other side", farPact, sighting(2, -50.1), true],
    ["far without room, not moved", { ...farPact, slackM: 0 }, sighting(2, 0), false],
    ["far without room, moved", { ...farPact, slackM: 0 }, sighting(2, 0.1), true],
    ["inactive", { kind: "away", reason: "inactive" }, sighting(2, 0), false],
    ["paused", { kind: "away", reason: "paused" }, sighting(2, 0), false],
    ["unfriended", { kind: "away", reason: "unfriended" }, sighting(2, 0), false],
  ])("%s", (_title, pact, mine, expected) => {
    expect(mustMeet(pact, mine)).toBe(expected);
  });
});

/** One person at 0 with one friend, number 2, held by a pact; positions are metres east. */
function holding(pact: Pact, extra: Partial<Contact> = {}): Circle {
  const contact = { ...newContact(2, false), pact, ...extra };
  const self = { kind: "active", sighting: sighting(START_MS, 0) } as const;
  const roster = () => [{ no: 2, muted: false }];
  const state = { rev: START_MS, sharing: true, self, complete: true, contacts: [contact] };
  return new Circle({ radiusM: RADIUS_M, roster }, state);
}

const THEIRS = START_MS + 5;
const PACTS: Record<string, [Pact, Partial<Contact>]> = {
  unknown: [UNKNOWN, { theirRev: THEIRS }],
  near: [
    { kind: "near", mine: START_MS, theirs: THEIRS, anchor: east(0), toldUntil: START_MS + INACTIVE_AFTER_MS },
    { theirRev: THEIRS, seen: sighting(THEIRS, 10), shown: true },
  ],
  far: [{ kind: "far", mine: START_MS, theirs: THEIRS, anchor: east(0), slackM: 50 }, { theirRev: THEIRS }],
  away: [{ kind: "away", reason: "inactive" }, { theirRev: THEIRS }],
};

function pactOf(kind: string): [Pact, Partial<Contact>] {
  return PACTS[kind] ?? [UNKNOWN, {}];
}

const EVENTS: Record<string, (circle: Circle) => void> = {
  "meets, near": (circle) =>
    void circle.meet({ no: 2, muted: false, sighting: sighting(THEIRS + 1, 10), heard: 0 }, START_MS),
  "meets, far": (circle) =>
    void circle.meet({ no: 2, muted: false, sighting: sighting(THEIRS + 1, 20_000), heard: 0 }, START_MS),
  "meets, older": (circle) =>
    void circle.meet({ no: 2, muted: false, sighting: sighting(THEIRS - 1, 20_000), heard: 0 }, START_MS),
  leaves: (circle) => void circle.left(2, THEIRS + 1, "inactive"),
  "leaves, older": (circle) => void circle.left(2, THEIRS - 1, "inactive"),
  "does not answer": (circle) => {
    const call = calling(circle);
    if (call !== null) circle.failed(2, call, START_MS + 1);
  },
};

/** Takes a step that any contact but `away` has to be told. @returns the id of the call */
function calling(circle: Circle): number | null {
  const activeUntil = START_MS + INACTIVE_AFTER_MS;
  const { effects } = circle.position({ ...east(100), ts: START_MS + 1, activeUntil }, START_MS + 1);
  const meet = effects.find((effect) => effect.kind === "meet");
  return meet?.kind === "meet" ? meet.callId : null;
}

const ANSWERS: Record<string, Answer> = {
  "answers, near": { kind: "active", sighting: sighting(THEIRS + 1, 10) },
  "answers, far": { kind: "active", sighting: sighting(THEIRS + 1, 20_000) },
  "answers inactive": { kind: "away", rev: THEIRS + 1, reason: "inactive" },
  "answers paused": { kind: "away", rev: THEIRS + 1, reason: "paused" },
  "answers unsure": { kind: "unsure", rev: THEIRS + 1 },
  "answers stale": { kind: "stale", rev: START_MS + 50 },
  "answers stranger": { kind: "stranger" },
};
for (const [title, answer] of Object.entries(ANSWERS)) {
  EVENTS[title] = (circle) => {
    const call = calling(circle);
    if (call !== null) circle.answered(2, call, answer, START_MS + 2);
  };
}

describe("every transition of a contact", () => {
  test.each([
    //                     unknown    near       far        away
    ["meets, near", "near", "near", "near", "near"],
    ["meets, far", "far", "far", "far", "far"],
    ["meets, older", "unknown", "near", "far", "away"],
    ["leaves", "away", "away", "away", "away"],
    ["leaves, older", "unknown", "near", "far", "away"],
    ["does not answer", "unknown", "unknown", "unknown", "away"],
    ["answers, near", "near", "near", "near", "away"],
    ["answers, far", "far", "far", "far", "away"],
    ["answers inactive", "away", "away", "away", "away"],
    ["answers paused", "away", "away", "away", "away"],
    ["answers unsure", "unknown", "unknown", "unknown", "away"],
    ["answers stale", "unknown", "unknown", "unknown", "away"],
    ["answers stranger", "away", "away", "away", "away"],
  ])("a friend who %s", (event, ...expected) => {
    const reached = Object.values(PACTS).map(([pact, extra]) => {
      const circle = holding(pact, extra);
      EVENTS[event]?.(circle);
      return circle.contacts.get(2)?.pact.kind;
    });
    expect(reached).toEqual(expected);
  });

  test.each([
    ["unknown", 1],
    ["near", 1],
    ["far", 1],
    ["away", 0],
  ])("%s: calls after a step beyond the slack: %d", (kind, calls) => {
    const circle = holding(...pactOf(kind));
    expect(calling(circle) === null ? 0 : 1).toBe(calls);
  });
});

describe("rule 1, rev", () => {
  test("the own rev follows the clock, and goes up by one when the clock stands or goes back", () => {
    const circle = holding(UNKNOWN);
    const step = (now: number): number => {
      circle.position({ ...east(0), ts: now, activeUntil: now + INACTIVE_AFTER_MS }, now);
      return circle.rev;
    };
    expect(step(START_MS + 1_000)).toBe(START_MS + 1_000);
    expect(step(START_MS + 1_000)).toBe(START_MS + 1_001);
    circle.pause(START_MS - 5_000);
    expect(circle.rev).toBe(START_MS + 1_002);
    circle.resume(START_MS - 5_000);
    expect(circle.rev).toBe(START_MS + 1_003);
  });

  test("resuming gives the same place a new rev, so that friends who heard of the pause take it", () => {
    const circle = holding(UNKNOWN);
    circle.pause(START_MS);
    const paused = circle.rev;
    circle.resume(START_MS);
    const { self } = circle;
    expect(self).toMatchObject({ kind: "active", sighting: { ...east(0), ts: START_MS } });
    expect(self.kind === "active" && self.sighting.rev).toBe(paused + 1);
  });

  test("a call that is older than what was heard is answered `stale` with the newest rev, and changes nothing", () => {
    const circle = holding(...pactOf("near"));
    const before = structuredClone(circle.contacts.get(2));
    const { answer, effects } = circle.meet(
      { no: 2, muted: false, sighting: sighting(THEIRS - 1, 5_000), heard: 0 },
      START_MS,
    );
    expect(answer).toEqual({ kind: "stale", rev: THEIRS });
    expect(effects).toEqual([]);
    expect(circle.contacts.get(2)).toEqual(before);
  });

  test("the same call twice changes nothing and shows nothing again", () => {
    const circle = holding(UNKNOWN);
    const theirs = sighting(THEIRS, 10);
    const first = circle.meet({ no: 2, muted: false, sighting: theirs, heard: 0 }, START_MS);
    const second = circle.meet({ no: 2, muted: false, sighting: theirs, heard: 0 }, START_MS);
    expect(first.effects).toMatchObject([{ kind: "show", isNew: true }]);
    expect(second).toEqual({ answer: first.answer, effects: [] });
  });

  test("an answer that a `gone` overtook does not bring the friend back", () => {
    const w = new World("b", "a");
    w.move("b", 0, { activeForMs: 1_000 });
    w.settle();
    w.move("a", 10);
    const call = w.call("a", "b");
    w.reach(call);
    w.wait(1_000);
    w.sweep("b");
    w.post(w.letter("b", "a"));
    w.reply(call);
    expect(w.screen("a")).toEqual({});
    w.settle();
    expect(w.screen("a")).toEqual({});
    expect(w.pact("a", "b")).toBe("away");
  });

  test("an answer `stale` to a call that was merely overtaken costs one more call, and no rev goes back", () => {
    const w = new World("b", "a");
    w.move("b", 0);
    w.move("a", 0);
    w.settle();
    w.wait(30_000);
    w.move("a", 10);
    const late = w.call("a", "b");
    w.wait(500);
    w.move("a", 20);
    w.wait(500);
    w.move("b", 5);
    w.deliver(w.call("b", "a"));
    w.reach(late);
    expect(late.answer?.kind).toBe("stale");
    w.reply(late);
    expect(w.settle()).toBeLessThan(4);
    expect(w.screen("a")).toEqual({ b: 5 });
    expect(w.screen("b")).toEqual({ a: 20 });
    expect(w.person("a").circle.rev).toBeGreaterThanOrEqual(w.now - 500);
  });
});

describe("rule 2, pair", () => {
  test("at most one call per friend is in flight, and the one after it tells the newest place", () => {
    const w = new World("a", "b");
    w.move("b", 0);
    w.settle();
    for (let step = 1; step <= 5; step++) {
      w.wait(100);
      w.move("a", step * 10);
    }
    expect(w.calls("a", "b")).toBe(1);
    w.deliver(w.call("a", "b"));
    expect(w.call("a", "b").sighting.rev).toBe(w.person("a").circle.rev);
    expect(w.settle()).toBe(1);
    expect(w.screen("b")).toEqual({ a: 50 });
  });

  test("an answer after the timeout is ignored, also when a newer call is in flight", () => {
    const w = new World("b", "a");
    w.move("b", 0);
    w.settle();
    w.move("a", 10);
    const late = w.call("a", "b");
    w.reach(late);
    w.fail(late);
    w.wait(30_000);
    w.move("a", 20);
    const second = w.call("a", "b");
    w.reply(late);
    expect(w.contact("a", "b")).toMatchObject({ pact: { kind: "unknown" }, call: { id: second.callId } });
    expect(w.screen("a")).toEqual({});
  });

  test("an answer for a call of before the unfriending is ignored by the friendship that came after it", () => {
    const w = new World("b", "a");
    w.move("b", 0);
    w.settle();
    w.move("a", 10);
    const old = w.call("a", "b");
    w.reach(old);
    w.unfriend("a", "b");
    w.befriend("a", "b");
    const young = w.call("a", "b");
    w.reply(old);
    expect(w.contact("a", "b")?.call?.id).toBe(young.callId);
    expect(w.pact("a", "b")).toBe("unknown");
  });

  test("a repeated answer counts once", () => {
    const w = new World("b", "a");
    w.move("b", 0);
    w.settle();
    w.move("a", 10);
    const call = w.call("a", "b");
    w.deliver(call);
    w.wait(30_000);
    w.move("a", 9_000);
    const log = w.log.length;
    w.reply(call);
    expect(w.log).toHaveLength(log);
  });

  test("a mixed pair is unknown, and unknown meets at once", () => {
    const circle = holding({ kind: "far", mine: START_MS, theirs: THEIRS, anchor: east(0), slackM: 50 });
    const call = calling(circle);
    circle.meet({ no: 2, muted: false, sighting: sighting(THEIRS + 2, 20_000), heard: 0 }, START_MS + 1);
    if (call === null) throw new Error("no call");
    const activeUntil = START_MS + INACTIVE_AFTER_MS;
    circle.position({ ...east(120), ts: START_MS + 2, activeUntil }, START_MS + 2);
    circle.meet({ no: 2, muted: false, sighting: sighting(THEIRS + 3, 20_000), heard: 0 }, START_MS + 2);
    const effects = circle.answered(2, call, { kind: "active", sighting: sighting(THEIRS + 4, 20_000) }, START_MS + 2);
    expect(circle.contacts.get(2)?.pact).toEqual(UNKNOWN);
    expect(effects).toMatchObject([{ kind: "meet", sighting: { rev: START_MS + 2 } }]);
  });
});

describe("rule 4, forget", () => {
  test("a timeout ends in unknown, which meets at the next position wherever it is", () => {
    const w = new World("b", "a");
    w.move("b", RADIUS_M + 10_000);
    w.settle();
    w.move("a", 0);
    w.settle();
    w.wait(30_000);
    w.move("a", 5_100);
    w.fail(w.call("a", "b"));
    expect(w.pact("a", "b")).toBe("unknown");
    w.wait(30_000);
    w.move("a", 0);
    expect(w.call("a", "b").sighting.lng).toBe(0);
  });

  test("`unsure` keeps what is shown until it is too old", () => {
    const w = new World("b", "a");
    w.move("b", 0);
    w.settle();
    w.move("a", 10);
    w.settle();
    w.wait(30_000);
    w.restartEmpty("b");
    w.move("a", 20);
    w.settle();
    expect(w.screen("a")).toEqual({ b: 0 });
    expect(w.pact("a", "b")).toBe("unknown");
    w.wait(INACTIVE_AFTER_MS - 30_001);
    w.move("a", 30);
    expect(w.screen("a")).toEqual({ b: 0 });
    w.wait(1);
    w.sweep("a");
    expect(w.screen("a")).toEqual({});
    expect(w.log.at(-1)).toBe("a: hide b inactive");
  });

  test("an unsure object whose deadline has passed is inactive, and says so", () => {
    const w = new World("b", "a");
    w.restartEmpty("b");
    w.move("a", 0);
    const first = w.call("a", "b");
    w.deliver(first);
    expect(first.answer?.kind).toBe("unsure");
    w.wait(30_000);
    const { rev } = w.person("b").circle;
    w.person("b").circle.giveUpUnsure(w.now);
    expect(w.person("b").circle.rev).toBeGreaterThan(rev);
    w.move("a", 10);
    const second = w.call("a", "b");
    w.deliver(second);
    expect(second.answer).toMatchObject({ kind: "away", reason: "inactive" });
    expect(w.pact("a", "b")).toBe("away");
  });

  test("giving up changes nothing for who is active", () => {
    const circle = holding(UNKNOWN);
    const { rev, version } = circle;
    circle.giveUpUnsure(START_MS + 1);
    expect([circle.self.kind, circle.rev, circle.version]).toEqual(["active", rev, version]);
  });

  test("restored as shown, and the friend cannot be reached: its age cannot be told, so it goes", () => {
    const w = new World("b", "a");
    w.move("b", 0);
    w.settle();
    w.move("a", 10);
    w.settle();
    w.restart("a");
    w.wait(30_000);
    w.move("a", 20);
    expect(w.screen("a")).toEqual({ b: 0 });
    w.fail(w.call("a", "b"));
    expect(w.screen("a")).toEqual({});
  });

  test.each([
    ["far", (w: World) => w.move("b", RADIUS_M + 1_000)],
    ["paused", (w: World) => w.person("b").circle.pause(w.now)],
    ["unfriended", (w: World) => w.person("b").friends.clear()],
  ])("restored as shown, and the friend is %s by now: it goes", (reason, happens) => {
    const w = new World("b", "a");
    w.move("b", 0);
    w.settle();
    w.move("a", 10);
    w.settle();
    w.restart("a");
    w.wait(30_000);
    happens(w);
    w.meetings.length = 0;
    w.move("a", 20);
    w.deliver(w.call("a", "b"));
    expect(w.screen("a")).toEqual({});
    expect(w.log.at(-1)).toBe(`a: hide b ${reason}`);
  });

  test("[FAIL2] of a friend who was forgotten a call may be an old one: beyond the radius it is no ground for silence", () => {
    for (const [isForgotten, kind] of [
      [true, "unknown"],
      [false, "far"],
    ] as const) {
      const circle = holding(UNKNOWN, { forgotten: isForgotten });
      circle.meet({ no: 2, muted: false, sighting: sighting(THEIRS, 20_000), heard: 0 }, START_MS);
      expect(circle.contacts.get(2)?.pact.kind).toBe(kind);
      expect(calling(circle) !== null).toBe(isForgotten);
    }
  });

  test("[ACT5] a late `gone` of a spell that both have ended does not silence both", () => {
    const w = new World("a", "b");
    for (const name of ["a", "b"]) w.move(name, 0, { activeForMs: 6_000 });
    w.settle();
    w.wait(6_000);
    w.sweep("b");
    const late = w.letter("b", "a");
    w.wait(1);
    w.move("b", 0);
    w.deliver(w.call("b", "a"));
    expect(w.pact("b", "a")).toBe("away");
    // A wakes and meets B, and that call is lost; only then does B's word of before arrive.
    w.wait(1);
    w.letters.length = 0;
    w.move("a", 0);
    w.wait(2_000);
    w.fail(w.call("a", "b"));
    w.post(late);
    for (const name of ["a", "b"]) {
      w.wait(30_000);
      w.move(name, 10);
      w.settle();
    }
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 10 }, { a: 10 }]);
  });

  test("[VIS3] a `gone` that comes after a restart, from before the last meeting, does not silence a far friend", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", RADIUS_M - 100);
    w.settle();
    // B pauses, its word is slow; B resumes far away and meets A, whose answer it gets.
    w.wait(30_000);
    w.pause("b");
    const { rev } = w.person("b").circle;
    w.letters.length = 0;
    w.wait(1_000);
    w.move("b", RADIUS_M + 4_000);
    w.resume("b");
    // A has a call to B under way when its object is evicted, so B comes back as unknown.
    w.wait(1);
    w.move("a", 1);
    w.deliver(w.call("b", "a"));
    expect(w.pact("b", "a")).toBe("far");
    w.restart("a");
    expect(w.pact("a", "b")).toBe("unknown");
    w.person("a").circle.left(w.person("b").no, rev, "paused");

    w.wait(30_000);
    w.move("a", 3_000);
    w.settle();
    w.wait(30_000);
    w.move("b", RADIUS_M + 4_000 - 1_900);
    w.settle();
    expect(Object.keys(w.screen("a"))).toEqual(["b"]);
  });
});
