/** What a first version of these rules died of: each scenario as the sequence of events that killed it. */
import { describe, expect, test } from "vitest";

import { distanceM } from "../../src/geo/distance.ts";
import type { CircleState } from "../../src/nearby/state.ts";
import { decodeKept, encodeKept } from "../../durable-objects/user/attachment.ts";
import { attachmentOf, east, INACTIVE_AFTER_MS, RADIUS_M, START_MS, World } from "./nearby-world.ts";

describe("B answers `inactive`, wakes, meets A; the late `inactive` arrives", () => {
  test("[VIS3] near: A goes on telling B", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    const late = w.call("a", "b");
    w.reach(late);
    expect(late.answer).toMatchObject({ kind: "away", reason: "inactive" });

    w.wait(100);
    w.move("b", 100);
    w.deliver(w.call("b", "a"));
    expect(w.pact("a", "b")).toBe("near");

    w.reply(late);
    expect(w.pact("a", "b")).toBe("near");
    expect(w.screen("a")).toEqual({ b: 100 });

    w.wait(30_000);
    w.move("a", 50);
    w.settle();
    expect(w.screen("b")).toEqual({ a: 50 });
  });

  test("[VIS3] far: A still speaks up when it leaves its circle", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    const late = w.call("a", "b");
    w.reach(late);
    w.wait(100);
    w.move("b", RADIUS_M + 2_000);
    w.deliver(w.call("b", "a"));
    w.reply(late);
    expect(w.pact("a", "b")).not.toBe("away");

    w.wait(30_000);
    w.move("a", 2_500);
    w.settle();
    expect(Object.keys(w.screen("a"))).toEqual(["b"]);
    expect(Object.keys(w.screen("b"))).toEqual(["a"]);
  });

  test("[VIS3] the late `gone` of a spell that is over is dropped too", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.settle();
    w.move("b", 100, { activeForMs: 1_000 });
    w.settle();
    w.wait(1_000);
    w.sweep("b");
    const late = w.letter("b", "a");
    w.wait(500);
    w.move("b", 200);
    w.settle();
    w.post(late);
    expect(w.screen("a")).toEqual({ b: 200 });
    expect(w.pact("a", "b")).toBe("near");
  });
});

describe("the counter that orders sightings dies with the object", () => {
  test("[FAIL3] what A says after a restart without memory is newer than all it said before", () => {
    const w = new World("a", "b");
    for (const name of ["a", "b"]) w.move(name, 0);
    w.settle();
    for (let step = 1; step <= 40; step++) {
      w.wait(30_000);
      w.move("a", step);
      w.move("b", step);
      w.settle();
    }
    w.wait(30_000);
    w.restartEmpty("a");
    w.wait(1);
    w.move("a", 500);
    expect(w.call("a", "b").sighting.rev).toBe(w.now);
    w.settle();
    expect(w.screen("b")).toEqual({ a: 500 });
    expect(w.meetings.filter(({ answer }) => answer?.kind === "stale")).toEqual([]);
  });

  test("[FAIL3] also with a clock that was set back: `stale` makes A step over what it had said", () => {
    const w = new World("a", "b", "c");
    w.move("a", 0);
    w.move("b", 0);
    w.move("c", RADIUS_M + 5_000);
    w.settle();
    w.wait(30_000);
    w.restartEmpty("a");
    w.person("a").aheadMs = -120_000;
    w.restartEmpty("a");
    w.move("a", 500);
    w.deliver(w.call("a", "b"));
    expect(w.call("a", "b").sighting.rev).toBeGreaterThan(START_MS);
    w.settle();
    expect(w.screen("b")).toEqual({ a: 500 });
    expect(w.pact("b", "a")).toBe("near");
    expect(w.pact("c", "a")).toBe("far");

    w.wait(30_000);
    w.move("a", 600);
    w.settle();
    expect(w.screen("b")).toEqual({ a: 600 });
  });

  test("[FAIL3] also when B asks first: B does not call for ever, and hears A at A's next position", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", 0);
    w.settle();
    w.wait(30_000);
    w.person("a").aheadMs = -120_000;
    w.restartEmpty("a");
    w.move("a", 500);
    w.fail(w.call("a", "b"));
    w.wait(1_000);
    w.move("b", 10);
    expect(w.settle()).toBeLessThan(10);
    w.wait(29_000);
    w.move("a", 600);
    w.settle();
    expect(w.screen("b")).toEqual({ a: 600 });
    expect(w.screen("a")).toEqual({ b: 10 });
  });

  test("[VIS4] also when A pauses after such a restart: B lets go of A at its next position", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", 0);
    w.settle();
    w.wait(30_000);
    w.person("a").aheadMs = -120_000;
    w.restartEmpty("a");
    w.pause("a");
    w.settle();
    w.wait(30_000);
    w.move("b", 10);
    w.settle();
    expect(w.screen("b")).toEqual({});
  });
});

