/**
 * Random sequences of everything that can happen between a few people, with calls that are lost, late, repeated and
 * reordered, and objects that lose their memory. The copy of the state must be current after every step; once calls
 * arrive again and everybody has moved, every client must show what a plain computation says.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { decodeAttachment, encodeAttachment } from "../../durable-objects/user/attachment.ts";
import { distanceM } from "../../src/geo/distance.ts";
import { attachmentOf, type Meeting, RADIUS_M, World } from "./nearby-world.ts";

const NAMES = ["a", "b", "c"] as const;
type Name = (typeof NAMES)[number];

/** A call that was given up may still arrive, but not any more when an object has been idle for so long that it sleeps. */
const LATE_MS = 5_000;
const SLEEPS_AFTER_MS = 10_000;

/** Short, so that many become inactive on the way. */
const ACTIVE_FOR_MS = 20_000;

interface Storm {
  readonly w: World;
  readonly madeAt: Map<Meeting, number>;
  readonly happened: Map<string, number>;
}

interface Step {
  readonly kind: keyof typeof STEPS;
  readonly who: Name;
  readonly other: Name;
  /** Anything a step has to choose: a place, a call, a time. */
  readonly choice: number;
}

const pick = <T>(list: readonly T[], choice: number): T | undefined => list[choice % Math.max(1, list.length)];

/** Where people go: most steps are short, around the edge of the circle of somebody at 0. */
const PLACES_M = [0, 150, 300, 900, 2_500, RADIUS_M - 200, RADIUS_M, RADIUS_M + 150, RADIUS_M + 600, RADIUS_M + 3_000];

function isOnTheWay({ w, madeAt }: Storm, call: Meeting): boolean {
  return w.now - (madeAt.get(call) ?? w.now) <= LATE_MS;
}

function openCalls(storm: Storm): Meeting[] {
  return storm.w.meetings.filter((call) => !call.over && isOnTheWay(storm, call));
}

/** Calls that the caller has given up and that are still somewhere on the way. */
function lateCalls(storm: Storm): Meeting[] {
  return storm.w.meetings.filter((call) => call.over && isOnTheWay(storm, call));
}

/** The word about a friendship says, too, whether its sender is paused. */
function befriend(w: World, name: Name, friend: Name): void {
  w.befriend(name, friend);
  w.letters.push({ kind: "withdraw", from: name, to: friend, rev: 0 });
}

/** The timeouts of calls that will not come back. */
function timeOut(storm: Storm): void {
  for (const call of storm.w.meetings.slice()) if (!call.over && !isOnTheWay(storm, call)) storm.w.fail(call);
}

function loseCallsOf(storm: Storm, name: Name): void {
  for (const call of storm.w.meetings) {
    if (call.from === name && call.answer === null) storm.madeAt.set(call, Number.NEGATIVE_INFINITY);
  }
  timeOut(storm);
}

/** Each returns whether it could happen. */
const STEPS = {
  move: ({ w }: Storm, { who, choice }: Step) => {
    w.move(who, pick(PLACES_M, choice) ?? 0, { activeForMs: ACTIVE_FOR_MS });
    return true;
  },
  deliver: (storm: Storm, { choice }: Step) => onCall(openCalls(storm), choice, (call) => storm.w.deliver(call)),
  reach: (storm: Storm, { choice }: Step) =>
    onCall(
      openCalls(storm).filter(({ answer }) => answer === null),
      choice,
      (call) => storm.w.reach(call),
    ),
  lose: (storm: Storm, { choice }: Step) => onCall(openCalls(storm), choice, (call) => storm.w.fail(call)),
  lateCall: (storm: Storm, { choice }: Step) =>
    onCall(
      lateCalls(storm).filter(({ answer }) => answer === null),
      choice,
      (call) => storm.w.reach(call),
    ),
  repeat: (storm: Storm, { choice }: Step) => onCall(lateCalls(storm), choice, (call) => storm.w.reach({ ...call })),
  lateAnswer: (storm: Storm, { choice }: Step) =>
    onCall(
      lateCalls(storm).filter(({ answer }) => answer !== null),
      choice,
      (call) => storm.w.reply(call),
    ),
  post: ({ w }: Storm, { choice }: Step) => {
    const [letter] = w.letters.splice(choice % Math.max(1, w.letters.length), 1);
    if (letter !== undefined) w.post(letter);
    return letter !== undefined;
  },
  loseLeave: ({ w }: Storm, { who }: Step) => {
    const index = w.letters.findIndex(({ kind, from }) => kind === "leave" && from === who);
    if (index >= 0) w.letters.splice(index, 1);
    return index >= 0;
  },
  wait: (storm: Storm, { choice }: Step) => {
    storm.w.wait((choice % 5) ** 2 * 1_500);
    timeOut(storm);
    return true;
  },
  sweep: ({ w }: Storm, { who }: Step) => {
    w.sweep(who);
    return true;
  },
  watch: ({ w }: Storm, { who }: Step) => {
    w.watch(who);
    return true;
  },
  share: ({ w }: Storm, { who }: Step) => {
    if (w.person(who).circle.sharing) w.pause(who);
    else w.resume(who);
    return true;
  },
  mute: ({ w }: Storm, { who, other, choice }: Step) => {
    if (!w.person(who).friends.has(w.person(other).no)) return false;
    w.mute(who, other, choice % 2 === 0);
    return true;
  },
  half: ({ w }: Storm, { who, other }: Step) => {
    if (who === other) return false;
    if (w.person(who).friends.has(w.person(other).no)) w.unfriend(who, other);
    else befriend(w, who, other);
    return true;
  },
  restart: (storm: Storm, { who }: Step) => {
    storm.w.wait(SLEEPS_AFTER_MS);
    timeOut(storm);
    storm.w.restart(who);
    return true;
  },
  restartEmpty: ({ w }: Storm, { who }: Step) => {
    if (w.person(who).circle.self.kind === "inactive") return false;
    // Longer than revs run ahead of the clock.
    w.wait(1_000);
    w.restartEmpty(who);
    return true;
  },
} as const satisfies Record<string, (storm: Storm, step: Step) => boolean>;

