/** Pausing, resuming, and friendships that begin and end while calls are under way. */
import { describe, expect, test } from "vitest";

import { INACTIVE_AFTER_MS, RADIUS_M, START_MS, World } from "./nearby-world.ts";

function pair(metres: number): World {
  const w = new World("a", "b");
  w.move("a", 0);
  w.move("b", metres);
  w.settle();
  w.wait(30_000);
  return w;
}

describe("pausing", () => {
  test("[VIS4][VIS5] both screens are empty, and the contacts are forgotten", () => {
    const w = pair(100);
    w.pause("a");
    expect(w.log.at(-1)).toBe("a: hide b paused");
    expect(w.person("a").circle.contacts.size).toBe(0);
    w.settle();
    expect(w.log.at(-1)).toBe("b: hide a paused");
    expect(w.pact("b", "a")).toBe("away");
  });

  test("[VIS4] a far friend shows nothing and is owed nothing", () => {
    const w = pair(RADIUS_M + 2_000);
    w.pause("a");
    expect(w.screen("b")).toEqual({});
  });

  test("[VIS5] twice is once, and so is resuming", () => {
    const w = pair(100);
    w.pause("a");
    w.settle();
    const { version } = w.person("a").circle;
    w.pause("a");
    expect(w.letters).toEqual([]);
    expect(w.person("a").circle.version).toBe(version);
    w.resume("a");
    expect(w.settle()).toBe(1);
    w.resume("a");
    expect(w.settle()).toBe(0);
  });

  test("[VIS4] whoever calls a paused user is told so, and nothing else", () => {
    const w = pair(RADIUS_M + 2_000);
    w.pause("a");
    w.move("b", 0);
    const call = w.call("b", "a");
    w.reach(call);
    expect(call.answer).toEqual({ kind: "away", rev: w.person("a").circle.rev, reason: "paused" });
    expect(w.screen("a")).toEqual({});
    w.reply(call);
    expect(w.pact("b", "a")).toBe("away");
  });

  test("[VIS4] an answer of before the pause that comes after its word does not bring the user back", () => {
    const w = pair(100);
    w.move("b", 110);
    const call = w.call("b", "a");
    w.reach(call);
    w.pause("a");
    w.post(w.letter("a", "b"));
    w.reply(call);
    expect(w.screen("b")).toEqual({});
    expect(w.pact("b", "a")).toBe("away");
  });

  test("[VIS4] an answer of before the pause that comes before its word is taken back by it", () => {
    const w = pair(100);
    w.move("b", 110);
    const call = w.call("b", "a");
    w.reach(call);
    w.pause("a");
    w.reply(call);
    w.settle();
    expect(w.screen("b")).toEqual({});
  });

  test("[VIS4] an inactive user who pauses owes nobody anything", () => {
    const w = pair(100);
    w.wait(INACTIVE_AFTER_MS);
    w.sweep("a");
    w.settle();
    w.pause("a");
    expect(w.letters).toEqual([]);
  });

  test("[VIS6] resuming meets everybody without a new position, also friends who were far", () => {
    const w = pair(RADIUS_M + 2_000);
    w.pause("a");
    w.settle();
    w.move("b", 50);
    w.settle();
    w.resume("a");
    w.settle();
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 50 }, { a: 0 }]);
  });

  test("[VIS6] resuming after the last position has become too old shows nobody", () => {
    const w = pair(100);
    w.pause("a");
    w.settle();
    w.wait(INACTIVE_AFTER_MS);
    w.resume("a");
    expect(w.settle()).toBe(0);
    expect(w.person("a").circle.self.kind).toBe("inactive");
  });

  test("[VIS6] both paused, both resume", () => {
    const w = pair(100);
    for (const name of ["a", "b"]) w.pause(name);
    w.settle();
    for (const name of ["a", "b"]) w.resume(name);
    w.settle();
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 100 }, { a: 0 }]);
  });

  test("[FAIL2] paused survives a restart", () => {
    const w = pair(100);
    w.pause("a");
    w.settle();
    w.restart("a");
    w.wait(30_000);
    w.move("b", 90);
    w.settle();
    expect([w.screen("a"), w.screen("b")]).toEqual([{}, {}]);
    w.resume("a");
    w.settle();
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 90 }, { a: 0 }]);
  });
});