describe("contacts restored from a copy that a meeting had not updated", () => {
  /** A is far from B, and in the middle of telling B about its first step out of the circle. */
  function midCall(): World {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", RADIUS_M + 2_000.5);
    w.settle();
    expect(w.pact("a", "b")).toBe("far");
    w.wait(30_000);
    w.move("a", -3_000);
    return w;
  }

  test("[FAIL2] a far contact with a call in flight comes back as unknown", () => {
    const w = midCall();
    w.reach(w.call("a", "b"));
    expect(w.contact("b", "a")?.pact).toMatchObject({ kind: "far", slackM: 2_500.1 });

    w.restart("a");
    expect(w.pact("a", "b")).toBe("unknown");
    // Back within the old circle, where the old contact would have kept silent while B counts on the new one.
    w.wait(30_000);
    w.move("a", 900);
    w.settle();
    w.wait(30_000);
    w.move("b", RADIUS_M + 2_000 - 2_400);
    w.settle();
    expect(Object.keys(w.screen("a"))).toEqual(["b"]);
    expect(Object.keys(w.screen("b"))).toEqual(["a"]);
  });

  test("[FAIL2] a far contact that the last answer made comes back as it is", () => {
    const w = midCall();
    w.deliver(w.call("a", "b"));
    const held = w.contact("a", "b");
    w.restart("a");
    expect(w.contact("a", "b")?.pact).toMatchObject({ kind: "far", slackM: 2_500.1 });
    expect(w.contact("a", "b")?.pact).toEqual({ ...held?.pact, anchor: east(-3_000) });
    expect(w.contact("a", "b")?.theirRev).toBe(held?.theirRev);
  });

  test("[FAIL2] the one who was called has written its copy before its answer leaves", () => {
    const w = midCall();
    w.reach(w.call("a", "b"));
    w.restart("b");
    expect(w.contact("b", "a")?.pact).toMatchObject({ kind: "far", slackM: 2_500.1 });
  });

  test("[FAIL2] a near contact comes back as unknown, still on the screen, and meets", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", 100);
    w.settle();
    w.restart("a");
    expect(w.contact("a", "b")).toMatchObject({ pact: { kind: "unknown" }, shown: true, seen: null });
    w.wait(30_000);
    w.move("a", 50);
    w.settle();
    expect(w.screen("a")).toEqual({ b: 100 });
    expect(w.screen("b")).toEqual({ a: 50 });
    expect(w.log.filter((line) => line.includes("hide"))).toEqual([]);
  });

  test("[FAIL2] without a socket: whoever woke and met A asks for a new row, and is met by who wakes from it", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.settle();
    expect(w.pact("a", "b")).toBe("away");
    const { roused } = w.person("a").circle;

    w.wait(60_000);
    w.move("b", RADIUS_M + 4_000);
    w.settle();
    expect(w.pact("b", "a")).toBe("far");
    expect(w.person("a").circle.roused).toBeGreaterThan(roused);

    w.restart("a", keptOf(w, "a"));
    w.wait(60_000);
    w.move("a", 3_000);
    w.settle();
    w.wait(60_000);
    w.move("b", RADIUS_M + 4_000 - 1_900);
    w.settle();
    expect(Object.keys(w.screen("a"))).toEqual(["b"]);
  });
});

/** The row that the shell keeps for an object without sockets. */
function keptOf(w: World, name: string): CircleState {
  const { object } = attachmentOf(w.person(name).circle);
  const kept = object === null ? null : decodeKept(encodeKept(object));
  if (kept === null) throw new Error("nothing was kept");
  return kept.circle;
}

