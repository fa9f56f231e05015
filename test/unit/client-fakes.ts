/** A network, a clock and a dice for the client's tests: nothing happens unless the test says so. */
import type { ClientSocket, Fetch, OpenSocket, StartTimer } from "../../src/client/index.ts";

export class FakeClock {
  nowMs = 1_800_000_000_000;
  readonly #timers = new Set<{ dueMs: number; run: () => void }>();

  readonly startTimer: StartTimer = (delayMs, run) => {
    const timer = { dueMs: this.nowMs + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass; timers run in order, also those that they start. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const next = [...this.#timers].filter((t) => t.dueMs <= untilMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.nowMs = next.dueMs;
      next.run();
    }
    this.nowMs = untilMs;
  }
}

type Listener = (event: { data: unknown; code: number; reason: string }) => void;

export class FakeSocket implements ClientSocket {
  /** Every frame of the client, in order. */
  readonly frames: string[] = [];
  closedWith: number | undefined;
  readonly url: string;
  readonly protocols: readonly string[];
  readonly #listeners: { type: string; listener: Listener }[] = [];

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  /** What the client sent after its greeting, the one `ping` that follows the welcome. */
  get sent(): string[] {
    return this.frames[0] === "ping" ? this.frames.slice(1) : [...this.frames];
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.push({ type, listener });
  }

  send(text: string): void {
    this.frames.push(text);
  }

  close(code?: number): void {
    this.closedWith = code ?? 1005;
  }

  /** A frame from the server: text as it is, anything else as JSON. */
  receive(frame: unknown): void {
    this.#fire("message", { data: typeof frame === "string" ? frame : JSON.stringify(frame), code: 0, reason: "" });
  }

  receiveRaw(data: unknown): void {
    this.#fire("message", { data, code: 0, reason: "" });
  }

  end(code: number, reason = ""): void {
    if (code === 1006) this.#fire("error", { data: undefined, code, reason });
    this.#fire("close", { data: undefined, code, reason });
  }

  #fire(type: string, event: Parameters<Listener>[0]): void {
    for (const entry of this.#listeners) if (entry.type === type) entry.listener(event);
  }
}

export class FakeNetwork {
  readonly sockets: FakeSocket[] = [];

  readonly open: OpenSocket = (url, protocols) => {
    const socket = new FakeSocket(url, protocols);
    this.sockets.push(socket);
    return socket;
  };

  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket was opened");
    return socket;
  }
}

/** A request that waits for its answer. */
export interface FakeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
  /** Text as it is, anything else as JSON. */
  answer(status: number, body: unknown): Promise<void>;
  fail(): Promise<void>;
}

export class FakeHttp {
  readonly requests: FakeRequest[] = [];

  readonly fetch: Fetch = (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      this.requests.push({
        method,
        url,
        headers,
        body,
        signal,
        answer: (status, answer) => {
          const text = typeof answer === "string" ? answer : JSON.stringify(answer);
          resolve({ status, text: () => Promise.resolve(text) });
          return settle();
        },
        fail: () => {
          reject(new TypeError("fetch failed"));
          return settle();
        },
      });
    });

  get last(): FakeRequest {
    const request = this.requests.at(-1);
    if (request === undefined) throw new Error("nothing was requested");
    return request;
  }
}

/** Lets promises that are settled run their continuations. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i += 1) await Promise.resolve();
}

export const WELCOME = {
  type: "welcome",
  user: "viewer",
  radiusM: 8046.72,
  inactiveAfterS: 600,
  updateEveryS: 30,
  now: 1_800_000_000_000,
  protocol: 1,
};

export function aFriend(id: string, extra: Record<string, unknown> = {}) {
  return { id, lat: 37.77, lng: -122.48, ts: 1_800_000_000_000, distance: 100, precision: "exact", ...extra };
}
