import { roundPlace } from "../../src/geo/place.ts";
import { Chance } from "./random.ts";
import type { Action, PersonId, Scenario } from "./scenario.ts";

/** The default radius of the project. */
const RADIUS_M = 8_046.72;
/**
 * Positions follow each other much faster than the phones' 30 s, and people move as far in between as in minutes: an
 * answer then often meets somebody who has moved, which is what the rules are about.
 */
const TEMPI = {
  /** Most calls are over before anybody moves again. */
  calm: { everyMs: 5_000, inactiveAfterMs: 45_000, wayMs: [5, 155] },
  /** Calls of both sides cross all the time, and a timeout lasts for two positions. */
  rush: { everyMs: 1_000, inactiveAfterMs: 20_000, wayMs: [10, 700] },
} as const;
const FRIENDS_EACH = 10;
/** Side of the square in which people live: two random ones are within the radius in about 15 % of all cases. */
const TOWN_M = Math.sqrt(Math.PI / 0.15) * RADIUS_M;
const METRES_PER_DEGREE = 111_195;
/** Clocks of objects differ by some 100 ms; a machine that takes over may be further behind. */
const SKEW_MS = 100;
const SET_BACK_MS = 2_000;
/** The last part of a run with faults has none: everything heals. */
const STORMY_SHARE = 0.6;
/** The equator, a town, the far north, the antimeridian. */
const CENTRES = [
  { lat: 0.02, lng: 0.01 },
  { lat: 37.77, lng: -122.42 },
  { lat: 78.2, lng: 15.6 },
  { lat: -17.8, lng: 179.99 },
] as const;

const JOURNEYS = [
  ["coarse", "exact"],
  ["hidden", "exact"],
  ["exact", "coarse"],
  ["hidden", "coarse"],
  ["coarse", "hidden"],
] as const;

export interface Plan {
  readonly seed: number;
  readonly people: number;
  /** Updates of each person. */
  readonly steps: number;
  readonly faults: boolean;
  readonly tempo: keyof typeof TEMPI;
  /** Multiplies the share of everything that goes wrong; default 1. Much above that most people are unknown to most. */
  readonly roughness?: number;
  /** There is an index of active friends, which lies or does not. */
  readonly index?: "honest" | "lying";
}

/** A town where people walk, drive and fly about, and lose, drop and pause whatever a person can. */
export function generate({ seed, people, steps, faults, tempo, roughness = 1, index }: Plan): Scenario {
  const { everyMs, inactiveAfterMs, wayMs } = TEMPI[tempo];
  const durationMs = steps * everyMs;
  const calmAt = faults ? Math.round(durationMs * STORMY_SHARE) : 0;
  const friends = drawFriends(seed, people);
  const friendsOf = new Map<PersonId, PersonId[]>();
  for (const [a, b] of friends) {
    friendsOf.set(a, [...(friendsOf.get(a) ?? []), b]);
    friendsOf.set(b, [...(friendsOf.get(b) ?? []), a]);
  }
  const actions: Action[] = [];
  for (let who = 0; who < people; who++) {
    const life = {
      seed,
      who,
      steps,
      durationMs,
      everyMs,
      inactiveAfterMs,
      calmAt,
      roughness,
      friends: friendsOf.get(who) ?? [],
    };
    actions.push(...walk(life), ...live(life), ...decide(life));
    if (faults) actions.push(...suffer(life));
  }
  return {
    version: 1,
    note: `seed ${seed}, ${people} people, ${steps} steps, ${tempo}, ${faults ? "with" : "without"} faults`,
    radiusM: RADIUS_M,
    inactiveAfterMs,
    people: Array.from({ length: people }, (_, id) => ({ id, skewMs: faults ? drawSkew(new Chance(seed, 1, id)) : 0 })),
    friends,
    actions: actions.toSorted((a, b) => a.at - b.at),
    calmAt,
    fates: {},
    weather: faults
      ? {
          seed,
          wayMs: [...wayMs],
          lost: 0.04 * roughness,
          again: 0.03 * roughness,
          slow: 0.03 * roughness,
          lateAlarms: 0.2,
        }
      : { seed, wayMs: [...wayMs], lost: 0, again: 0, slow: 0, lateAlarms: 0 },
    ...(index === undefined ? {} : { index: { seed, lies: index === "lying", flushAt: flushes(seed, calmAt, index) } }),
  };
}