describe("crossing calls with two different pacts", () => {
  test("[VIS3] a at 0 and b at R+300 send; a moves to -300, b to R+600 before the answers", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", 5_000);
    w.settle();
    w.wait(30_000);
    w.move("a", 0);
    w.move("b", RADIUS_M + 300.5);
    const fromA = w.call("a", "b");
    const fromB = w.call("b", "a");

    w.wait(500);
    w.move("a", -300);
    w.move("b", RADIUS_M + 600.5);
    w.reach(fromA);
    w.reach(fromB);
    // Two pacts, each of a position that the other has left.
    expect(w.contact("b", "a")?.pact).toMatchObject({ kind: "far", slackM: 300.1 });
    expect(w.contact("a", "b")?.pact).toMatchObject({ kind: "far", slackM: 300.1 });

    w.reply(fromA);
    expect(w.pact("a", "b")).toBe("unknown");
    w.reply(fromB);
    w.settle();
    const [a, b] = [w.contact("a", "b")?.pact, w.contact("b", "a")?.pact];
    expect(a).toMatchObject({ kind: "far", slackM: 450.1 });
    expect(b).toMatchObject({ kind: "far", slackM: 450.1 });
    if (a?.kind !== "far" || b?.kind !== "far") throw new Error("not far");
    expect([a.mine, a.theirs]).toEqual([b.theirs, b.mine]);

    // Silence of both is now worth R: each walks as far as it may.
    w.wait(30_000);
    const calls = w.meetings.length;
    w.move("a", 150);
    w.move("b", RADIUS_M + 151);
    expect(w.meetings).toHaveLength(calls);
    expect(distanceM(east(150), east(RADIUS_M + 151))).toBeGreaterThan(RADIUS_M);
  });

  test("[VIS3] crossing calls of positions that both still hold settle on one pact at once", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", RADIUS_M + 300.5);
    const [fromA, fromB] = [w.call("a", "b"), w.call("b", "a")];
    for (const call of [fromA, fromB]) w.reach(call);
    for (const call of [fromA, fromB]) w.reply(call);
    expect(w.meetings.filter(({ over }) => !over)).toEqual([]);
    expect(w.contact("a", "b")?.pact).toMatchObject({ kind: "far", slackM: 150.1 });
    expect(w.contact("b", "a")?.pact).toMatchObject({ kind: "far", slackM: 150.1 });
  });
});

describe("the position changed while the answer flew", () => {
  test("[VIS3] far when the call left, near when the answer comes: A meets at once", () => {
    const w = new World("b", "a");
    w.move("b", RADIUS_M + 500);
    w.settle();
    w.move("a", 0);
    const call = w.call("a", "b");
    w.reach(call);
    w.wait(1_500);
    w.move("a", 1_000);
    expect(w.calls("a", "b")).toBe(1);
    w.reply(call);
    expect(w.calls("a", "b")).toBe(2);
    w.settle();
    expect(w.screen("a")).toEqual({ b: Math.round(RADIUS_M + 500) });
    expect(w.screen("b")).toEqual({ a: 1_000 });
  });

  test("[DOWN2] near, and moved on while the answer flew: B gets the newest place without another update", () => {
    const w = new World("a", "b");
    w.move("b", 0);
    w.settle();
    w.move("a", 100);
    const call = w.call("a", "b");
    w.wait(1_000);
    w.move("a", 200);
    w.deliver(call);
    w.settle();
    expect(w.screen("b")).toEqual({ a: 200 });
  });

  test("[VIS3] moved, but within the new circle: no second call", () => {
    const w = new World("b", "a");
    w.move("b", RADIUS_M + 5_000);
    w.settle();
    w.move("a", 0);
    const call = w.call("a", "b");
    w.wait(1_000);
    w.move("a", 1_000);
    w.deliver(call);
    expect(w.calls("a", "b")).toBe(1);
    expect(w.pact("a", "b")).toBe("far");
  });

  test("[ACT2] became inactive while the answer flew: nobody is shown", () => {
    const w = new World("b", "a");
    w.move("b", 0);
    w.settle();
    w.move("a", 100, { activeForMs: 1_000 });
    const call = w.call("a", "b");
    w.reach(call);
    w.wait(1_000);
    w.reply(call);
    expect(w.screen("a")).toEqual({});
    expect(w.person("a").circle.self).toEqual({ kind: "inactive" });
  });

  test("[VIS5] paused while the answer flew: nobody is shown", () => {
    const w = new World("b", "a");
    w.move("b", 0);
    w.settle();
    w.move("a", 100);
    const call = w.call("a", "b");
    w.reach(call);
    w.pause("a");
    w.reply(call);
    expect(w.screen("a")).toEqual({});
    w.settle();
    expect(w.screen("b")).toEqual({});
  });

  test("[VIS7] unfriended while the answer flew: the friend is not shown", () => {
    const w = new World("b", "a");
    w.move("b", 0);
    w.settle();
    w.move("a", 100);
    const call = w.call("a", "b");
    w.reach(call);
    w.unfriend("a", "b");
    w.reply(call);
    expect(w.screen("a")).toEqual({});
    expect(w.pact("a", "b")).toBe("absent");
  });
});

