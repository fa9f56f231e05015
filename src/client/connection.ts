import { BEARER_SUBPROTOCOL_PREFIX, PING, PONG, SUBPROTOCOL } from "../protocol/limits.ts";
import { isFinalClose, retryDelayMs } from "./backoff.ts";
import { readFrame, type KnownDown } from "./frames.ts";
import type { ClientSocket, OpenSocket, StartTimer } from "./socket.ts";

/**
 * Silence, in either direction, after which a `ping` goes out. Shorter than the idle timeouts of home routers and
 * proxies (60 s is common), and what the protocol asks for.
 */
export const PING_AFTER_MS = 30_000;

/** A socket that answers nothing for so long after a `ping` is dead, whatever its state says. */
export const PONG_WITHIN_MS = 10_000;

/** One attempt: token, handshake and `welcome` together. A phone that changes networks hangs here without an error. */
export const CONNECT_WITHIN_MS = 20_000;

/** A connection that lasted so long counts as a success; one that ends earlier makes the next wait longer. */
export const LASTING_AFTER_MS = 10_000;

/** What browsers report for a connection that ended without a close frame. */
export const ABNORMAL_CLOSE_CODE = 1006;

const NORMAL_CLOSE_CODE = 1000;

/** Where a connection is. `code` is that of the last close, 1006 when there was no close frame. */
export type Status =
  | { readonly state: "connecting" }
  | { readonly state: "online" }
  | { readonly state: "waiting"; readonly retryInMs: number; readonly code: number; readonly reason: string }
  | { readonly state: "closed"; readonly code: number; readonly reason: string };

export interface ConnectionOptions {
  readonly url: string;
  readonly token: () => Promise<string>;
  readonly openSocket: OpenSocket;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly startTimer: StartTimer;
  /** In the order of the frames. `welcome` comes after the status `online`. */
  readonly onMessage: (message: KnownDown) => void;
  readonly onStatus: (status: Status) => void;
  readonly onTokenFailure: (error: unknown) => void;
}

/** Each attempt and each wait is its own object: whatever arrives late from an earlier one is told apart by identity. */
type Phase =
  | { readonly kind: "connecting"; socket: ClientSocket | undefined; cancel: () => void }
  | { readonly kind: "online"; readonly socket: ClientSocket; readonly pulse: Pulse; cancel: () => void }
  | { readonly kind: "waiting"; readonly cancel: () => void }
  | { readonly kind: "closed" };

type Connecting = Extract<Phase, { kind: "connecting" }>;
type Online = Extract<Phase, { kind: "online" }>;

interface Pulse {
  readonly sinceMs: number;
  sentMs: number;
  receivedMs: number;
  /** When the ping went out that nothing has answered yet. */
  pingMs: number | undefined;
}

/** One connection after the other to the same address, until it is closed for good. */
export class Connection {
  readonly #options: ConnectionOptions;
  #phase: Phase = { kind: "closed" };
  #failures = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** To be called once. */
  start(): void {
    this.#connect();
  }

  /** True when the frame went out; false when there is no connection to send it on. */
  send(text: string): boolean {
    const phase = this.#phase;
    if (phase.kind !== "online") return false;
    try {
      phase.socket.send(text);
    } catch {
      // Workers' sockets throw once they are closed; the close event follows.
      return false;
    }
    phase.pulse.sentMs = this.#options.nowMs();
    return true;
  }

