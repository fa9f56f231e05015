/** The real core of every person, with calls that are answered at once, and the screens that it fills. */
import { Circle } from "../../src/nearby/circle.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { LiveFix } from "../../src/nearby/state.ts";
import type { Person } from "./people.ts";

interface Live {
  readonly person: Person;
  readonly circle: Circle;
}

export interface FleetOptions {
  readonly radiusM: number;
  /** Mode `economy`: see CircleOptions. */
  readonly quietMs?: number;
}

export class Fleet {
  /** By index of the person. */
  readonly #live: readonly Live[];
  /** Calls to the objects of friends who were active. */
  meetings = 0;
  /** Calls to the objects of friends who were not: made by a first position, which asks everybody. */
  activationCalls = 0;

  constructor(people: readonly Person[], options: FleetOptions) {
    this.#live = people.map((person) => {
      const roster = () => person.sides.map(({ no }) => ({ no, muted: false }));
      const circle = new Circle(
        { ...options, roster },
        { rev: 0, sharing: true, self: { kind: "inactive" }, complete: false, contacts: [] },
      );
      return { person, circle };
    });
  }

  position(person: Person, fix: LiveFix, now: number): void {
    const live = this.#of(person);
    this.#perform(live, live.circle.position(fix, now).effects, now);
  }

  /** What the alarm does when the activity of a person ends. */
  lapse(person: Person, now: number): void {
    const live = this.#of(person);
    this.#perform(live, live.circle.sweep(now), now);
  }

  #of(person: Person): Live {
    const live = this.#live[person.index];
    if (live === undefined) throw new Error("a person of another fleet");
    return live;
  }

  #perform(live: Live, effects: readonly Effect[], now: number): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "meet":
          this.#meet(live, effect, now);
          break;
        case "leave": {
          const { friend, back } = live.person.side(effect.no);
          const theirs = this.#of(friend);
          this.#perform(theirs, theirs.circle.left(back.no, effect.rev, effect.reason), now);
          break;
        }
        case "show":
          live.person.side(effect.no).shown = effect.sighting;
          break;
        case "hide":
          live.person.side(effect.no).shown = null;
          break;
        case "withdraw":
        case "restate":
        case "lookUp":
          // Nobody pauses, no friendship ends and there is no index in a replay.
          throw new Error(`the core asks for ${effect.kind}`);
      }
    }
  }

  #meet(live: Live, { no, callId, sighting, heard }: Extract<Effect, { kind: "meet" }>, now: number): void {
    const side = live.person.side(no);
    const theirs = this.#of(side.friend);
    const { answer, effects } = theirs.circle.meet({ no: side.back.no, muted: false, sighting, heard }, now);
    if (answer.kind === "away") {
      this.activationCalls += 1;
    } else {
      this.meetings += 1;
      side.exchangedAt = now;
      side.back.exchangedAt = now;
    }
    this.#perform(theirs, effects, now);
    this.#perform(live, live.circle.answered(no, callId, answer, now), now);
  }
}
