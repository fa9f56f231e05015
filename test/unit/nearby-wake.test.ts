/** With an index of active friends: whom a wake calls, whom it presumes inactive, and how a renewal finds who was missed. */
import { describe, expect, test } from "vitest";

import { decodeAttachment, encodeAttachment, encodeKept, decodeKept } from "../../durable-objects/user/attachment.ts";
import { attachmentOf, INACTIVE_AFTER_MS, START_MS, World } from "./nearby-world.ts";

const UPDATE_MS = 30_000;
/** Far beyond the radius of 8 km. */
const FAR_M = 50_000;

const settled = (w: World, name: string): boolean => w.person(name).circle.settled;
const renew = (w: World, name: string): void => w.do(name, (circle, now) => circle.renew(now));

/** Everybody of `names` is active and listed; the first one has just woken and not heard of the index yet. */
function awake(...names: string[]): { w: World; revs: Record<string, number> } {
  const w = new World("a", ...names).indexed();
  for (const name of names) {
    w.move(name, 100);
    w.list(name, {});
  }
  w.wait(1);
  w.move("a", 0);
  return { w, revs: Object.fromEntries(names.map((name) => [name, w.person(name).circle.rev])) };
}

describe("a wake", () => {
  test("nobody is called before the index has answered; then the listed are, and the others count as inactive", () => {
    const { w, revs } = awake("b", "c");
    expect([w.lookUps.length, w.meetings.length, settled(w, "a")]).toEqual([1, 0, false]);
    w.list("a", { b: revs["b"] ?? 0 }, false);
    expect([w.calls("a", "b"), w.calls("a", "c")]).toEqual([1, 0]);
    expect([w.pact("a", "c"), settled(w, "a")]).toEqual(["away", false]);
    w.deliver(w.call("a", "b"));
    expect([w.screen("a"), w.screen("b"), settled(w, "a")]).toEqual([{ b: 100 }, { a: 0 }, true]);
    expect(w.person("a").circle.absence(w.person("c").no)).toBe("inactive");
  });

  test("a second position asks neither the index nor a friend; what is told is the newest", () => {
    const { w, revs } = awake("b");
    w.wait(500);
    w.move("a", 20);
    w.watch("a");
    expect([w.lookUps.length, w.meetings.length]).toEqual([1, 0]);
    w.list("a", revs);
    expect(w.call("a", "b").sighting).toMatchObject({ rev: w.person("a").circle.rev });
  });

  test("an index that cannot tell: everybody is called", () => {
    const { w } = awake("b", "c");
    w.list("a", null);
    expect([w.calls("a", "b"), w.calls("a", "c")]).toEqual([1, 1]);
  });

  test("who calls meanwhile is met, listed or not", () => {
    const { w } = awake("b", "c");
    w.wait(UPDATE_MS);
    renew(w, "b");
    w.list("b", { a: w.person("a").circle.rev });
    w.deliver(w.call("b", "a"));
    expect(w.screen("a")).toEqual({ b: 100 });
    w.list("a", {});
    expect([w.screen("a"), w.pact("a", "b"), w.pact("a", "c")]).toEqual([{ b: 100 }, "near", "away"]);
  });

  test("without an index nothing is asked", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    renew(w, "a");
    expect([w.lookUps.length, w.calls("a", "b")]).toEqual([0, 1]);
  });

  test("nobody to ask for: nothing is asked, and a snapshot waits for nothing", () => {
    const w = new World("a").indexed();
    w.move("a", 0);
    expect([w.lookUps.length, settled(w, "a")]).toEqual([0, true]);
  });

  test("hidden friends are not met, even if the index lists them", () => {
    const w = new World("a", "b").indexed();
    w.reveal("a", "b", "hidden");
    w.move("b", 100);
    w.list("b", {});
    w.move("a", 0);
    expect(w.lookUps).toEqual([]);
    renew(w, "a");
    w.list("a", { b: w.person("b").circle.rev });
    expect(w.meetings).toEqual([]);
  });

  test("after the memory was lost everybody is asked: who was far then counts on it", () => {
    const { w, revs } = awake("b");
    w.list("a", revs);
    w.deliver(w.call("a", "b"));
    w.restartEmpty("a");
    w.wait(UPDATE_MS);
    w.move("a", 10);
    expect([w.lookUps.length, w.calls("a", "b")]).toEqual([0, 2]);
  });

  test("the answer to a question of before a pause is ignored; sharing again asks once more", () => {
    const { w, revs } = awake("b");
    w.pause("a");
    w.list("a", revs);
    expect(w.meetings).toEqual([]);
    w.resume("a");
    expect(settled(w, "a")).toBe(false);
    w.list("a", revs);
    expect(w.calls("a", "b")).toBe(1);
  });

  test("the activity ends before the answer comes: nothing happens", () => {
    const { w, revs } = awake("b");
    w.wait(INACTIVE_AFTER_MS + 1);
    w.list("a", revs);
    expect([w.meetings.length, w.person("a").circle.self.kind]).toEqual([0, "inactive"]);
  });

  test("a friendship that ends while the index is asked", () => {
    const { w, revs } = awake("b", "c");
    w.unfriend("a", "c");
    w.list("a", { b: revs["b"] ?? 0 });
    expect([w.calls("a", "b"), w.calls("a", "c"), w.pact("a", "c")]).toEqual([1, 0, "absent"]);
  });
});

