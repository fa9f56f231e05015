import { roundPlace } from "../../src/geo/place.ts";
import { Chance } from "./random.ts";
import type { Action, PersonId, Scenario } from "./scenario.ts";

/*
 * A few people who change their minds about each other all the time, close enough to see each other at most moments, while
 * everything that they say to each other gets lost, late and repeated. Then all is calm, and they only move.
 */

const RADIUS_M = 8_046.72;
/** Nobody becomes inactive while a run settles after its last position. */
const INACTIVE_AFTER_MS = 60_000;
const UPDATE_MS = 1_000;
const STORM_MS = 15_000;
/** The outbox waits longer and longer: the last retry that the storm can cause is due well before this is over. */
const CALM_MS = 45_000;
const CHANGES = 24;
const METRES_PER_DEGREE = 111_195;
const CENTRE = { lat: 37.77, lng: -122.42 };
/** In some towns people are mostly near, in others mostly far: two random places of the small one are within the radius half of the time. */
const TOWNS_M = [8_000, 26_000] as const;
/** As far as somebody may go between two updates, who does not jump. */
const STRIDE_M = 3_000;
const SKEW_MS = 100;
const SET_BACK_MS = 2_000;
const VISIBILITIES = ["exact", "coarse", "hidden"] as const;
const SALT = 0x7261;
const WISHES_SHARE = 0.4;

/** What a person does in a race, and how often: drawn with these weights. */
const WISHES = [
  "ask",
  "ask",
  "ask",
  "ask",
  "ask",
  "refuse",
  "refuse",
  "block",
  "unblock",
  "pause",
  "resume",
  "resume",
] as const;
const SETTINGS = [
  "reveal",
  "reveal",
  "reveal",
  "reveal",
  "reveal",
  "mute",
  "close",
  "open",
  "evict",
  "hibernate",
  "reset",
] as const;

export function race(seed: number): Scenario {
  const chance = new Chance(SALT, seed);
  const ids: PersonId[] = chance.is(0.7) ? [0, 1] : [0, 1, 2];
  const pairs = ids.flatMap((a) => ids.filter((b) => a < b).map((b): [PersonId, PersonId] => [a, b]));
  const actions: Action[] = [];
  for (const who of ids) {
    actions.push({ at: 0, who, do: "open", device: 0 }, ...move(seed, who));
    for (let i = 0; i < CHANGES; i++) actions.push(...change(chance, who, ids));
    // Whatever the storm has closed is open again.
    actions.push({ at: STORM_MS, who, do: "open", device: 0 });
  }
  return {
    version: 1,
    note: `race, seed ${seed}`,
    radiusM: RADIUS_M,
    inactiveAfterMs: INACTIVE_AFTER_MS,
    people: ids.map((id) => ({ id, skewMs: Math.round(chance.between(-SKEW_MS, SKEW_MS)) })),
    friends: pairs.filter(() => chance.is(0.7)),
    actions: actions.toSorted((a, b) => a.at - b.at),
    calmAt: STORM_MS,
    fates: {},
    weather: { seed, wayMs: [10, 700], lost: 0.12, again: 0.12, slow: 0.12, lateAlarms: 0.2 },
  };
}

/** To and fro in a small town. */
function move(seed: number, who: PersonId): Action[] {
  const chance = new Chance(SALT, seed, who);
  const lngScale = METRES_PER_DEGREE * Math.cos((CENTRE.lat * Math.PI) / 180);
  const actions: Action[] = [];
  const townM = TOWNS_M[seed % TOWNS_M.length] ?? TOWNS_M[0];
  const jumps = chance.is(0.5) ? 0.3 : 0.02;
  let [x, y] = [0, 0];
  for (let at = chance.between(0, UPDATE_MS); at < STORM_MS + CALM_MS; at += UPDATE_MS * chance.between(0.7, 1.3)) {
    const isElsewhere = at < UPDATE_MS || chance.is(jumps);
    x = isElsewhere ? chance.between(-townM / 2, townM / 2) : x + chance.between(-STRIDE_M, STRIDE_M) / 2;
    y = isElsewhere ? chance.between(-townM / 2, townM / 2) : y + chance.between(-STRIDE_M, STRIDE_M) / 2;
    const place = roundPlace({ lat: CENTRE.lat + y / METRES_PER_DEGREE, lng: CENTRE.lng + x / lngScale });
    actions.push({ at: Math.round(at), who, do: "position", ...place, ts: Math.round(at) });
  }
  return actions;
}

function change(chance: Chance, who: PersonId, ids: readonly PersonId[]): Action[] {
  const others = ids.filter((id) => id !== who);
  const friend = others[chance.below(others.length)] ?? who;
  const at = chance.below(STORM_MS);
  const soon = Math.min(STORM_MS - 1, at + chance.below(2_000));
  if (chance.is(WISHES_SHARE)) {
    const wish = WISHES[chance.below(WISHES.length)] ?? "ask";
    return wish === "pause" || wish === "resume" ? [{ at, who, do: wish }] : [{ at, who, do: wish, friend }];
  }
  const setting = SETTINGS[chance.below(SETTINGS.length)] ?? "reveal";
  switch (setting) {
    case "reveal":
      return [{ at, who, do: setting, friend, visibility: VISIBILITIES[chance.below(VISIBILITIES.length)] ?? "exact" }];
    case "mute":
      return [{ at, who, do: setting, friend, on: chance.is(0.5) }];
    case "open":
    case "close":
      return [{ at, who, do: setting, device: chance.below(2) }];
    case "reset": {
      const skewMs = Math.round(chance.is(0.3) ? -chance.between(0, SET_BACK_MS) : chance.between(-SKEW_MS, SKEW_MS));
      return [
        { at, who, do: setting, skewMs },
        { at: soon, who, do: "open", device: 0 },
      ];
    }
    case "evict":
    case "hibernate":
      return [{ at, who, do: setting }];
  }
}
