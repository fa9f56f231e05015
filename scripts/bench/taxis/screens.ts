/** What every taxi's screen shows by the frames that came, and whether that is true: by brute force over all friends. */
import { distanceM } from "../../../src/geo/distance.ts";
import type { Place } from "../../../src/geo/place.ts";
import { toleranceM } from "../../../src/nearby/economy.ts";
import type { Frame } from "../clients.ts";
import type { Person } from "../people.ts";

/** Whoever stands on the circle itself may be in or out by the last digit of a formula. */
const EDGE_M = 0.01;
/** Two places of one position: the grid of stored positions is 11 mm. */
const SAME_M = 0.05;
/** Enough to see what is wrong. */
const EXAMPLES_MAX = 3;

/** `exact`: the friend's last position, and nobody who is not within the radius; `economy`: off by what is allowed. */
export type Promised = "exact" | "economy";

export interface Verdict {
  /** Pairs of a person and a friend who is within the radius. */
  readonly near: number;
  /** Friends who are near and are not shown, are shown and not near, or are shown where they are not. */
  readonly wrong: number;
  /** How far the friends on the screens are from where they are, at most; m. */
  readonly worstM: number;
  readonly examples: readonly string[];
}

export class Screens {
  readonly #views: Map<string, Place>[];
  /** `friend` frames so far. */
  deliveries = 0;
  /** When one last changed, by `performance.now()`. */
  changedMs = 0;

  constructor(people: number) {
    this.#views = Array.from({ length: people }, () => new Map());
  }

  take(index: number, { type, friend, friends = [], id }: Frame): void {
    const view = this.#views[index];
    if (view === undefined) throw new Error(`there is no person ${index}`);
    if (type === "friend" && friend) {
      view.set(friend.id, friend);
      this.deliveries += 1;
    } else if (type === "nearby") {
      view.clear();
      for (const each of friends) view.set(each.id, each);
    } else if (type === "gone" && id !== undefined) {
      view.delete(id);
    } else return;
    this.changedMs = performance.now();
  }

  shownTo(index: number, id: string): Place | undefined {
    return this.#views[index]?.get(id);
  }
}

export interface Truth {
  readonly people: readonly Person[];
  /** Where everybody last said to be. */
  readonly places: readonly Place[];
  readonly radiusM: number;
}

/** Compares all screens with where everybody is. Call it when nothing is under way. */
export function judge(screens: Screens, { people, places, radiusM }: Truth, mode: Promised): Verdict {
  let [near, wrong, worstM] = [0, 0, 0];
  const examples: string[] = [];
  for (const [viewer, { id: viewerId, friends }] of people.entries()) {
    for (const friend of friends) {
      const friendId = people[friend]?.id ?? "";
      const [here, there] = [places[viewer], places[friend]];
      if (here === undefined || there === undefined) throw new Error("somebody is nowhere");
      const awayM = distanceM(here, there);
      const shown = screens.shownTo(viewer, friendId);
      if (awayM <= radiusM) near += 1;
      const offM = shown === undefined ? null : distanceM(shown, there);
      const seen = screens.shownTo(friend, viewerId);
      const knownM = seen === undefined ? radiusM : distanceM(there, seen);
      const isRight = mode === "exact" ? isTrue({ awayM, offM, radiusM }) : isAllowed({ awayM, offM, radiusM, knownM });
      worstM = Math.max(worstM, offM ?? 0);
      if (isRight) continue;
      wrong += 1;
      if (examples.length < EXAMPLES_MAX) examples.push(describe(viewerId, friendId, awayM, offM));
    }
  }
  return { near, wrong, worstM, examples };
}

interface Pair {
  /** Between the two, in truth. */
  readonly awayM: number;
  /** Between where the friend is and where the screen shows it; null when it is not shown. */
  readonly offM: number | null;
  readonly radiusM: number;
}

function isTrue({ awayM, offM, radiusM }: Pair): boolean {
  if (Math.abs(awayM - radiusM) <= EDGE_M) return true;
  return offM === null ? awayM > radiusM : awayM < radiusM && offM <= SAME_M;
}

/** @param knownM how far the friend takes this viewer to be away */
function isAllowed({ awayM, offM, radiusM, knownM }: Pair & { readonly knownM: number }): boolean {
  if (offM !== null && offM > toleranceM(knownM) + SAME_M) return false;
  // Near the circle each of the two may be off by what is allowed there.
  if (Math.abs(awayM - radiusM) <= 2 * toleranceM(radiusM)) return true;
  return (offM !== null) === awayM < radiusM;
}

function describe(viewer: string, friend: string, awayM: number, offM: number | null): string {
  const shown = offM === null ? "not shown" : `shown ${offM.toFixed(1)} m off`;
  return `${friend} is ${awayM.toFixed(1)} m from ${viewer} and ${shown}`;
}
