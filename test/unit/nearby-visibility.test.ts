/**
 * What a friend may know: exact, coarse, hidden and back, with calls that cross, get lost or come late, and objects that
 * sleep in between. Every sighting that leaves somebody is looked at, not only what ends up on a screen.
 */
import { describe, expect, test } from "vitest";

import { COARSE_ERROR_M, coarsePlace } from "../../src/geo/coarse.ts";
import { distanceM } from "../../src/geo/distance.ts";
import type { Visibility } from "../../src/protocol/resources.ts";
import { east, RADIUS_M, World } from "./nearby-world.ts";

/** Between two updates of a phone. */
const UPDATE_MS = 30_000;
const QUIET_MS = 120_000;

const MODES = ["exact", "economy"] as const;
type Mode = (typeof MODES)[number];

function worldOf(mode: Mode, ...names: string[]): World {
  const w = new World(...names);
  return mode === "economy" ? w.economy(QUIET_MS) : w;
}

/** Hibernation: the object comes back from its attachment alone. */
function hibernate(w: World, ...names: string[]): void {
  for (const name of names) w.restart(name);
}

/** Everything that a said of its place to b since this call, in calls and answers, then in words. */
function listen(w: World, from: string, to: string): () => { lat: number; lng: number; errorM: number }[] {
  const [calls, words] = [w.meetings.length, w.words.length];
  return () => {
    const inCalls = w.meetings.slice(calls).flatMap((call) => {
      if (call.from === from && call.to === to) return [call.sighting];
      return call.from === to && call.to === from && call.answer?.kind === "active" ? [call.answer.sighting] : [];
    });
    const inWords = w.words.slice(words).flatMap((word) => {
      const isPlace = word.visibility !== "exact" && word.said !== null && "lat" in word.said;
      return isPlace && word.from === from && word.to === to ? [word.said] : [];
    });
    return [...inCalls, ...inWords].map(({ lat, lng, errorM }) => ({ lat, lng, errorM }));
  };
}

const coarse = (metres: number) => ({ ...coarsePlace(east(metres)), errorM: COARSE_ERROR_M });
const exact = (metres: number) => ({ ...east(metres), errorM: 0 });

/** What one may be told of somebody so many metres east. */
function toldOf(visibility: Visibility, metres: number): ReturnType<typeof exact> | null {
  return visibility === "hidden" ? null : visibility === "coarse" ? coarse(metres) : exact(metres);
}

/** The oracle: what `viewer` has to be shown of `friend`. */
function expectScreen(
  w: World,
  viewer: string,
  friend: string,
  at: { viewerM: number; friendM: number; seen: Visibility; hides: boolean },
): void {
  const told = toldOf(at.seen, at.friendM);
  const near = told !== null && !at.hides && distanceM(east(at.viewerM), told) <= RADIUS_M;
  const shown = w.person(viewer).screen.get(w.person(friend).no);
  const place = shown && { lat: shown.lat, lng: shown.lng, errorM: shown.errorM };
  expect(place, `${viewer}'s screen of ${friend}`).toEqual(near ? told : undefined);
}

const JOURNEY: readonly Visibility[] = ["exact", "coarse", "exact", "hidden", "exact", "coarse", "hidden", "coarse"];
/** Beside each other; where the coarse place is beyond the radius and the true one is not, and the other way round; far. */
const DISTANCES_M = [100, RADIUS_M - 700, RADIUS_M - 50, RADIUS_M + 50, RADIUS_M + 700, RADIUS_M + 12_000];

describe("exact, coarse, exact, hidden and on", () => {
  for (const mode of MODES) {
    for (const sleeps of [false, true]) {
      for (const awayM of DISTANCES_M) {
        test(`${mode}, ${Math.round(awayM)} m apart, ${sleeps ? "with" : "without"} sleep in between`, () => {
          const w = worldOf(mode, "a", "b");
          const now: Record<"a" | "b", Visibility> = { a: "exact", b: "exact" };
          w.move("a", 0);
          w.move("b", awayM);
          w.settle();
          // The second walks the same way three steps later, so that every pair of settings comes up.
          const steps = [...JOURNEY, ...JOURNEY].flatMap((visibility, i) => [
            { who: "a", friend: "b", visibility } as const,
            { who: "b", friend: "a", visibility: JOURNEY[(i * 3) % JOURNEY.length] ?? "exact" } as const,
          ]);
          for (const { who, friend, visibility } of steps) {
            const said = listen(w, who, friend);
            const heard = listen(w, friend, who);
            w.reveal(who, friend, visibility);
            now[who] = visibility;
            w.settle();
            if (sleeps) hibernate(w, "a", "b");
            const hidden = now.a === "hidden" || now.b === "hidden";
            const check = (): void => {
              expectScreen(w, "a", "b", { viewerM: 0, friendM: awayM, seen: now.b, hides: hidden });
              expectScreen(w, "b", "a", { viewerM: awayM, friendM: 0, seen: now.a, hides: hidden });
            };
            check();
            w.wait(UPDATE_MS);
            w.move("a", 0);
            w.settle();
            w.wait(UPDATE_MS);
            w.move("b", awayM);
            w.settle();
            check();
            const places = { a: 0, b: awayM };
            for (const [teller, sightings] of [
              [who, said()],
              [friend, heard()],
            ] as const) {
              const allowed = toldOf(now[teller], places[teller]);
              for (const sighting of sightings) expect(sighting, `${teller} tells`).toEqual(allowed);
            }
          }
          expect(w.unmirrored).toEqual([]);
        });
      }
    }
  }
});