describe("a privacy change pushed once and lost", () => {
  test("[VIS4] a pause owes a word to everybody who may be showing A: near, unknown, and with a call in flight", () => {
    const w = new World("a", "near", "unknown", "flying", "asleep");
    w.move("near", 100);
    w.move("unknown", 200);
    w.settle();
    w.move("a", 0);
    w.deliver(w.call("a", "near"));
    w.deliver(w.call("a", "asleep"));
    w.reach(w.call("a", "unknown"));
    w.fail(w.call("a", "unknown"));
    expect(["near", "unknown", "flying", "asleep"].map((name) => w.pact("a", name))).toEqual([
      "near",
      "unknown",
      "unknown",
      "away",
    ]);
    expect(w.screen("unknown")).toMatchObject({ a: 0 });

    w.pause("a");
    const owed = w.letters.filter(({ from }) => from === "a");
    expect(owed.map(({ kind, to }) => [kind, to])).toEqual([
      ["withdraw", "near"],
      ["withdraw", "unknown"],
      ["withdraw", "flying"],
    ]);
    w.settle();
    expect(w.screen("near")).not.toHaveProperty("a");
    expect(w.screen("unknown")).not.toHaveProperty("a");
  });

  test("[VIS4] a contact that is settled with a newer call under way is owed one too", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", RADIUS_M + 1_000);
    w.settle();
    w.wait(30_000);
    w.move("a", 1_500);
    w.reach(w.call("a", "b"));
    expect(w.screen("b")).toEqual({ a: 1_500 });
    expect(w.pact("a", "b")).toBe("far");
    w.pause("a");
    w.settle();
    expect(w.screen("b")).toEqual({});
  });

  test("[VIS4] the call of before the pause arrives after its word: B does not show A again", () => {
    const w = new World("a", "b");
    w.move("b", 0);
    w.settle();
    w.move("a", 100);
    const late = w.call("a", "b");
    w.wait(10);
    w.pause("a");
    w.post(w.letter("a", "b"));
    w.reach(late);
    expect(late.answer).toMatchObject({ kind: "stale" });
    expect(w.screen("b")).toEqual({});
  });

  test("[VIS4] an unsure object owes a word to every friend", () => {
    const w = new World("a", "b", "c");
    for (const name of ["a", "b", "c"]) w.move(name, 0);
    w.settle();
    w.wait(30_000);
    w.restartEmpty("a");
    w.pause("a");
    expect(w.letters.map(({ kind, to }) => [kind, to])).toEqual([
      ["withdraw", "b"],
      ["withdraw", "c"],
    ]);
    w.settle();
    expect(w.screen("b")).toEqual({ c: 0 });
  });

  test("[VIS4] an object whose contacts did not all fit into its copy owes a word to every friend", () => {
    const w = new World("a", "b", "c");
    for (const name of ["a", "b", "c"]) w.move(name, 0);
    w.settle();
    const { rev, self } = w.person("a").circle;
    w.restart("a", { rev, self, sharing: true, complete: false, contacts: [] });
    w.person("a").screen.clear();
    w.wait(1_000);
    w.pause("a");
    w.settle();
    expect(w.screen("b")).toEqual({ c: 0 });
    expect(w.screen("c")).toEqual({ b: 0 });
  });

  test("[VIS4] also when an old call says that B is far, while B, whose answers were lost, shows A", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.move("b", 100);
    w.settle();
    w.wait(30_000);
    w.move("b", RADIUS_M + 300);
    const older = w.call("b", "a");
    w.wait(100);
    w.move("b", RADIUS_M - 300);
    w.move("a", 0);
    w.reach(w.call("a", "b"));
    expect(w.screen("b")).toEqual({ a: 0 });
    // The answer is lost. B's call with the older position arrives, and its answer is lost as well.
    w.fail(w.call("a", "b"));
    w.reach(older);
    // The old call says far; after a call that failed, no silence rests on that.
    expect(w.pact("a", "b")).toBe("unknown");
    w.fail(older);
    w.fail(w.call("b", "a"));
    expect(w.screen("b")).toEqual({ a: 0 });

    w.pause("a");
    w.settle();
    expect(w.screen("b")).toEqual({});
  });

  test("[ACT1] `gone/inactive` may be lost: B drops A when A's position is too old", () => {
    const w = new World("a", "b");
    w.move("a", 0);
    w.wait(30_000);
    w.move("b", 0);
    w.settle();
    w.wait(INACTIVE_AFTER_MS - 30_001);
    w.sweep("b");
    expect(w.screen("b")).toEqual({ a: 0 });
    w.wait(1);
    w.sweep("b");
    expect(w.screen("b")).toEqual({});
    expect(w.log.at(-1)).toBe("b: hide a inactive");
  });
});