describe("copies of the state", () => {
  test("a restart before the answer: everybody is met at the next position", () => {
    const { w } = awake("b");
    w.restart("a");
    expect(settled(w, "a")).toBe(true);
    w.wait(UPDATE_MS);
    w.move("a", 10);
    expect([w.lookUps.length, w.calls("a", "b")]).toEqual([1, 1]);
    w.list("a", {});
    expect(w.pact("a", "b")).toBe("unknown");
  });

  test("presumed friends are in none, and stay silent after a restart", () => {
    const { w } = awake("b", "c");
    w.list("a", {});
    const { circle } = w.person("a");
    const attached = decodeAttachment(encodeAttachment(attachmentOf(circle)))?.object;
    const { object } = attachmentOf(circle);
    if (object === null) throw new Error("no state");
    expect([...(attached?.circle.contacts ?? [1])]).toEqual([]);
    expect([...(decodeKept(encodeKept(object))?.circle.contacts ?? [1])]).toEqual([]);
    w.restart("a");
    w.wait(UPDATE_MS);
    w.move("a", 10);
    expect(w.meetings).toEqual([]);
    expect(w.unmirrored).toEqual([]);
  });

  test("a friend who is found by a renewal is missing from a row that was written before", () => {
    const { w, revs } = awake("b");
    w.list("a", {});
    const before = w.person("a").circle.roused;
    renew(w, "a");
    w.list("a", revs);
    expect(w.person("a").circle.roused).toBe(before + 1);
  });
});