/** When an index that lies loses everything: twice, while other things go wrong. */
function flushes(seed: number, calmAt: number, index: "honest" | "lying"): number[] {
  const chance = new Chance(seed, 7);
  return index === "honest" ? [] : [chance.below(calmAt), chance.below(calmAt)].toSorted((a, b) => a - b);
}

interface Life {
  readonly seed: number;
  readonly who: PersonId;
  readonly steps: number;
  readonly durationMs: number;
  readonly everyMs: number;
  readonly inactiveAfterMs: number;
  readonly calmAt: number;
  readonly roughness: number;
  readonly friends: readonly PersonId[];
}

function drawSkew(chance: Chance): number {
  return Math.round(chance.between(-SKEW_MS, SKEW_MS));
}

function drawFriends(seed: number, people: number): [PersonId, PersonId][] {
  const chance = new Chance(seed, 2);
  const pairs = new Map<string, [PersonId, PersonId]>();
  const wanted = Math.min((people * (people - 1)) / 2, Math.round((people * FRIENDS_EACH) / 2));
  while (pairs.size < wanted) {
    const [a, b] = [chance.below(people), chance.below(people)];
    if (a < b) pairs.set(`${a}-${b}`, [a, b]);
  }
  return [...pairs.values()];
}

/** The positions of one person: still, on foot, by car, or now and then somewhere else at once; some sleep in between. */
function walk({ seed, who, steps, durationMs, everyMs, inactiveAfterMs }: Life): Action[] {
  const chance = new Chance(seed, 3, who);
  const centre = CENTRES[seed % CENTRES.length] ?? CENTRES[0];
  const lngScale = METRES_PER_DEGREE * Math.cos((centre.lat * Math.PI) / 180);
  const paceM = [0, 40, 250, 700, 1_500][chance.below(5)] ?? 0;
  // To and fro around one place: whoever wrongly keeps silent comes back closer than the others think.
  const restlessM = chance.is(0.2) ? 6_000 : 0;
  const jumps = chance.is(0.1) ? 0.15 : 0.01;
  const spot = (): [number, number] => [
    chance.between(-TOWN_M / 2, TOWN_M / 2),
    chance.between(-TOWN_M / 2, TOWN_M / 2),
  ];
  let [x, y] = spot();
  let [goalX, goalY] = spot();
  const actions: Action[] = [];
  for (let at = chance.between(0, everyMs); at < durationMs; at += everyMs * chance.between(0.6, 1.4)) {
    const lat = centre.lat + (y + chance.between(-restlessM, restlessM)) / METRES_PER_DEGREE;
    const lng = ((centre.lng + (x + chance.between(-restlessM, restlessM)) / lngScale + 540) % 360) - 180;
    // Some phones deliver a point late: an older one never overwrites a newer one.
    const lagMs = chance.is(0.02) ? 2 * everyMs : 0;
    actions.push({ at: Math.round(at), who, do: "position", ...roundPlace({ lat, lng }), ts: Math.round(at) - lagMs });
    if (chance.is(0.008 * Math.min(1, steps / 20))) at += inactiveAfterMs * chance.between(0.5, 1.8);
    if (chance.is(jumps)) [x, y] = spot();
    const [dx, dy] = [goalX - x, goalY - y];
    const leftM = Math.hypot(dx, dy);
    if (leftM < paceM || chance.is(0.1)) [goalX, goalY] = spot();
    else {
      x += (dx / leftM) * paceM;
      y += (dy / leftM) * paceM;
    }
  }
  return actions;
}

