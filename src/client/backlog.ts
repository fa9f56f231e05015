import type { Fix } from "../protocol/fix.ts";
import { FRAME_MAX_BYTES, POINTS_PER_FRAME_MAX } from "../protocol/limits.ts";

/**
 * Points kept at most, a week without a network at one per 30 s. Bounds the memory of an app whose server cannot be
 * reached, or never says `saved`: a few megabytes.
 */
export const UNSAVED_MAX = 20_000;

/** A `locations` frame of the points that have waited longest; still to be sent. */
export interface Draft {
  /** ASCII only: as many bytes as characters. */
  readonly text: string;
  readonly points: readonly Fix[];
}

/** The places of a frame's points among all points of the connection. */
interface Frame {
  readonly from: number;
  readonly to: number;
}

/**
 * Every point that the server has not said to have stored. `saved` counts the points of a connection in the order sent,
 * so this holds the same order: the place of a point is how many were sent before it on this connection. The `ref` of a
 * frame is the place of its first point.
 */
export class Backlog {
  /** Not sent on this connection; oldest first, then what has to be sent once more. */
  #waiting: Fix[] = [];
  /** Sent on this connection and not covered, by place from `#covered` on; undefined where nothing is left to cover. */
  readonly #sent: (Fix | undefined)[] = [];
  /** Points of this connection before `#sent`. */
  #covered = 0;
  /** `locations` frames of this connection that neither `saved` nor an error has answered. */
  #frames: Frame[] = [];
  #repeated = new WeakSet<Fix>();
  /** Points that are not known to be stored. */
  unsaved = 0;
  /** Points given up because there were more than `UNSAVED_MAX`. */
  dropped = 0;

  get framesUnanswered(): number {
    return this.#frames.length;
  }

  /** The place of the next point that is sent. */
  get nextPlace(): number {
    return this.#covered + this.#sent.length;
  }

  /**
   * A new point, to be sent; the oldest one goes when there are too many.
   *
   * @returns whether one was given up
   */
  add(fix: Fix): boolean {
    const before = this.dropped;
    this.#waiting.push(fix);
    this.unsaved += 1;
    // Empty places count too: what is bounded is memory.
    while (this.#waiting.length + this.#sent.length > UNSAVED_MAX) this.#dropOldest();
    return this.dropped > before;
  }

  /** The next frame of the points that wait, within the limits of a frame; undefined when none waits. */
  draft(): Draft | undefined {
    const points = this.#waiting.slice(0, POINTS_PER_FRAME_MAX);
    let text = this.#frame(points);
    while (text.length > FRAME_MAX_BYTES) {
      points.pop();
      text = this.#frame(points);
    }
    return points.length === 0 ? undefined : { text, points };
  }

  /** A point went out in a frame of its own, perhaps not for the first time: then only its place counts. */
  sentAlone(fix: Fix): void {
    const at = this.#waiting.lastIndexOf(fix);
    if (at !== -1) this.#waiting.splice(at, 1);
    this.#sent.push(at === -1 ? undefined : fix);
    this.#trim();
  }

  /** The last draft went out. */
  sentFrame({ points }: Draft): void {
    const from = this.nextPlace;
    this.#waiting.splice(0, points.length);
    this.#sent.push(...points);
    this.#frames.push({ from, to: this.nextPlace });
  }

  /** @param count the server has stored so many points of this connection; repeats and nonsense do no harm */
  cover(count: number): void {
    const known = Math.min(Math.floor(count), this.nextPlace) - this.#covered;
    if (!(known > 0)) return;
    for (const fix of this.#sent.splice(0, known)) if (fix !== undefined) this.unsaved -= 1;
    this.#covered += known;
    this.#trim();
    this.#frames = this.#frames.filter(({ to }) => to > this.#covered);
  }

  /**
   * The server will never take this point: it is forgotten. The others of its frame were not applied either; they are
   * sent again. Without a valid `index` all of the frame are refused.
   *
   * @returns the point refused by `index`, or the only one of its frame
   */
  refuse(ref: number, index = -1): Fix | undefined {
    const taken = this.#take(ref);
    const bad = taken.length === 1 ? 0 : index < taken.length ? index : -1;
    let refused: Fix | undefined;
    for (const [at, fix] of taken.entries()) {
      if (fix === undefined) continue;
      if (bad >= 0 && at !== bad) {
        this.#waiting.push(fix);
      } else {
        this.unsaved -= 1;
        if (at === bad) refused = fix;
      }
    }
    return refused;
  }

  /**
   * A frame was not applied for a reason that may pass: its points are sent again, behind all others.
   *
   * @param once only of a `locations` frame, and not those that this connection has already sent again: they stay where
   *   they are until `saved` covers them or the connection ends
   */
  sendAgain(ref: number, once: boolean): void {
    if (once && !this.#frames.some(({ from }) => from === ref)) return;
    for (const fix of this.#take(ref, (known) => !(once && this.#repeated.has(known)))) {
      if (fix === undefined) continue;
      this.#repeated.add(fix);
      this.#waiting.push(fix);
    }
  }

  /** Points from this time on are refused by the server as too far in the future. */
  forgetFrom(ts: number): void {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((fix) => fix.ts < ts);
    this.unsaved -= before - this.#waiting.length;
  }

  /** The connection has ended: counting starts again, and whatever was not covered waits, oldest first. */
  restart(): void {
    const sent = this.#sent.splice(0).filter((fix) => fix !== undefined);
    this.#waiting = [...sent, ...this.#waiting].toSorted((a, b) => a.ts - b.ts);
    this.#covered = 0;
    this.#frames = [];
    this.#repeated = new WeakSet();
  }

  #frame(points: readonly Fix[]): string {
    return JSON.stringify({ type: "locations", ref: this.nextPlace, points });
  }

  #dropOldest(): void {
    const [sent] = this.#sent;
    const [waiting] = this.#waiting;
    if (sent !== undefined && (waiting === undefined || sent.ts <= waiting.ts)) {
      this.#sent[0] = undefined;
      this.#trim();
    } else {
      this.#waiting.shift();
    }
    this.unsaved -= 1;
    this.dropped += 1;
  }

  /** What is left to cover of a frame, or of a live position: each by its place, no longer counted as sent. */
  #take(ref: number, isWanted: (fix: Fix) => boolean = () => true): (Fix | undefined)[] {
    const frame = this.#frames.find(({ from }) => from === ref);
    this.#frames = this.#frames.filter((other) => other !== frame);
    const taken: (Fix | undefined)[] = [];
    for (let place = ref; place < (frame?.to ?? ref + 1); place += 1) {
      const at = place - this.#covered;
      const fix = this.#sent[at];
      const isTaken = fix !== undefined && isWanted(fix);
      if (isTaken) this.#sent[at] = undefined;
      taken.push(isTaken ? fix : undefined);
    }
    this.#trim();
    return taken;
  }

  #trim(): void {
    const kept = this.#sent.findIndex((fix) => fix !== undefined);
    const empty = kept === -1 ? this.#sent.length : kept;
    this.#sent.splice(0, empty);
    this.#covered += empty;
  }
}
