/**
 * A friend who may know only the cell tries to find out more: walks around, searches the edge of the radius, and looks at
 * everything that reaches its object and its client, and when. The property is stronger than any estimate that such a
 * person could make: for two true places in one cell, everything that is observed is the same, letter by letter.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { COARSE_ERROR_M, coarsePlace } from "../../src/geo/coarse.ts";
import { distanceM, EARTH_RADIUS_M } from "../../src/geo/distance.ts";
import { type Place, roundPlace } from "../../src/geo/place.ts";
import type { Visibility } from "../../src/protocol/resources.ts";
import { INACTIVE_AFTER_MS, RADIUS_M, World } from "./nearby-world.ts";

const SPY = "spy";
const MARK = "mark";
const QUIET_MS = 120_000;
const UPDATE_MS = 30_000;
const DEGREE_M = (EARTH_RADIUS_M * Math.PI) / 180;

/** Where in its cell somebody stands: from -1 (south, west) to 1. */
interface Spot {
  readonly north: number;
  readonly east: number;
}

/** The place there; the cell is a little larger than this reaches. */
function placeIn(centre: Place, { north, east }: Spot): Place {
  const lat = centre.lat + north * 0.004_95;
  return roundPlace({ lat, lng: centre.lng + (east * 0.004_95) / Math.cos((centre.lat * Math.PI) / 180) });
}

/** The place so many metres from a centre, north-east by this angle; flat, which is near enough to aim. */
function around(centre: Place, { awayM, angle }: { awayM: number; angle: number }): Place {
  const lat = centre.lat + (awayM * Math.cos(angle)) / DEGREE_M;
  return roundPlace({ lat, lng: centre.lng + (awayM * Math.sin(angle)) / DEGREE_M / Math.cos((lat * Math.PI) / 180) });
}

function worldOf(mode: "exact" | "economy", visibility: Visibility): World {
  const w = new World(SPY, MARK);
  const [spy, mark] = w.people;
  mark?.friends.set(spy?.no ?? 0, { muted: false, visibility });
  return mode === "economy" ? w.economy(QUIET_MS) : w;
}

/** What has reached the spy until now, in order: calls, answers and letters of the other object, and its own screen. */
class Notes {
  readonly #w: World;
  readonly lines: string[] = [];
  /** Calls that are not over, with what is known of them. */
  readonly #calls = new Map<number, string>();
  #counted = 0;
  #letters: readonly string[] = [];
  #logged = 0;

  constructor(w: World) {
    this.#w = w;
  }