  /** Ends the connection and every timer. */
  close(): void {
    if (this.#phase.kind === "closed") return;
    this.#finish(NORMAL_CLOSE_CODE, "closed by the application");
  }

  #connect(): void {
    const phase: Connecting = { kind: "connecting", socket: undefined, cancel: () => {} };
    phase.cancel = this.#options.startTimer(CONNECT_WITHIN_MS, () =>
      this.#lost(phase, ABNORMAL_CLOSE_CODE, "no answer"),
    );
    this.#phase = phase;
    this.#options.onStatus({ state: "connecting" });
    // A token is asked for before every attempt: browsers do not tell a refused token (401) from a lost network.
    this.#options.token().then(
      (token) => this.#openSocket(phase, token),
      (error: unknown) => {
        if (this.#phase !== phase) return;
        this.#options.onTokenFailure(error);
        this.#lost(phase, ABNORMAL_CLOSE_CODE, "no token");
      },
    );
  }

  #openSocket(phase: Connecting, token: string): void {
    if (this.#phase !== phase) return;
    let socket: ClientSocket;
    try {
      socket = this.#options.openSocket(this.#options.url, [SUBPROTOCOL, BEARER_SUBPROTOCOL_PREFIX + token]);
    } catch (error) {
      // A token with characters that no subprotocol may have.
      this.#options.onTokenFailure(error);
      this.#lost(phase, ABNORMAL_CLOSE_CODE, "the token cannot be sent");
      return;
    }
    phase.socket = socket;
    socket.addEventListener("message", (event) => this.#onFrame(socket, event.data));
    socket.addEventListener("close", (event) => this.#onClose(socket, event.code, event.reason));
    // `close` follows with what is known; without a listener the `ws` package throws.
    socket.addEventListener("error", () => {});
  }

  #onFrame(socket: ClientSocket, data: unknown): void {
    const phase = this.#phaseOf(socket);
    if (phase === undefined) return;
    if (phase.kind === "online") {
      phase.pulse.receivedMs = this.#options.nowMs();
      phase.pulse.pingMs = undefined;
      if (data === PONG) return;
    }
    const message = readFrame(data);
    if (message === undefined) return;
    if (message.type === "welcome" && phase.kind === "connecting") this.#welcomed(phase, socket);
    this.#options.onMessage(message);
  }

  #welcomed(phase: Connecting, socket: ClientSocket): void {
    phase.cancel();
    const nowMs = this.#options.nowMs();
    const pulse: Pulse = { sinceMs: nowMs, sentMs: nowMs, receivedMs: nowMs, pingMs: undefined };
    const online: Online = { kind: "online", socket, pulse, cancel: () => {} };
    this.#phase = online;
    this.#watch(online, PING_AFTER_MS);
    // workerd ends the connection of a client that has never sent a frame long after the close frame (4401, 4409): a
    // client that only watches would learn late that it has to act.
    socket.send(PING);
    this.#options.onStatus({ state: "online" });
  }

  /** One timer a connection, set again only when it fires: resetting it with every frame would cost more than the frame. */
  #watch(phase: Online, delayMs: number): void {
    phase.cancel = this.#options.startTimer(delayMs, () => this.#checkPulse(phase));
  }

  #checkPulse(phase: Online): void {
    const { pulse, socket } = phase;
    const nowMs = this.#options.nowMs();
    if (pulse.pingMs !== undefined) {
      this.#lost(phase, ABNORMAL_CLOSE_CODE, "the server stopped answering");
      return;
    }
    const dueMs = Math.min(pulse.sentMs, pulse.receivedMs) + PING_AFTER_MS;
    if (nowMs < dueMs) {
      this.#watch(phase, dueMs - nowMs);
      return;
    }
    socket.send(PING);
    pulse.sentMs = nowMs;
    pulse.pingMs = nowMs;
    this.#watch(phase, PONG_WITHIN_MS);
  }

  #onClose(socket: ClientSocket, code: number, reason: string): void {
    const phase = this.#phaseOf(socket);
    if (phase !== undefined) this.#lost(phase, code, reason);
  }

  #lost(phase: Connecting | Online, code: number, reason: string): void {
    if (this.#phase !== phase) return;
    if (isFinalClose(code)) {
      this.#finish(code, reason);
      return;
    }
    const { nowMs, random, startTimer, onStatus } = this.#options;
    this.#leave(phase);
    if (phase.kind === "online" && nowMs() - phase.pulse.sinceMs >= LASTING_AFTER_MS) this.#failures = 0;
    const retryInMs = retryDelayMs(code, this.#failures, random());
    this.#failures += 1;
    this.#phase = { kind: "waiting", cancel: startTimer(retryInMs, () => this.#connect()) };
    onStatus({ state: "waiting", retryInMs, code, reason });
  }

  #finish(code: number, reason: string): void {
    this.#leave(this.#phase);
    this.#phase = { kind: "closed" };
    this.#options.onStatus({ state: "closed", code, reason });
  }

  #leave(phase: Phase): void {
    if (phase.kind === "closed") return;
    phase.cancel();
    // Its own close event may come half a minute later, from a network that is gone; by then the phase is another.
    if (phase.kind !== "waiting") phase.socket?.close(NORMAL_CLOSE_CODE);
  }

  #phaseOf(socket: ClientSocket): Connecting | Online | undefined {
    const phase = this.#phase;
    if (phase.kind !== "connecting" && phase.kind !== "online") return undefined;
    return phase.socket === socket ? phase : undefined;
  }
}