describe("a friend who may know less", () => {
  test("the word alone takes an exact place off the screen, when every call is lost", () => {
    const w = new World("a", "b");
    w.move("a", 100);
    w.move("b", 200);
    w.settle();
    expect(w.person("b").screen.get(1)?.errorM).toBe(0);
    w.reveal("a", "b", "coarse");
    w.fail(w.call("a", "b"));
    w.post(w.letter("a", "b"));
    expect(w.person("b").screen.get(1)).toMatchObject(coarse(100));
  });

  test("an exact place that was on its way does not come back", () => {
    const w = new World("a", "b");
    w.move("a", 100);
    w.settle();
    w.move("b", 200);
    const late = w.call("b", "a");
    w.reach(late);
    w.reveal("a", "b", "coarse");
    w.post(w.letter("a", "b"));
    w.reply(late);
    w.settle();
    expect(w.person("b").screen.get(1)).toMatchObject(coarse(100));
  });

  test("the same with hidden: neither sees the other, and both clients get gone/paused", () => {
    const w = new World("a", "b");
    w.move("a", 100);
    w.move("b", 200);
    w.settle();
    w.log.length = 0;
    w.reveal("a", "b", "hidden");
    w.settle();
    expect(w.log).toEqual(["a: hide b paused", "b: hide a paused"]);
  });

  test("hidden before anything was heard: a word of the friend and a sleep later, still not a metre is told", () => {
    const w = new World("a", "b");
    w.reveal("a", "b", "hidden");
    w.move("a", 0);
    w.settle();
    w.move("b", 100);
    w.settle();
    // Says so to a, of whom it holds that a has paused.
    w.reveal("b", "a", "hidden");
    w.settle();
    hibernate(w, "a");
    w.wait(UPDATE_MS);
    const said = listen(w, "a", "b");
    w.move("a", 50);
    expect(said()).toEqual([]);
  });

  test("hidden stays so through a sleep, a word and a pause of the friend", () => {
    for (const sleepsFirst of [false, true]) {
      const w = new World("a", "b");
      w.move("a", 0);
      w.move("b", 100);
      w.settle();
      w.reveal("a", "b", "hidden");
      w.settle();
      if (sleepsFirst) hibernate(w, "a");
      w.reveal("b", "a", "coarse");
      w.settle();
      w.reveal("b", "a", "hidden");
      w.settle();
      hibernate(w, "a");
      w.wait(UPDATE_MS);
      const said = listen(w, "a", "b");
      w.move("a", 50);
      w.watch("a");
      expect(said()).toEqual([]);
      expect(w.screen("a")).toEqual({});
    }
  });

  test("who is paused while this changes is seen only as far as it may be, after resuming", () => {
    for (const visibility of ["coarse", "hidden"] as const) {
      const w = new World("a", "b");
      w.move("a", 0);
      w.move("b", 100);
      w.settle();
      w.pause("a");
      w.settle();
      w.reveal("a", "b", visibility);
      w.settle();
      const said = listen(w, "a", "b");
      w.resume("a");
      w.settle();
      expect(said().every(({ errorM }) => errorM === COARSE_ERROR_M)).toBe(true);
      expectScreen(w, "b", "a", { viewerM: 100, friendM: 0, seen: visibility, hides: visibility === "hidden" });
      expectScreen(w, "a", "b", { viewerM: 0, friendM: 100, seen: "exact", hides: visibility === "hidden" });
    }
  });

  test("after a crash without a memory the screen of a friend who may know less is emptied", () => {
    for (const visibility of ["coarse", "hidden"] as const) {
      const w = new World("a", "b");
      w.move("a", 0);
      w.move("b", 100);
      w.settle();
      w.restartEmpty("a");
      w.wait(1);
      w.reveal("a", "b", visibility);
      w.settle();
      expect(w.screen("b")).toEqual({});
      w.wait(UPDATE_MS);
      w.move("a", 0);
      w.settle();
      expectScreen(w, "b", "a", { viewerM: 100, friendM: 0, seen: visibility, hides: visibility === "hidden" });
    }
  });
});

describe("who is muted", () => {
  test("stays so when the user lets them know more or less, also after a sleep", () => {
    for (const visibility of ["coarse", "exact"] as const) {
      const w = new World("a", "b");
      if (visibility === "exact") w.reveal("a", "b", "coarse");
      w.move("a", 0);
      w.settle();
      w.mute("a", "b", true);
      hibernate(w, "a");
      w.move("b", 100);
      w.fail(w.call("b", "a"));
      w.reveal("a", "b", visibility);
      w.settle();
      expect(w.screen("a")).toEqual({});
    }
  });
});