  take(step: string): void {
    const { meetings, letters, log, now } = this.#w;
    for (; this.#counted < meetings.length; this.#counted++) this.#calls.set(this.#counted, "");
    for (const [index, known] of this.#calls) {
      const call = meetings[index];
      if (call === undefined) continue;
      const { from, sighting, heard, answer, over } = call;
      const line = JSON.stringify(from === MARK ? { sighting, heard, over } : { answer });
      if (over) this.#calls.delete(index);
      else this.#calls.set(index, line);
      if (line !== known) this.lines.push(`${step} ${now} ${from}#${index} ${line}`);
    }
    const written = letters.filter(({ from }) => from === MARK).map((letter) => JSON.stringify(letter));
    if (written.join() !== this.#letters.join()) this.lines.push(`${step} ${now} letters ${written.join()}`);
    this.#letters = written;
    for (; this.#logged < log.length; this.#logged++) {
      const line = log[this.#logged] ?? "";
      if (line.startsWith(SPY)) this.lines.push(`${step} ${now} ${line}`);
    }
    const [seen] = this.#w.person(SPY).screen.values();
    const spot = this.#w.person(SPY).circle.self;
    const away = seen === undefined || spot.kind !== "active" ? "nothing" : distanceM(spot.sighting, seen);
    this.lines.push(`${step} ${JSON.stringify(seen)} at ${away} of ${JSON.stringify(this.#w.word(MARK, SPY).said)}`);
  }
}

type Step =
  | { readonly do: "walk"; readonly awayM: number; readonly angle: number }
  | { readonly do: "move"; readonly spots: readonly [Spot, Spot] }
  | { readonly do: "deliver" | "reach" | "lose" | "late"; readonly choice: number }
  | { readonly do: "post" | "loseLetter"; readonly choice: number }
  | { readonly do: "settle" | "fade" }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "sleep" | "sweep" | "watch" | "pause" | "resume"; readonly who: string }
  | { readonly do: "mute"; readonly on: boolean }
  | { readonly do: "repeatWord" }
  | { readonly do: "reveal"; readonly who: string; readonly visibility: Visibility };

function play(w: World, step: Step, centre: Place, variant: 0 | 1): void {
  const open = w.meetings.filter(({ over }) => !over);
  switch (step.do) {
    case "walk":
      w.moveTo(SPY, around(centre, step));
      return;
    case "move":
      w.moveTo(MARK, placeIn(centre, step.spots[variant]));
      return;
    case "deliver":
    case "reach":
    case "lose": {
      const call = open[step.choice % Math.max(1, open.length)];
      if (call === undefined) return;
      if (step.do === "deliver") w.deliver(call);
      else if (step.do === "lose") w.fail(call);
      else if (call.answer === null) w.reach(call);
      return;
    }
    case "late": {
      const call = w.meetings[step.choice % Math.max(1, w.meetings.length)];
      if (call !== undefined) w.reach({ ...call });
      return;
    }
    case "post":
    case "loseLetter": {
      const [letter] = w.letters.splice(step.choice % Math.max(1, w.letters.length), 1);
      if (letter !== undefined && (step.do === "post" || letter.kind !== "leave")) w.post(letter);
      return;
    }
    case "settle":
      w.settle();
      return;
    case "wait":
      w.wait(step.ms);
      return;
    case "fade":
      // Asleep until the alarm finds that nothing has been heard for too long.
      w.restart(MARK);
      w.wait(INACTIVE_AFTER_MS);
      w.sweep(MARK);
      return;
    case "sleep":
      w.restart(step.who);
      return;
    case "sweep":
    case "watch":
    case "pause":
    case "resume":
      w[step.do](step.who);
      return;
    case "mute":
      w.mute(MARK, SPY, step.on);
      return;
    case "repeatWord":
      w.hear(w.word(MARK, SPY));
      return;
    case "reveal":
      w.reveal(step.who, step.who === SPY ? MARK : SPY, step.visibility);
  }
}

/** Everything that the spy observes of the one of two true places. */
function observe(mode: "exact" | "economy", centre: Place, steps: readonly Step[], variant: 0 | 1): string[] {
  const w = worldOf(mode, "coarse");
  const notes = new Notes(w);
  for (const [index, step] of steps.entries()) {
    play(w, step, centre, variant);
    notes.take(`${index} ${step.do}`);
  }
  w.settle();
  notes.take("end");
  return notes.lines;
}

const CENTRES: readonly Place[] = [
  { lat: 0.001, lng: 0.001 },
  { lat: 37.774_9, lng: -122.419_4 },
  { lat: 78.22, lng: 15.64 },
  { lat: -17.8, lng: 179.5 },
  { lat: -54.8, lng: -68.3 },
].map(coarsePlace);

/** Often at the rim of the cell, where two places have most to tell apart. */
const part = fc.oneof(fc.constantFrom(-1, 1), fc.double({ min: -1, max: 1, noNaN: true }));
const spot = fc.record({ north: part, east: part });
/** Mostly where it is decided whether somebody is shown: the radius, give or take what a cell may hide. */
const awayM = fc.oneof(
  { weight: 4, arbitrary: fc.double({ min: RADIUS_M - 900, max: RADIUS_M + 900, noNaN: true }) },
  { weight: 2, arbitrary: fc.double({ min: 0, max: RADIUS_M, noNaN: true }) },
  { weight: 1, arbitrary: fc.double({ min: RADIUS_M, max: 40_000, noNaN: true }) },
);
const choice = fc.nat({ max: 20 });
const anyone = fc.constantFrom(SPY, MARK);
const moveArb = fc.record({ do: fc.constant("move" as const), spots: fc.tuple(spot, spot) });
const walkArb = fc.record({
  do: fc.constant("walk" as const),
  awayM,
  angle: fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }),
});
const waitArb = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat({ max: 60_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constant(INACTIVE_AFTER_MS) }) },
);
const stepArb: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: walkArb },
  { weight: 8, arbitrary: moveArb },
  { weight: 6, arbitrary: fc.constant({ do: "settle" } as const) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("deliver", "reach", "lose", "late" as const), choice }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("post", "loseLetter" as const), choice }) },
  { weight: 4, arbitrary: waitArb },
  { weight: 2, arbitrary: fc.constant({ do: "fade" } as const) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("sleep", "sweep", "watch" as const), who: anyone }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("pause", "resume" as const), who: anyone }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("mute" as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: "repeatWord" } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("reveal" as const),
      who: fc.constant(SPY),
      visibility: fc.constantFrom("exact", "coarse", "hidden" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("reveal" as const),
      who: fc.constant(MARK),
      visibility: fc.constantFrom("coarse", "hidden" as const),
    }),
  },
);

