/** The people of a replay: where they truly are, and what their screens show. */
import { EARTH_RADIUS_M } from "../../src/geo/distance.ts";
import type { Place } from "../../src/geo/place.ts";
import type { Sighting } from "../../src/nearby/sighting.ts";
import type { Edge } from "./edges.ts";

const RADIANS = Math.PI / 180;

/** One side of a friendship: a person's view of one friend. */
export class Side {
  readonly friend: Person;
  /** Place in the person's list of friends: the core's number of this friend. */
  readonly no: number;
  /** The friend's view of the person. */
  back: Side;
  /** What the person's screen shows of the friend, by the frames that were sent to it. */
  shown: Sighting | null = null;
  /** When the two last told each other where they are, ms. Kept on both sides. */
  exchangedAt = Number.NEGATIVE_INFINITY;
  /** Since when the screen shows a friend who is not near, or leaves out one who is, ms; null while it is right. */
  wrongSince: number | null = null;

  /** @param back the other side; without one, it is set when that is made */
  constructor(friend: Person, no: number, back?: Side) {
    this.friend = friend;
    this.no = no;
    this.back = back ?? this;
  }
}

export class Person {
  readonly index: number;
  readonly sides: Side[] = [];
  /** The position reported last. Which is the truth: no screen can know of a later one. */
  place: Place = { lat: 0, lng: 0 };
  /** The same as a vector from the centre of the Earth, metres. */
  x = 0;
  y = 0;
  z = 0;
  /** Time of the server, ms. */
  activeUntil = 0;

  constructor(index: number) {
    this.index = index;
  }

  moveTo(place: Place, activeUntil: number): void {
    this.place = place;
    this.activeUntil = activeUntil;
    const [lat, lng] = [place.lat * RADIANS, place.lng * RADIANS];
    this.x = EARTH_RADIUS_M * Math.cos(lat) * Math.cos(lng);
    this.y = EARTH_RADIUS_M * Math.cos(lat) * Math.sin(lng);
    this.z = EARTH_RADIUS_M * Math.sin(lat);
  }

  side(no: number): Side {
    const side = this.sides[no];
    if (side === undefined) throw new Error(`there is no friend ${no}`);
    return side;
  }
}

export function makePeople(count: number, edges: readonly Edge[]): Person[] {
  const people = Array.from({ length: count }, (_, index) => new Person(index));
  for (const [first, second] of edges) {
    const [a, b] = [people[first], people[second]];
    if (a === undefined || b === undefined) throw new Error(`there are no people ${first} and ${second}`);
    const mine = new Side(b, a.sides.length);
    mine.back = new Side(a, b.sides.length, mine);
    a.sides.push(mine);
    b.sides.push(mine.back);
  }
  return people;
}