describe("a word is no meeting: the one who sent it learns nothing of the other side, so no silence may rest on it", () => {
  test("far: the word of an outbox widens the circle of one side only", () => {
    const w = new World("a", "b");
    const apartM = RADIUS_M + 12_000;
    w.reveal("a", "b", "coarse");
    w.move("a", 0);
    w.move("b", apartM);
    w.settle();
    // Within its circle, away from b: nothing is told.
    w.wait(UPDATE_MS);
    w.move("a", -4_400);
    expect(w.meetings.every(({ over }) => over)).toBe(true);
    // A repetition of a word whose confirmation was lost.
    w.hear(w.word("a", "b"));
    w.settle();
    // Both go towards each other as far as they may in silence.
    for (let m = 500; m <= 10_500; m += 500) {
      const [aM, bM] = [Math.min(-4_400 + m, 6_000), apartM - Math.min(m, 7_500)];
      w.wait(UPDATE_MS);
      w.move("b", bM);
      w.settle();
      w.move("a", aM);
      w.settle();
      expectScreen(w, "a", "b", { viewerM: aM, friendM: bM, seen: "exact", hides: false });
      expectScreen(w, "b", "a", { viewerM: bM, friendM: aM, seen: "coarse", hides: false });
    }
  });

  test("near: a position that was not told because a call was under way is told afterwards", () => {
    const w = new World("a", "b");
    w.reveal("a", "b", "coarse");
    w.move("a", 0);
    w.move("b", 100);
    w.settle();
    w.wait(UPDATE_MS);
    w.move("b", 200);
    const call = w.call("b", "a");
    w.reach(call);
    w.wait(1);
    w.move("b", 300);
    w.hear(w.word("a", "b"));
    w.reply(call);
    w.settle();
    expect(w.screen("a")).toEqual({ b: 300 });
  });

  test("economy: it renews no anchor, because nothing was told to the one who sent it", () => {
    const w = worldOf("economy", "a", "b");
    w.reveal("a", "b", "coarse");
    w.move("a", 0);
    w.move("b", 100);
    w.settle();
    for (let step = 1; step <= 6; step++) {
      w.wait(1_000);
      w.move("b", 100 + 20 * step);
      w.settle();
      w.hear(w.word("a", "b"));
      w.settle();
    }
    expect(220 - (w.screen("a")["b"] ?? 0)).toBeLessThanOrEqual(25);
  });
});

describe("a call that is under way while this changes", () => {
  test("[VIS3] the circle that was made from an exact place is none for a coarse one", () => {
    const w = new World("a", "b");
    const apartM = RADIUS_M + 2_000;
    w.move("b", apartM);
    w.settle();
    w.move("a", 0);
    const call = w.call("a", "b");
    w.reach(call);
    w.wait(1);
    w.reveal("a", "b", "coarse");
    // The word is lost; it comes again with the alarm.
    w.letter("a", "b");
    w.reply(call);
    w.settle();
    let [aM, bM] = [0, apartM];
    for (let m = 100; m <= 1_100; m += 100) {
      w.wait(UPDATE_MS);
      w.move("a", (aM = m));
      w.settle();
      w.move("b", (bM = apartM - Math.min(m, 990)));
      w.settle();
      const isTold = distanceM(east(aM), east(bM)) > RADIUS_M || Object.keys(w.screen("a")).length > 0;
      expect(isTold, `${aM} and ${bM}`).toBe(true);
    }
  });

  test("the exact place of an answer may still settle nothing once the friend is hidden from", () => {
    const w = new World("a", "b");
    w.move("b", 100);
    w.settle();
    w.move("a", 0);
    const call = w.call("a", "b");
    w.reach(call);
    w.reveal("a", "b", "hidden");
    w.reply(call);
    w.settle();
    expect(w.screen("a")).toEqual({});
    expect(w.screen("b")).toEqual({});
  });

  test("calls that cross a change on both sides end in what the newest settings allow", () => {
    for (const [mine, theirs] of [
      ["coarse", "coarse"],
      ["coarse", "hidden"],
      ["hidden", "coarse"],
      ["hidden", "hidden"],
    ] as const) {
      const w = new World("a", "b");
      w.move("a", 0);
      w.move("b", 100);
      const [there, back] = [w.call("a", "b"), w.call("b", "a")];
      w.reach(there);
      w.reach(back);
      w.reveal("a", "b", mine);
      w.reveal("b", "a", theirs);
      w.reply(back);
      w.reply(there);
      w.settle();
      const hides = mine === "hidden" || theirs === "hidden";
      expectScreen(w, "a", "b", { viewerM: 0, friendM: 100, seen: theirs, hides });
      expectScreen(w, "b", "a", { viewerM: 100, friendM: 0, seen: mine, hides });
    }
  });
});