const MODES = ["exact", "economy"] as const;
const RUNS = 2_000;

describe("a friend who may know the cell learns nothing else", () => {
  test("the places of a cell are told as the same one, at every spot that this test uses", () => {
    for (const centre of CENTRES) {
      for (const north of [-1, -0.5, 0, 1]) {
        for (const east of [-1, 0, 0.5, 1]) expect(coarsePlace(placeIn(centre, { north, east }))).toEqual(centre);
      }
    }
  });

  for (const mode of MODES) {
    test(`${mode}: any two true places in one cell look the same, whatever happens`, { timeout: 60_000 }, () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...CENTRES),
          fc.array(stepArb, { minLength: 5, maxLength: 60, size: "max" }),
          (centre, steps) => {
            expect(observe(mode, centre, steps, 1)).toEqual(observe(mode, centre, steps, 0));
          },
        ),
        { numRuns: RUNS, seed: 20_260_601 },
      );
    });

    test(`${mode}: thousands of steps on a grid around somebody who stands still`, () => {
      const centre = CENTRES[1] ?? coarsePlace({ lat: 0, lng: 0 });
      const spots: [Spot, Spot] = [
        { north: -0.9, east: -0.8 },
        { north: 0.95, east: 0.9 },
      ];
      const steps: Step[] = [{ do: "move", spots }];
      for (let i = 0; i < 2_000; i++) {
        const [row, column] = [Math.floor(i / 45) - 22, (i % 45) - 22];
        const away = { awayM: Math.hypot(row, column) * 420, angle: Math.atan2(column, row) };
        steps.push({ do: "walk", ...away }, { do: "settle" }, { do: "wait", ms: UPDATE_MS });
        if (i % 10 === 0) steps.push({ do: "move", spots }, { do: "settle" });
      }
      expect(observe(mode, centre, steps, 1)).toEqual(observe(mode, centre, steps, 0));
    });
  }

  test("searching the edge of the radius from all sides finds the centre of the cell, wherever in it somebody is", () => {
    const centre = CENTRES[1] ?? coarsePlace({ lat: 0, lng: 0 });
    for (const at of [
      { north: 0.9, east: -0.9 },
      { north: -0.9, east: 0.3 },
    ]) {
      const w = worldOf("exact", "coarse");
      const place = placeIn(centre, at);
      w.moveTo(MARK, place);
      for (let side = 0; side < 24; side++) {
        const angle = (side / 24) * 2 * Math.PI;
        let [insideM, outsideM] = [0, 20_000];
        while (outsideM - insideM > 1) {
          const tryM = (insideM + outsideM) / 2;
          w.wait(5_000);
          w.moveTo(SPY, around(centre, { awayM: tryM, angle }));
          w.moveTo(MARK, place);
          w.settle();
          if (w.person(SPY).screen.size > 0) insideM = tryM;
          else outsideM = tryM;
        }
        const edge = around(centre, { awayM: insideM, angle });
        expect(Math.abs(distanceM(edge, centre) - RADIUS_M)).toBeLessThan(2);
      }
      expect(distanceM(place, centre)).toBeGreaterThan(400);
      expect(distanceM(place, centre)).toBeLessThan(COARSE_ERROR_M);
    }
  });
});

describe("what the own screen of somebody shows is nobody else's business", () => {
  test("after a sleep, the end of activity is told or not told, whatever the own client shows", () => {
    const centre = CENTRES[0] ?? coarsePlace({ lat: 0, lng: 0 });
    // To the spy both are as far away; the one client shows the spy, the other does not.
    const spots: [Spot, Spot] = [
      { north: 0.9, east: 0 },
      { north: -0.9, east: 0 },
    ];
    const steps: Step[] = [
      { do: "move", spots },
      { do: "walk", awayM: RADIUS_M, angle: 0 },
      { do: "settle" },
      { do: "fade" },
    ];
    expect(observe("exact", centre, steps, 1)).toEqual(observe("exact", centre, steps, 0));
  });
});