function onCall(calls: readonly Meeting[], choice: number, event: (call: Meeting) => void): boolean {
  const call = pick(calls, choice);
  if (call !== undefined) event(call);
  return call !== undefined;
}

/** Restarts and ends of friendships are rare beside moves and calls; a storm of failures only would settle nothing. */
const WEIGHTS: Record<keyof typeof STEPS, number> = {
  move: 10,
  deliver: 10,
  reach: 6,
  lose: 2,
  lateCall: 2,
  repeat: 1,
  lateAnswer: 1,
  post: 3,
  loseLeave: 2,
  wait: 4,
  sweep: 2,
  watch: 1,
  share: 1,
  mute: 1,
  half: 1,
  restart: 1,
  restartEmpty: 1,
};

const KINDS = Object.keys(STEPS) as (keyof typeof STEPS)[];
const steps = fc.array(
  fc.record({
    kind: fc.oneof(...KINDS.map((kind) => ({ weight: WEIGHTS[kind], arbitrary: fc.constant(kind) }))),
    who: fc.constantFrom(...NAMES),
    other: fc.constantFrom(...NAMES),
    choice: fc.nat(10_000),
  }),
  { minLength: 5, maxLength: 80, size: "max" },
);

function play(list: readonly Step[], afterEach: (storm: Storm, step: Step) => void): Storm {
  const storm: Storm = { w: new World(...NAMES), madeAt: new Map(), happened: new Map() };
  for (const step of list) {
    if (STEPS[step.kind](storm, step)) storm.happened.set(step.kind, (storm.happened.get(step.kind) ?? 0) + 1);
    for (const call of storm.w.meetings) if (!storm.madeAt.has(call)) storm.madeAt.set(call, storm.w.now);
    afterEach(storm, step);
  }
  return storm;
}

/** What the client of `viewer` has to show: place of each friend who is active, sharing, not muted and near. */
function expectedScreen(w: World, viewer: Name): Record<string, string> {
  const screen: Record<string, string> = {};
  const me = w.person(viewer);
  if (me.circle.self.kind !== "active" || !me.circle.sharing) return screen;
  for (const friend of w.people) {
    const { self, sharing } = friend.circle;
    if (friend === me || self.kind !== "active" || !sharing) continue;
    if (me.friends.get(friend.no)?.muted !== false || !friend.friends.has(me.no)) continue;
    const { lat, lng, ts } = self.sighting;
    if (distanceM(me.circle.self.sighting, self.sighting) <= RADIUS_M) screen[friend.name] = `${lat},${lng} at ${ts}`;
  }
  return screen;
}

function actualScreen(w: World, viewer: Name): Record<string, string> {
  const shown = w.people.flatMap(({ no, name }) => {
    const sighting = w.person(viewer).screen.get(no);
    return sighting === undefined ? [] : [[name, `${sighting.lat},${sighting.lng} at ${sighting.ts}`] as const];
  });
  return Object.fromEntries(shown);
}

/** Everything on the way arrives; halves of friendships become whole. */
function calm(storm: Storm): void {
  const { w } = storm;
  timeOut(storm);
  w.settle();
  for (const one of NAMES) {
    for (const other of NAMES) {
      const [mine, theirs] = [w.person(one), w.person(other)];
      if (mine.friends.has(theirs.no) && !theirs.friends.has(mine.no)) befriend(w, other, one);
    }
  }
  w.settle();
}

