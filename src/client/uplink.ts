import type { ErrorDown, Welcome } from "../protocol/down.ts";
import { ERROR_CODES, type ErrorCode } from "../protocol/errors.ts";
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

export interface UplinkOptions {
  readonly nowMs: () => number;
  readonly startTimer: StartTimer;
  /** True when the frame went out. */
  readonly send: (text: string) => boolean;
  /** Points are given up, for the first time or after everything was saved in between. */
  readonly onDropped: () => void;
}

/** What the server said when the connection began. */
interface Session {
  readonly inactiveAfterMs: number;
  /** The server's clock minus this one. */
  readonly aheadMs: number;
}

/** Brings positions to the server: live ones at once, and each again until it is stored. */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #backlog = new Backlog();
  #newest: { readonly fix: Fix; readonly atMs: number } | undefined;
  /** Undefined while offline. */
  #session: Session | undefined;
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

  /** What was last given to `send`. */
  get newest(): Readonly<Fix> | undefined {
    return this.#newest?.fix;
  }

  get unsaved(): number {
    return this.#backlog.unsaved;
  }

  get dropped(): number {
    return this.#backlog.dropped;
  }

  /** @returns true when it went out at once */
  send(fix: Fix): boolean {
    this.#newest = { fix, atMs: this.#options.nowMs() };
    const droppedBefore = this.#backlog.dropped;
    this.#backlog.add(fix);
    const wentOut = this.#sendLive(fix);
    this.#pump();
    if (this.#backlog.dropped > droppedBefore && !this.#hasToldDropped) {
      this.#hasToldDropped = true;
      this.#options.onDropped();
    }
    return wentOut;
  }

  /** The first frame of a connection. */
  welcomed({ inactiveAfterS, now }: Pick<Welcome, "inactiveAfterS" | "now">): void {
    this.#session = { inactiveAfterMs: inactiveAfterS * 1000, aheadMs: now - this.#options.nowMs() };
    this.#liveTatMs = 0;
    this.#liveAtMs = undefined;
    this.#isOvertaken = false;
    this.#sendNewest();
    this.#pump();
  }

  offline(): void {
    if (this.#session === undefined) return;
    this.#session = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#backlog.restart();
  }

  saved(count: number): void {
    this.#backlog.cover(count);
    if (this.#backlog.unsaved === 0) this.#hasToldDropped = false;
    this.#pump();
  }

  /** An error of the server, about one of these frames or about anything else. */
  failed({ code, ref, index }: Pick<ErrorDown, "code" | "ref" | "index">): void {
    if (ref === undefined || this.#session === undefined) return;
    if (code === "internal") {
      this.#backlog.sendAgain(ref, false);
      this.#rest(REST_MS);
    } else if (code === "too_fast") {
      // Either too many positions, which are stored and only not shown, or too many frames, which are not stored. The
      // pace above rules the second out; where it failed a frame would be lost, so a frame goes out once more. A live
      // position does not: an application that sends many would send each of them twice.
      if (this.#backlog.isFrame(ref)) this.#backlog.sendAgain(ref, true);
    } else if (isFinal(code)) {
      const refused = this.#backlog.refuse(ref, index);
      const isAhead = refused !== undefined && refused.ts > this.#serverNowMs();
      // Each of the others would refuse one more frame, and 20 bad frames in a row end a connection.
      if (code === "bad_timestamp" && isAhead) this.#backlog.forgetFrom(refused.ts);
    }
    this.#pump();
  }

  /** An old position sent as live would tell friends that this user is still there. */
  #sendNewest(): void {
    if (this.#newest === undefined || this.#session === undefined) return;
    if (this.#options.nowMs() - this.#newest.atMs > this.#session.inactiveAfterMs) return;
    this.#sendLive(this.#newest.fix);
  }

  #sendLive(fix: Fix): boolean {
    if (this.#session === undefined) return false;
    const admission = admit(this.#liveTatMs, this.#options.nowMs(), LIVE_BURST, LIVE_EVERY_MS);
    if (!admission.ok) return false;
    const text = JSON.stringify({ type: "location", ref: this.#backlog.nextPlace, ...fix });
    if (!this.#options.send(text)) return false;
    this.#backlog.sentAlone(fix);
    this.#liveTatMs = admission.tatMs;
    this.#liveAtMs = this.#serverNowMs();
    this.#isOvertaken = false;
    return true;
  }

  /** Sends one frame of the backlog when its time has come; the timer sends the next one. */
  #pump(): void {
    if (this.#session === undefined || this.#cancelTimer !== undefined) return;
    if (this.#backlog.framesUnanswered >= FRAMES_UNANSWERED_MAX) return;
    const draft = this.#backlog.draft();
    if (draft === undefined) {
      if (this.#isOvertaken) this.#sendNewest();
      return;
    }
    if (!this.#options.send(draft.text)) return;
    this.#backlog.sentFrame(draft);
    this.#watchOrder(draft);
    this.#rest(BACKLOG_EVERY_MS);
  }

  /**
   * The server takes a `ts` in its future for the moment of arrival. From a phone whose clock is ahead, an older point
   * that arrives after the newest one replaces it: then the newest goes out once more in the end.
   */
  #watchOrder({ points }: Draft): void {
    const { newest } = this;
    const liveAtMs = this.#liveAtMs;
    if (newest === undefined || liveAtMs === undefined) return;
    if (points.includes(newest)) this.#isOvertaken = false;
    else if (points.some(({ ts }) => ts > liveAtMs)) this.#isOvertaken = true;
  }

  #rest(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.startTimer(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#pump();
    });
  }

  #serverNowMs(): number {
    return this.#options.nowMs() + (this.#session?.aheadMs ?? 0);
  }
}

/** Whether the same frame is refused again. A code that only newer servers know says nothing about it. */
function isFinal(code: ErrorCode): boolean {
  return Object.hasOwn(ERROR_CODES, code) && ERROR_CODES[code].retry === "never";
}
