import type { Place } from "../../src/geo/place.ts";

/** What a person really does, told by the run itself: the side of the oracle. */
export class Truth {
  place: Place | null = null;
  /** True time, ms, at which activity ends if nothing follows. */
  activeUntil = 0;
  /** The object lost its memory without a copy: it knows nothing of `place` until the next position. */
  isLost = false;
  lastPositionAt = 0;
  /** The index has answered a question that was asked since everything is calm. */
  lookedUp = false;
  /** Positions since everything is calm. */
  sinceCalm = 0;

  moved(place: Place, now: number, inactiveAfterMs: number): void {
    this.place = place;
    this.activeUntil = now + inactiveAfterMs;
    this.lastPositionAt = now;
    this.isLost = false;
  }

  forgotten(): void {
    if (this.place !== null) this.isLost = true;
  }
}
