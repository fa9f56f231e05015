/** A person whom the bill is made for: 40 friends near, 360 far, everybody active. */
import { Circle } from "../../src/nearby/circle.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { Answer } from "../../src/nearby/sighting.ts";
import { east, RADIUS_M, START_MS } from "../unit/nearby-world.ts";

export const NEAR = 40;
export const FAR = 360;

const UPDATE_EVERY_MS = 30_000;
/** Room for a walk of a kilometre without a word to anybody far. */
const FAR_M = RADIUS_M + 3_000;
const WALK_M = 1_000;
const STEP_M = 40;

/**
 * Friends who stand still: their answers are there before the clock starts, so that what is measured is the work of one
 * object. Every position moves by 40 m, back and forth over a kilometre.
 */
export class StandardPerson {
  readonly #circle: Circle;
  readonly #answers: Answer[];
  #now = START_MS;
  #steps = 0;
  /** Calls that were answered. */
  calls = 0;

  constructor({ quietMs }: { quietMs?: number } = {}) {
    this.#answers = Array.from({ length: NEAR + FAR }, (_, no): Answer => {
      const place = east(no < NEAR ? -no * 100 : FAR_M + no * 10);
      const sighting = { ...place, rev: START_MS, ts: START_MS, activeUntil: Number.MAX_SAFE_INTEGER, errorM: 0 };
      return { kind: "active", sighting };
    });
    const roster = () => this.#answers.map((_, no) => ({ no, muted: false }));
    this.#circle = new Circle(
      { radiusM: RADIUS_M, roster, ...(quietMs === undefined ? {} : { quietMs }) },
      { rev: 0, sharing: true, self: { kind: "inactive" }, complete: false, contacts: [] },
    );
    this.position();
  }

  get shown(): number {
    return this.#circle.shown().length;
  }

  /** One position, and every answer to the calls that it asks for. */
  position(): void {
    this.#now += UPDATE_EVERY_MS;
    this.#steps += 1;
    const place = east(Math.abs(((this.#steps * STEP_M) % (2 * WALK_M)) - WALK_M));
    const fix = { ...place, ts: this.#now, activeUntil: this.#now + 10 * UPDATE_EVERY_MS };
    this.#perform(this.#circle.position(fix, this.#now).effects);
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind !== "meet") continue;
      const answer = this.#answers[effect.no];
      if (answer === undefined) throw new Error(`there is no friend ${effect.no}`);
      this.calls += 1;
      this.#perform(this.#circle.answered(effect.no, effect.callId, answer, this.#now));
    }
  }
}
