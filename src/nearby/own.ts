import { COARSE_ERROR_M, coarsePlace } from "../geo/coarse.ts";
import type { Sighting } from "./sighting.ts";
import type { LiveFix, Self } from "./state.ts";

/** What an object knows of its own user, and the rev of whatever it says about that (rule 1). */
export class Own {
  #rev: number;
  #self: Self;
  #changes = 0;
  #coarse: { readonly of: Sighting; readonly told: Sighting } | null = null;

  constructor(rev: number, self: Self) {
    this.#rev = rev;
    this.#self = self;
  }

  get rev(): number {
    return this.#rev;
  }
  get self(): Self {
    return this.#self;
  }
  /** Counts what changed here. */
  get changes(): number {
    return this.#changes;
  }

  /** The rev of the next word: never below the clock, so that it survives the loss of this memory. */
  next(now: number): number {
    this.#rev = Math.max(this.#rev + 1, now);
    this.#changes += 1;
    return this.#rev;
  }

  /**
   * What a friend of this visibility is told: the same object for as long as it is the same. A rough position is told to
   * everybody as a coarse one: it must not look more exact than it is.
   */
  tell(mine: Sighting, visibility: "exact" | "coarse"): Sighting {
    const isRough = this.#self.kind === "active" && this.#self.rough === true;
    if (visibility === "exact" && !isRough) return mine;
    if (this.#coarse?.of !== mine) {
      this.#coarse = { of: mine, told: { ...mine, ...coarsePlace(mine), errorM: COARSE_ERROR_M } };
    }
    return this.#coarse.told;
  }

  moveTo({ lat, lng, ts, activeUntil, rough = false }: LiveFix, now: number): void {
    this.#self = { kind: "active", sighting: { rev: this.next(now), lat, lng, ts, activeUntil, errorM: 0 }, rough };
  }

  /** Says what it said last once more, as news. */
  repeat(now: number): void {
    const rev = this.next(now);
    if (this.#self.kind === "active") this.#self = { ...this.#self, sighting: { ...this.#self.sighting, rev } };
  }

  /** The clock fell behind what was told before a restart: without this, friends would drop every word. */
  stepOver(told: number, now: number): void {
    // Not `told <= rev`: an object of an earlier version of this code does not say what it heard.
    if (!(told > this.#rev)) return;
    this.#rev = told;
    this.repeat(now);
  }

  rest(now: number): void {
    this.next(now);
    this.#self = { kind: "inactive" };
  }
}