describe("a renewal", () => {
  /** `a` has woken and was told that nobody is active, although `b` is. */
  function missed(): { w: World; revs: Record<string, number> } {
    const { w, revs } = awake("b");
    w.list("a", {});
    expect([w.pact("a", "b"), w.meetings.length]).toEqual(["away", 0]);
    w.wait(UPDATE_MS);
    w.move("a", 10);
    w.move("b", 110);
    expect(w.meetings).toEqual([]);
    return { w, revs };
  }

  test("meets a listed friend who was presumed inactive", () => {
    const { w } = missed();
    renew(w, "a");
    w.list("a", { b: w.person("b").circle.rev });
    w.deliver(w.call("a", "b"));
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 110 }, { a: 10 }]);
  });

  test("of either side is enough, also after a restart", () => {
    const { w } = missed();
    w.restart("b");
    renew(w, "b");
    w.list("b", { a: w.person("a").circle.rev });
    w.deliver(w.call("b", "a"));
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 110 }, { a: 10 }]);
  });

  test("as the friend may know it: coarse stays coarse, hidden is not called", () => {
    const { w } = missed();
    w.person("a").friends.set(w.person("b").no, { muted: false, visibility: "coarse" });
    w.restart("a");
    renew(w, "a");
    w.list("a", { b: w.person("b").circle.rev });
    expect(w.call("a", "b").sighting.errorM).toBeGreaterThan(0);
  });

  test("an entry that is older than the friend's last word is none", () => {
    const { w, revs } = awake("b");
    w.list("a", revs);
    w.deliver(w.call("a", "b"));
    w.pause("b");
    w.hear(w.word("b", "a"));
    expect(w.screen("a")).toEqual({});
    renew(w, "a");
    w.list("a", revs);
    expect(w.calls("a", "b")).toBe(1);
    // Back, but the call of the friend's own wake was lost.
    w.wait(UPDATE_MS);
    w.resume("b");
    w.list("b", {});
    renew(w, "a");
    w.list("a", { b: w.person("b").circle.rev });
    expect(w.calls("a", "b")).toBe(2);
  });

  test("calls nobody who is listed and met", () => {
    const { w, revs } = awake("b");
    w.list("a", revs);
    w.deliver(w.call("a", "b"));
    renew(w, "a");
    w.list("a", revs);
    expect(w.calls("a", "b")).toBe(1);
  });

  test("that finds the own entry gone meets far friends too: who woke meanwhile has presumed this user inactive", () => {
    const w = new World("a", "b").indexed();
    w.move("a", 0);
    w.list("a", {});
    w.move("b", FAR_M);
    w.list("b", { a: w.person("a").circle.rev });
    w.deliver(w.call("b", "a"));
    w.wait(UPDATE_MS);
    w.move("a", 1);
    w.deliver(w.call("a", "b"));
    expect([w.pact("a", "b"), w.pact("b", "a")]).toEqual(["far", "far"]);
    const calls = w.calls("a", "b");
    // `b` sleeps, moves close, and wakes without finding `a`, whose entry was lost.
    w.wait(INACTIVE_AFTER_MS - 1);
    w.move("a", 2);
    w.sweep("b");
    w.wait(UPDATE_MS);
    w.move("b", 100);
    w.list("b", {});
    expect([w.pact("a", "b"), w.screen("b")]).toEqual(["far", {}]);
    renew(w, "a");
    w.list("a", { b: w.person("b").circle.rev }, true);
    expect(w.calls("a", "b")).toBe(calls);
    renew(w, "a");
    w.list("a", { b: w.person("b").circle.rev }, false);
    w.deliver(w.call("a", "b"));
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 100 }, { a: 2 }]);
  });

  test("without an answer everybody who was only presumed is asked, once", () => {
    const { w } = missed();
    renew(w, "a");
    w.list("a", null);
    w.deliver(w.call("a", "b"));
    expect(w.screen("a")).toEqual({ b: 110 });
    const asleep = awake("c").w;
    asleep.list("a", {});
    asleep.wait(INACTIVE_AFTER_MS - 1);
    asleep.move("a", 10);
    asleep.sweep("c");
    asleep.wait(2);
    asleep.sweep("c");
    for (const calls of [1, 1]) {
      renew(asleep, "a");
      asleep.list("a", null);
      expect(asleep.calls("a", "c")).toBe(calls);
      if (asleep.meetings.some(({ over }) => !over)) asleep.deliver(asleep.call("a", "c"));
    }
  });

  test("says nothing while the user pauses, or has become inactive", () => {
    const { w } = awake("b");
    w.list("a", {});
    w.pause("a");
    renew(w, "a");
    expect(w.lookUps).toEqual([]);
    w.resume("a");
    w.list("a", {});
    w.wait(INACTIVE_AFTER_MS + 1);
    renew(w, "a");
    expect(w.lookUps).toEqual([]);
  });

  test("does not ask while the question of a wake is under way", () => {
    const { w, revs } = awake("b");
    renew(w, "a");
    expect(w.lookUps).toHaveLength(1);
    w.list("a", revs);
    expect(w.calls("a", "b")).toBe(1);
  });
});

describe("a call of before, which arrives late", () => {
  test.each(["while the index is asked", "when the friend is presumed inactive", "and finds no contact at all"])(
    "%s: no silence rests on it",
    (when) => {
      const w = new World("a", "b").indexed();
      w.move("b", FAR_M);
      w.list("b", {});
      renew(w, "b");
      w.list("b", { a: START_MS + INACTIVE_AFTER_MS });
      // The call is answered ("inactive"), and a copy of it is still on its way.
      const call = w.call("b", "a");
      w.deliver(call);
      w.wait(UPDATE_MS);
      w.move("b", 200);
      w.move("a", 0);
      if (when !== "while the index is asked") w.list("a", {});
      if (when === "and finds no contact at all") w.restart("a");
      w.reach({ ...call });
      if (when === "while the index is asked") w.list("a", {});
      w.wait(UPDATE_MS);
      w.move("a", 1);
      w.settle();
      expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 200 }, { a: 1 }]);
    },
  );

  test("a late `left` is no reason to tell more than the friend may know", () => {
    const { w } = awake("b");
    w.list("a", {});
    w.person("a").friends.set(w.person("b").no, { muted: true, visibility: "hidden" });
    w.restart("a");
    w.do("a", (circle) => circle.left(w.person("b").no, START_MS - 1, "inactive"));
    w.wait(UPDATE_MS);
    w.move("a", 1);
    renew(w, "a");
    w.list("a", null);
    expect(w.meetings).toEqual([]);
  });
});
