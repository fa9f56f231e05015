import type { ErrorDown } from "../protocol/down.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { Fix } from "../protocol/fix.ts";
import { admit } from "../protocol/pace.ts";
import { Backlog, type Draft } from "./backlog.ts";
import type { StartTimer } from "./socket.ts";

/*
 * The server refuses frames above a bucket of 100 that refills by 10 a second, and what is refused there is not stored.
 * The three figures below keep every connection under it, also behind a network that holds all frames back for a minute
 * and then delivers them at once: 30 + 60 live ones and 10 of the backlog.
 */

/** Positions that go out one by one at once; others wait a moment and share a frame. */
export const LIVE_BURST = 30;
/** And one per so many ms after the burst: more often than a server shows them to friends by default. */
export const LIVE_EVERY_MS = 1_000;
/** Frames of the backlog that the server has not answered. */
export const FRAMES_UNANSWERED_MAX = 10;

/** Between two frames of the backlog. Leaves half of the bucket's refill to live positions. */
export const BACKLOG_EVERY_MS = 250;

/** After a failure of the server the backlog rests for so long: the same frame at once would fail again. */
export const REST_MS = 10_000;

/**
 * Errors after which the same position is refused again. A code that only newer servers know says nothing about it. Not
 * taken from the protocol's table, whose texts would be a tenth of the bundle; a test holds the two together.
 */
export const FINAL_ERRORS: readonly ErrorCode[] = [
  "bad_json",
  "bad_message",
  "bad_location",
  "bad_timestamp",
  "too_many_points",
];

export interface UplinkOptions {
  readonly nowMs: () => number;
  readonly serverNowMs: () => number;
  readonly inactiveAfterMs: () => number;
  readonly startTimer: StartTimer;
  /** True when the frame went out. */
  readonly send: (text: string) => boolean;
  readonly onFailure: (code: "points_dropped", message: string) => void;
}

/** Brings positions to the server: live ones at once, and each again until it is stored. */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly backlog = new Backlog();
  /** What was last given to `send`. */
  newest: { readonly fix: Fix; readonly atMs: number } | undefined;
  #isOnline = false;
  /** When the bucket of live positions is full again. */
  #liveTatMs = 0;
  /** By the server's clock, when a live position last went out on this connection. */
  #liveAtMs: number | undefined;
  /** The server may have taken an older point for the newest. */
  #isOvertaken = false;
  #hasToldDropped = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  /** @returns true when it went out at once */
  send(fix: Fix): boolean {
    this.newest = { fix, atMs: this.#options.nowMs() };
    const hasDropped = this.backlog.add(fix);
    const wentOut = this.#sendLive(fix);
    this.pump();
    if (hasDropped && !this.#hasToldDropped) {
      this.#hasToldDropped = true;
      this.#options.onFailure("points_dropped", "the oldest are given up");
    }
    return wentOut;
  }

  /** Frames may go out. */
  online(): void {
    this.#isOnline = true;
    this.#liveTatMs = 0;
    this.#liveAtMs = undefined;
    this.#isOvertaken = false;
    this.#sendNewest();
    this.pump();
  }

  offline(): void {
    if (!this.#isOnline) return;
    this.#isOnline = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.backlog.restart();
  }

  saved(count: number): void {
    this.backlog.cover(count);
    if (this.backlog.unsaved === 0) this.#hasToldDropped = false;
    this.pump();
  }

  /** An error of the server, about one of these frames or about anything else. */
  failed({ code, ref, index }: Pick<ErrorDown, "code" | "ref" | "index">): void {
    if (ref === undefined || !this.#isOnline) return;
    if (code === "internal") {
      this.backlog.sendAgain(ref, false);
      this.#rest(REST_MS);
    } else if (code === "too_fast") {
      // Either too many positions, which are stored and only not shown, or too many frames, which are not stored. The
      // pace above rules the second out; where it failed a frame would be lost, so a frame goes out once more. A live
      // position does not: an application that sends many would send each of them twice.
      this.backlog.sendAgain(ref, true);
    } else if (FINAL_ERRORS.includes(code)) {
      const refused = this.backlog.refuse(ref, index);
      const isAhead = refused !== undefined && refused.ts > this.#options.serverNowMs();
      // Each of the others would refuse one more frame, and 20 bad frames in a row end a connection.
      if (code === "bad_timestamp" && isAhead) this.backlog.forgetFrom(refused.ts);
    }
    this.pump();
  }

  /** An old position sent as live would tell friends that this user is still there. */
  #sendNewest(): void {
    const { nowMs, inactiveAfterMs } = this.#options;
    if (this.newest === undefined || nowMs() - this.newest.atMs > inactiveAfterMs()) return;
    this.#sendLive(this.newest.fix);
  }

  #sendLive(fix: Fix): boolean {
    if (!this.#isOnline) return false;
    const admission = admit(this.#liveTatMs, this.#options.nowMs(), LIVE_BURST, LIVE_EVERY_MS);
    if (!admission.ok) return false;
    const text = JSON.stringify({ type: "location", ref: this.backlog.nextPlace, ...fix });
    if (!this.#options.send(text)) return false;
    this.backlog.sentAlone(fix);
    this.#liveTatMs = admission.tatMs;
    this.#liveAtMs = this.#options.serverNowMs();
    this.#isOvertaken = false;
    return true;
  }

  /** Sends one frame of the backlog when its time has come; the timer sends the next one. */
  pump(): void {
    if (!this.#isOnline || this.#cancelTimer !== undefined) return;
    if (this.backlog.framesUnanswered >= FRAMES_UNANSWERED_MAX) return;
    const draft = this.backlog.draft();
    if (draft === undefined) {
      if (this.#isOvertaken) this.#sendNewest();
      return;
    }
    if (!this.#options.send(draft.text)) return;
    this.backlog.sentFrame(draft);
    this.#watchOrder(draft);
    this.#rest(BACKLOG_EVERY_MS);
  }

  /**
   * The server takes a `ts` in its future for the moment of arrival. From a phone whose clock is ahead, an older point
   * that arrives after the newest one replaces it: then the newest goes out once more in the end.
   */
  #watchOrder({ points }: Draft): void {
    const newest = this.newest?.fix;
    const liveAtMs = this.#liveAtMs;
    if (newest === undefined || liveAtMs === undefined) return;
    if (points.includes(newest)) this.#isOvertaken = false;
    else if (points.some(({ ts }) => ts > liveAtMs)) this.#isOvertaken = true;
  }

  #rest(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.startTimer(delayMs, () => {
      this.#cancelTimer = undefined;
      this.pump();
    });
  }
}