/** What a person does beside moving. Nothing of it is a fault. */
function live({ seed, who, durationMs, everyMs, friends }: Life): Action[] {
  const chance = new Chance(seed, 4, who);
  const actions: Action[] = [];
  // In some towns nobody ever does: there every `leave` arrives.
  const hibernates = seed % 3 !== 0;
  // Some only report over HTTP, some have a second device.
  if (chance.is(0.85)) actions.push({ at: 0, who, do: "open", device: 0 });
  if (chance.is(0.15)) actions.push({ at: chance.below(durationMs), who, do: "open", device: 1 });
  for (let at = 0; at < durationMs; at += everyMs) {
    const soon = Math.round(at + chance.between(0, everyMs));
    const later = Math.round(soon + chance.between(0.1, 5) * everyMs);
    const friend = friends[chance.below(friends.length)];
    if (chance.is(0.01)) actions.push({ at: soon, who, do: "pause" }, { at: later, who, do: "resume" });
    if (chance.is(0.03))
      actions.push({ at: soon, who, do: "close", device: 0 }, { at: later, who, do: "open", device: 0 });
    if (hibernates && chance.is(0.25)) actions.push({ at: soon, who, do: "hibernate" });
    if (friend === undefined) continue;
    if (chance.is(0.01)) {
      actions.push({ at: soon, who, do: "mute", friend, on: true }, { at: later, who, do: "mute", friend, on: false });
    }
    if (chance.is(0.006)) {
      // Both ask, in either order: a request that crosses another becomes a friendship.
      const theirs = Math.round(soon + chance.between(0.1, 5) * everyMs);
      actions.push(
        { at: soon, who, do: "refuse", friend },
        { at: later, who, do: "ask", friend },
        { at: theirs, who: friend, do: "ask", friend: who },
      );
    }
  }
  return actions;
}

/** Whom a person lets know what. */
function decide({ seed, who, durationMs, everyMs, friends }: Life): Action[] {
  const chance = new Chance(seed, 6, who);
  const actions: Action[] = [];
  for (const friend of friends) {
    if (chance.is(0.15)) actions.push({ at: 0, who, do: "reveal", friend, visibility: "coarse" });
  }
  for (let at = 0; at < durationMs; at += everyMs) {
    const soon = Math.round(at + chance.between(0, everyMs));
    const later = Math.round(soon + chance.between(0.1, 8) * everyMs);
    const friend = friends[chance.below(friends.length)];
    if (friend === undefined) continue;
    const [first, second] = JOURNEYS[chance.below(JOURNEYS.length)] ?? JOURNEYS[0];
    if (chance.is(0.04)) {
      actions.push(
        { at: soon, who, do: "reveal", friend, visibility: first },
        { at: later, who, do: "reveal", friend, visibility: second },
      );
    }
    if (chance.is(0.005)) {
      actions.push(
        { at: soon, who, do: "block", friend },
        { at: later, who, do: "unblock", friend },
        { at: later, who, do: "ask", friend },
        { at: Math.round(later + chance.between(0, 3) * everyMs), who: friend, do: "ask", friend: who },
      );
    }
  }
  return actions;
}

/** What strikes the person's object. */
function suffer({ seed, who, calmAt, everyMs, roughness }: Life): Action[] {
  const chance = new Chance(seed, 5, who);
  const actions: Action[] = [];
  for (let at = 0; at < calmAt; at += everyMs) {
    const soon = Math.round(at + chance.between(0, everyMs));
    if (soon >= calmAt) break;
    if (chance.is(0.03 * roughness)) actions.push({ at: soon, who, do: "evict" });
    if (!chance.is(0.015 * roughness)) continue;
    const skewMs = chance.is(0.2) ? -Math.round(chance.between(0, SET_BACK_MS)) : drawSkew(chance);
    const back = Math.round(soon + chance.between(0.1, 2) * everyMs);
    actions.push({ at: soon, who, do: "reset", skewMs }, { at: back, who, do: "open", device: 0 });
  }
  return actions;
}