describe("friendships begin", () => {
  function strangers(): World {
    const w = new World("a", "b");
    for (const { friends } of w.people) friends.clear();
    w.move("a", 0);
    w.move("b", 100);
    return w;
  }

  test("[DOWN6] a new friend who is near follows on both sides, without a new position", () => {
    const w = strangers();
    expect(w.settle()).toBe(0);
    w.befriend("b", "a");
    w.befriend("a", "b");
    w.settle();
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 100 }, { a: 0 }]);
  });

  test("[VIS1] the side that knows first is answered `stranger`: it is silent, and says its word again", () => {
    const w = strangers();
    w.befriend("a", "b");
    w.deliver(w.call("a", "b"));
    expect(w.letters).toMatchObject([{ kind: "restate", from: "a", to: "b" }]);
    expect(w.contact("a", "b")?.pact).toEqual({ kind: "away", reason: "unfriended" });
    expect([w.screen("a"), w.screen("b")]).toEqual([{}, {}]);
    w.wait(30_000);
    w.move("a", 10);
    expect(w.meetings.filter(({ over }) => !over)).toEqual([]);

    w.letters.length = 0;
    w.befriend("b", "a");
    w.settle();
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 100 }, { a: 10 }]);
  });

  test("[VIS1] whom a stranger's answer silences leaves the screen", () => {
    const w = pair(100);
    w.unfriend("b", "a");
    w.move("a", 10);
    w.settle();
    expect(w.log.at(-1)).toBe("a: hide b unfriended");
    expect(w.person("a").circle.absence(2)).toBe("unfriended");
  });

  test("[DOWN6] befriended again while the contact is silenced: met at once", () => {
    const w = strangers();
    w.befriend("a", "b");
    w.settle();
    w.person("b").friends.set(1, { muted: false });
    w.befriend("a", "b");
    w.settle();
    expect([w.screen("a"), w.screen("b")]).toEqual([{ b: 100 }, { a: 0 }]);
  });

  test("[DOWN6] befriended while a call is in flight: no second call", () => {
    const w = pair(100);
    w.move("a", 10);
    const calls = w.calls("a", "b");
    w.befriend("a", "b");
    expect(w.calls("a", "b")).toBe(calls);
  });

  test.each<[string, (w: World) => void]>([
    ["inactive", () => {}],
    ["unsure", (w) => w.restartEmpty("a")],
    [
      "paused",
      (w) => {
        w.move("a", 0);
        w.settle();
        w.pause("a");
        w.settle();
      },
    ],
  ])("[DOWN6] nobody is met by who is %s", (_title, prepare) => {
    const w = new World("a", "b");
    prepare(w);
    const calls = w.meetings.length;
    w.befriend("a", "b");
    expect(w.meetings).toHaveLength(calls);
  });

  test("[VIS3] a late `stranger` of before the friendship does not silence the friend who has met this user since", () => {
    const w = strangers();
    w.move("b", RADIUS_M + 4_000);
    w.befriend("a", "b");
    const late = w.call("a", "b");
    w.reach(late);
    expect(late.answer).toEqual({ kind: "stranger" });
    // B learns of the friendship, meets A, and is told where A is; B counts on A to speak up.
    w.befriend("b", "a");
    w.deliver(w.call("b", "a"));
    expect(w.pact("b", "a")).toBe("far");
    w.reply(late);
    w.settle();

    w.wait(30_000);
    w.move("a", 3_000);
    w.settle();
    w.wait(30_000);
    w.move("b", RADIUS_M + 4_000 - 1_900);
    w.settle();
    expect(Object.keys(w.screen("a"))).toEqual(["b"]);
    expect(Object.keys(w.screen("b"))).toEqual(["a"]);
  });

  test("[VIS4] a late `stranger` does not let a pause forget the friend who shows this user", () => {
    const w = strangers();
    w.befriend("a", "b");
    const late = w.call("a", "b");
    w.reach(late);
    w.befriend("b", "a");
    w.deliver(w.call("b", "a"));
    w.reply(late);
    w.letters.length = 0;
    expect(w.screen("b")).toEqual({ a: 0 });
    w.pause("a");
    w.settle();
    expect(w.screen("b")).toEqual({});
  });
});

describe("friendships end", () => {
  test("[VIS7] the friend leaves at once and is forgotten", () => {
    const w = pair(100);
    w.unfriend("a", "b");
    expect(w.log.at(-1)).toBe("a: hide b unfriended");
    expect(w.pact("a", "b")).toBe("absent");
    w.move("a", 10);
    expect(w.settle()).toBe(0);
    w.unfriend("a", "b");
    expect(w.log.at(-1)).toBe("a: hide b unfriended");
  });

  test("[VIS7] a call of before that arrives after: the other learns nothing, and both are strangers", () => {
    const w = pair(100);
    w.move("b", 90);
    const call = w.call("b", "a");
    w.unfriend("a", "b");
    w.reach(call);
    expect(call.answer).toEqual({ kind: "stranger" });
    w.reply(call);
    expect([w.screen("a"), w.screen("b")]).toEqual([{}, {}]);
  });

  test("[VIS7] unfriended by both while both call", () => {
    const w = pair(100);
    w.move("a", 10);
    w.move("b", 90);
    w.unfriend("a", "b");
    w.unfriend("b", "a");
    w.settle();
    expect([w.screen("a"), w.screen("b")]).toEqual([{}, {}]);
    expect(w.letters).toEqual([]);
  });

  test("[VIS7] a friendship that ends and begins again while the first call flies settles on the new one", () => {
    const w = pair(RADIUS_M + 2_000);
    w.move("a", 2_500);
    const old = w.call("a", "b");
    w.unfriend("a", "b");
    w.reach(old);
    w.unfriend("b", "a");
    w.befriend("b", "a");
    w.befriend("a", "b");
    w.settle();
    w.reply(old);
    expect(w.pact("a", "b")).toBe("near");
    expect(Object.keys(w.screen("a"))).toEqual(["b"]);
    expect(Object.keys(w.screen("b"))).toEqual(["a"]);
    expect(w.person("a").circle.rev).toBeGreaterThanOrEqual(START_MS + 30_000);
  });
});
