/** Compares screens with where everybody truly is: by brute force, and by another formula than the core's. */
import { distanceM, EARTH_RADIUS_M } from "../../src/geo/distance.ts";
import { toleranceM } from "../../src/nearby/economy.ts";
import type { Person, Side } from "./people.ts";
import { Spread } from "./spread.ts";

/**
 * The two formulas agree to about a nanometre. Closer than this to the circle the core's own decides, so that no pair
 * that stands exactly on it counts as wrong.
 */
const EDGE_M = 0.001;

/** Screens of `economy` are off by 80 m at a radius of 5 miles: far more is an error, and then `max` tells it. */
const ERROR_SPREAD_M = 1_000;
const LATE_SPREAD_S = 24 * 3600;
/** Longer than anybody is active without an update. */
const QUIET_SPREAD_S = 3600;

const MS_PER_S = 1000;

/** @param exact every position of a nearby friend has to be on the screen */
export interface OracleOptions {
  readonly radiusM: number;
  readonly exact: boolean;
}

export class Oracle {
  readonly #options: OracleOptions;
  /** Squared chords: certainly inside, certainly outside. */
  readonly #insideM2: number;
  readonly #outsideM2: number;
  /** Sums over updates. */
  active = 0;
  nearby = 0;
  wrongViews = 0;
  /** Screens that were off by more than the person who moved allows. */
  overBound = 0;
  readonly errorM = new Spread(ERROR_SPREAD_M);
  readonly lateS = new Spread(LATE_SPREAD_S);
  readonly lateM = new Spread(ERROR_SPREAD_M);
  readonly quietS = new Spread(QUIET_SPREAD_S);

  constructor(options: OracleOptions) {
    this.#options = options;
    this.#insideM2 = chordM(options.radiusM - EDGE_M) ** 2;
    this.#outsideM2 = chordM(options.radiusM + EDGE_M) ** 2;
  }

  /** Counts the friends who are active, and those of them who are near. */
  count(person: Person, now: number): void {
    for (const { friend } of person.sides) {
      if (friend.activeUntil <= now) continue;
      this.active += 1;
      if (this.#isNear(person, friend)) this.nearby += 1;
    }
  }

  /** Compares what the person and all friends show of each other, after an update or the end of activity. */
  check(person: Person, now: number): void {
    const isActive = person.activeUntil > now;
    for (const side of person.sides) {
      const { friend, back } = side;
      const near = isActive && friend.activeUntil > now && this.#isNear(person, friend);
      const isRight = (side.shown !== null) === near && (back.shown !== null) === near;
      if (!isRight) this.wrongViews += 1;
      else if (near && this.#options.exact && !(showsTruth(side) && showsTruth(back))) this.wrongViews += 1;
      this.#time(side, near, now);
      this.#time(back, near, now);
      if (!isRight && isActive && friend.activeUntil > now) {
        this.lateM.add(Math.abs(distanceM(person.place, friend.place) - this.#options.radiusM));
      }
      if (!this.#options.exact && isActive) this.#measure(person, side, now);
    }
  }

  /** Ends what is still wrong when the replay is over. */
  end(people: readonly Person[], now: number): void {
    for (const { sides } of people) for (const side of sides) this.#right(side, now);
  }

  #isNear(a: Person, b: Person): boolean {
    const [x, y, z] = [a.x - b.x, a.y - b.y, a.z - b.z];
    const chordM2 = x * x + y * y + z * z;
    if (chordM2 < this.#insideM2) return true;
    if (chordM2 > this.#outsideM2) return false;
    return distanceM(a.place, b.place) <= this.#options.radiusM;
  }

  #time(side: Side, near: boolean, now: number): void {
    if ((side.shown !== null) === near) this.#right(side, now);
    else side.wrongSince ??= now;
  }

  #right(side: Side, now: number): void {
    if (side.wrongSince === null) return;
    this.lateS.add((now - side.wrongSince) / MS_PER_S);
    side.wrongSince = null;
  }

  /** How far the friend's screen is off about a person who has just moved. */
  #measure(person: Person, { back, shown, exchangedAt }: Side, now: number): void {
    if (back.shown === null) return;
    this.quietS.add((now - exchangedAt) / MS_PER_S);
    const errorM = distanceM(back.shown, person.place);
    this.errorM.add(errorM);
    // The person decides by the distance to where the friend was heard of last.
    const knownM = shown === null ? this.#options.radiusM : distanceM(person.place, shown);
    if (errorM > toleranceM(knownM)) this.overBound += 1;
  }
}

function showsTruth({ shown, friend }: Side): boolean {
  return shown !== null && shown.lat === friend.place.lat && shown.lng === friend.place.lng;
}

/** The straight line through the Earth between two places that are `arcM` apart on it. */
function chordM(arcM: number): number {
  return 2 * EARTH_RADIUS_M * Math.sin(Math.min(Math.max(arcM, 0) / EARTH_RADIUS_M, Math.PI) / 2);
}
