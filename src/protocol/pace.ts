import { BAD_FRAMES_IN_A_ROW_MAX, FRAME_BURST, FRAMES_PER_S, TOO_FAST_FRAMES_MAX } from "./limits.ts";

export type Admission = { ok: true; tatMs: number } | { ok: false; retryAfterMs: number };

/**
 * A bucket of `burst` that refills by one per `minMs`, held in one number (GCRA, ITU-T I.371): the time at which the
 * bucket is full again, 0 for a fresh one. Whole milliseconds, so that no rounding adds up.
 *
 * @returns the number to keep, or after how long the next one is admitted
 */
export function admit(tatMs: number, nowMs: number, burst: number, minMs: number): Admission {
  const capacityMs = burst * minMs;
  // Further ahead than an empty bucket needs: the clock was set back, and would refuse for as long as that.
  const fullAtMs = tatMs > nowMs + capacityMs ? nowMs : Math.max(tatMs, nowMs);
  const retryAfterMs = fullAtMs + minMs - capacityMs - nowMs;
  return retryAfterMs > 0 ? { ok: false, retryAfterMs } : { ok: true, tatMs: fullAtMs + minMs };
}

/** How a connection has behaved: three whole numbers, so that they fit into its socket's attachment. */
export interface FramePace {
  /** When the bucket of frames is full again, ms since the epoch. */
  readonly tatMs: number;
  /** Frames refused since the bucket was last full. */
  readonly refused: number;
  /** Bad frames since the last good one. */
  readonly badInARow: number;
}

export const NEW_PACE: FramePace = { tatMs: 0, refused: 0, badInARow: 0 };

const FRAME_MIN_MS = 1_000 / FRAMES_PER_S;

/** `close` is due with 1008, after the error. */
export type FrameVerdict = "admitted" | "refused" | "close";

export interface Paced {
  readonly verdict: FrameVerdict;
  readonly pace: FramePace;
}

/** A text frame has arrived (`ping` never gets here); before it is decoded. Refused: answer `too_fast`, apply nothing. */
export function frameArrived(pace: FramePace, nowMs: number): Paced {
  const refusedBefore = pace.tatMs <= nowMs ? 0 : pace.refused;
  const admission = admit(pace.tatMs, nowMs, FRAME_BURST, FRAME_MIN_MS);
  if (admission.ok) {
    return { verdict: "admitted", pace: { ...pace, tatMs: admission.tatMs, refused: refusedBefore } };
  }
  const refused = refusedBefore + 1;
  return { verdict: refused >= TOO_FAST_FRAMES_MAX ? "close" : "refused", pace: { ...pace, refused } };
}

/** An admitted frame was decoded: `good` when it is a message, whatever becomes of it afterwards. */
export function frameDecoded(pace: FramePace, good: boolean): Paced {
  const badInARow = good ? 0 : pace.badInARow + 1;
  const verdict = good ? "admitted" : badInARow >= BAD_FRAMES_IN_A_ROW_MAX ? "close" : "refused";
  return { verdict, pace: badInARow === pace.badInARow ? pace : { ...pace, badInARow } };
}
