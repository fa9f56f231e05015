import type { Down, Friend } from "../protocol/down.ts";
import { readFrame } from "./frames.ts";
import type { StartTimer } from "./socket.ts";

/** Between two looks at who is near: as often as friends report. */
export const POLL_EVERY_MS = 30_000;

/** An answer that takes longer is none: HTTP is as lost as the socket. */
export const ANSWER_WITHIN_MS = 20_000;

/** What this client needs of `fetch`. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body: string | null;
    readonly signal: AbortSignal;
  },
) => Promise<{ readonly status: number; text(): Promise<string> }>;

export interface PollingOptions {
  /** Base address, without a slash at the end. */
  readonly httpUrl: string;
  readonly token: () => Promise<string>;
  readonly fetch: Fetch;
  readonly nowMs: () => number;
  readonly startTimer: StartTimer;
  /** It works, or no longer does. */
  readonly onPolling: (isActive: boolean) => void;
  /** Not the first time since it works. */
  readonly onFriends: (friends: readonly Friend[]) => void;
  /** The first `nearby`; `saved` and `error`, as the socket would have said it. */
  readonly onMessage: (message: Down) => void;
  readonly onFailure: (code: "token_refused", message: string) => void;
  /** The next frame may go out. */
  readonly onIdle: () => void;
}

/** Status 0: there was none. */
interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * The same over HTTP, for networks that let no socket through: one request at a time, so that what is stored is always
 * the first so many positions sent.
 */
export class Polling {
  readonly #options: PollingOptions;
  /** Of the requests since `start`; undefined when stopped. */
  #abort: AbortController | undefined;
  /** The deadline of the request that is under way, or the time of the next look. */
  #cancelTimer = (): void => {};
  #isBusy = false;
  /** Whether it works. */
  isActive = false;
  #lookAtMs = 0;
  /** As in the message `saved`. */
  #count = 0;
  #through = 0;

  constructor(options: PollingOptions) {
    this.#options = options;
  }

  /** Looks whether HTTP works; goes on until `stop`, or until it does not. */
  start(): void {
    if (this.#abort !== undefined) return;
    this.#abort = new AbortController();
    this.#count = 0;
    this.#through = 0;
    void this.#exchange(this.#abort.signal);
  }

  stop(): void {
    const wasActive = this.isActive;
    this.isActive = false;
    this.#cancelTimer();
    this.#abort?.abort();
    this.#abort = undefined;
    if (wasActive) this.#options.onPolling(false);
  }

  /** @param frame `location` or `locations`, which HTTP takes as they are. @returns true when it goes out */
  post(frame: string): boolean {
    // The look goes first when it is due: a device that sends all the time would never get to it.
    const isFree = this.isActive && !this.#isBusy && this.#options.nowMs() < this.#lookAtMs;
    if (isFree && this.#abort !== undefined) void this.#exchange(this.#abort.signal, frame);
    return isFree;
  }

  /** @param signal aborted when the answer is no longer wanted */
  async #exchange(signal: AbortSignal, frame?: string): Promise<void> {
    const { nowMs, startTimer, onIdle } = this.#options;
    this.#cancelTimer();
    this.#isBusy = true;
    this.#cancelTimer = startTimer(ANSWER_WITHIN_MS, () => this.stop());
    const answer = await this.#ask(signal, frame);
    if (signal.aborted) return;
    this.#isBusy = false;
    const isGood = frame === undefined ? this.#looked(answer) : this.#posted(frame, answer);
    if (signal.aborted) return;
    if (!isGood) return this.stop();
    onIdle();
    if (this.#isBusy) return;
    this.#cancelTimer();
    this.#cancelTimer = startTimer(Math.max(0, this.#lookAtMs - nowMs()), () => void this.#exchange(signal));
  }

  async #ask(signal: AbortSignal, frame?: string): Promise<Answer> {
    const { httpUrl, fetch, token } = this.#options;
    const [method, resource] = frame === undefined ? ["GET", "nearby"] : ["POST", "location"];
    try {
      const headers = { authorization: `Bearer ${await token()}`, "content-type": "application/json" };
      const response = await fetch(`${httpUrl}/v1/${resource}`, { method, headers, body: frame ?? null, signal });
      return { status: response.status, text: await response.text() };
    } catch {
      return { status: 0, text: "" };
    }
  }

  /** A page that a network shows instead of the server's answer is no success: the shape is checked, too. */
  #looked(answer: Answer): boolean {
    const { nowMs, onPolling, onFriends, onMessage, onFailure } = this.#options;
    // What a browser does not tell of a handshake.
    if (answer.status === 401) onFailure("token_refused", "token refused");
    const message = answer.status === 200 ? readFrame(answer.text) : undefined;
    if (message?.type !== "nearby") return false;
    this.#lookAtMs = nowMs() + POLL_EVERY_MS;
    if (this.isActive) {
      onFriends(message.friends);
    } else {
      this.isActive = true;
      onPolling(true);
      onMessage(message);
    }
    return true;
  }

  #posted(frame: string, answer: Answer): boolean {
    const { nowMs, onMessage } = this.#options;
    // Every point of a frame has one `ts`.
    const times = Array.from(frame.matchAll(/"ts":(\d+)/g), ([, ts]) => Number(ts));
    if (answer.status === 202) {
      // The first position makes this user active: now friends can be there.
      if (this.#through === 0) this.#lookAtMs = nowMs();
      this.#through = Math.max(this.#through, ...times);
    } else if (answer.status === 400 && answer.text.includes('"bad_request"')) {
      onMessage(refusal(frame, answer.text));
    } else {
      return false;
    }
    this.#count += times.length;
    onMessage({ type: "saved", count: this.#count, through: this.#through });
    return true;
  }
}

/**
 * A refusal as the socket would have said it. A time too far ahead is all that this client leaves to the server to find;
 * the problem's first pointer is `#/points/3/ts`, or `#/ts` for a point alone.
 */
function refusal(frame: string, problem: string): Down {
  return {
    type: "error",
    code: "bad_timestamp",
    message: "position refused",
    fatal: false,
    ref: Number(/"ref":(\d+)/.exec(frame)?.[1]),
    index: Number(/#\/points\/(\d+)/.exec(problem)?.[1] ?? 0),
  };
}