describe("storms", () => {
  test("[FAIL2] the copy of the state is current whenever `version` did not ask for a new one", () => {
    fc.assert(
      fc.property(steps, (list) => {
        play(list, ({ w }, { kind }) => {
          expect(w.unmirrored, kind).toEqual([]);
        });
      }),
      { seed: 7, numRuns: 1_000 },
    );
  });

  test("[FAIL2] the copy never keeps a far contact that the memory does not hold", () => {
    fc.assert(
      fc.property(steps, (list) => {
        play(list, ({ w }) => {
          for (const { attachment, circle } of w.people) {
            for (const { no, pact } of decodeAttachment(attachment)?.object?.circle.contacts ?? []) {
              const held = circle.contacts.get(no);
              if (pact.kind === "far") expect(held).toMatchObject({ call: null, pact: { ...pact, anchor: {} } });
            }
          }
        });
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  test("[VIS4][VIS7] when all has arrived, nobody shows who is paused or no friend", () => {
    fc.assert(
      fc.property(steps, (list) => {
        // Without the viewer's next position, which tells in any case, two things are too much: a call that comes twice,
        // and one of before a pause that overtakes its word while the viewer wakes and cannot reach the friend.
        const storm = play(
          list.filter(({ kind }) => kind !== "repeat"),
          (so, { kind, who }) => {
            if (kind === "share" || kind === "half") loseCallsOf(so, who);
          },
        );
        calm(storm);
        const { w } = storm;
        // Whose time is over may be shown until the viewer's next event.
        for (const name of NAMES) w.sweep(name);
        // After a sleep the age of what is shown is not known: the viewer's next call tells.
        for (const { name, circle } of w.people) {
          if ([...circle.contacts.values()].some(({ shown, seen }) => shown && seen === null)) w.watch(name);
        }
        w.settle();
        for (const viewer of w.people) {
          for (const no of viewer.screen.keys()) {
            const shown = w.people.find((one) => one.no === no);
            expect(shown?.circle.sharing, `${viewer.name} shows ${shown?.name}, who is paused`).toBe(true);
            expect(viewer.friends.has(no), `${viewer.name} shows ${shown?.name}, who is no friend`).toBe(true);
          }
        }
      }),
      { seed: 13, numRuns: 1_000 },
    );
  });

  test("[FAIL2][VIS3] when calls arrive again and each side has moved, every screen is right, and stays so", () => {
    const happened = new Map<string, number>();
    let silent = 0;
    fc.assert(
      fc.property(steps, fc.array(fc.nat(10_000), { minLength: 12, maxLength: 12 }), (list, places) => {
        const storm = play(list, () => {});
        for (const [kind, count] of storm.happened) happened.set(kind, (happened.get(kind) ?? 0) + count);
        calm(storm);
        const { w } = storm;
        // As many positions as the longest time that an unreachable friend is left out.
        for (let round = 0; round < 11; round++) {
          w.wait(30_000);
          for (const name of NAMES) {
            const { self } = w.person(name).circle;
            const metres = pick(PLACES_M, (places[name.charCodeAt(0) - 97] ?? 0) + round) ?? 0;
            if (round === 0 || self.kind === "active") w.move(name, metres);
          }
          w.settle();
        }
        for (const choice of places) {
          w.wait(10_000);
          w.move(pick(NAMES, choice) ?? "a", pick(PLACES_M, Math.floor(choice / 3)) ?? 0);
          w.settle();
          for (const name of NAMES) expect(actualScreen(w, name), `screen of ${name}`).toEqual(expectedScreen(w, name));
          for (const { circle } of w.people)
            for (const { pact } of circle.contacts.values()) silent += +(pact.kind === "far");
        }
      }),
      { seed: 17, numRuns: 500 },
    );
    // A storm in which one of the faults never happened, or in which nobody was ever silent, proves nothing.
    for (const kind of KINDS) expect(happened.get(kind) ?? 0, kind).toBeGreaterThan(10);
    expect(silent).toBeGreaterThan(1_000);
  });

  test("a near friend who moves asks for no new copy on the other side", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", 100);
    w.settle();
    const { circle } = w.person("a");
    const before = { version: circle.version, bytes: encodeAttachment(attachmentOf(circle)) };
    for (let metres = 200; metres <= 2_000; metres += 200) {
      w.wait(30_000);
      w.move("b", metres);
      w.settle();
    }
    expect(w.screen("a")).toEqual({ b: 2_000 });
    expect(circle.version).toBe(before.version);
    expect(encodeAttachment(attachmentOf(circle))).toEqual(before.bytes);
  });

  test("an own position in steady state asks for exactly one new copy, answers included", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", 100);
    w.settle();
    const { circle } = w.person("a");
    w.wait(30_000);
    const before = circle.version;
    w.move("a", 10);
    expect(circle.version).toBe(before + 1);
    w.settle();
    expect(circle.version).toBe(before + 1);
  });
});
