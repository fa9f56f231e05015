import type { Down } from "../protocol/down.ts";
import { BEARER_SUBPROTOCOL_PREFIX, PING, PONG, SUBPROTOCOL } from "../protocol/limits.ts";
import { isFinalClose, isRefusal, retryDelayMs } from "./backoff.ts";
import { readFrame } from "./frames.ts";
import type { ClientSocket, OpenSocket, StartTimer } from "./socket.ts";
import { expiryMs, renewInMs } from "./token.ts";

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

/** Attempts in a row that led to no connection until HTTP takes over: one may be a dead spot, three are a proxy. */
export const SOCKETS_TRIED_MAX = 3;

/** Between two attempts at a socket while HTTP works: a proxy that swallows upgrades will mostly go on doing so. */
export const SOCKET_RETRY_MS = 60_000;

/** What browsers report for a connection that ended without a close frame. */
export const ABNORMAL_CLOSE_CODE = 1006;

const NORMAL_CLOSE_CODE = 1000;

/** Where a connection is. `code` is that of the last close, 1006 when there was no close frame. */
export type LinkStatus =
  | { readonly state: "connecting" }
  | { readonly state: "online" }
  | { readonly state: "waiting"; readonly retryInMs: number; readonly code: number; readonly reason: string }
  | { readonly state: "closed"; readonly code: number; readonly reason: string };

export interface ConnectionOptions {
  readonly socketUrl: string;
  readonly token: () => Promise<string>;
  readonly webSocket: OpenSocket;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly startTimer: StartTimer;
  /** In the order of the frames. `welcome` comes after the status `online`. */
  readonly onMessage: (message: Down) => void;
  readonly onLink: (status: LinkStatus) => void;
  readonly onFailure: (code: "token_failed" | "socket_failed", error: unknown) => void;
  /** One more attempt has led to no connection, `SOCKETS_TRIED_MAX` or more in a row. */
  readonly onNoSocket: () => void;
  /** Whether HTTP does the work meanwhile. */
  readonly isPolling: () => boolean;
}

/** Each attempt and each wait is its own object: whatever arrives late from an earlier one is told apart by identity. */
type Phase =
  | { readonly kind: "connecting"; token: string | undefined; socket: ClientSocket | undefined; cancel: () => void }
  | Online
  | { readonly kind: "waiting"; readonly code: number; readonly cancel: () => void }
  | { readonly kind: "closed"; readonly cancel: () => void };

type Connecting = Extract<Phase, { kind: "connecting" }>;

interface Online {
  readonly kind: "online";
  readonly socket: ClientSocket;
  readonly sinceMs: number;
  sentMs: number;
  receivedMs: number;
  /** A ping went out that nothing has answered yet. */
  isPinged: boolean;
  cancel: () => void;
}

const NOTHING = (): void => {};

const CLOSED: Phase = { kind: "closed", cancel: NOTHING };

/** One connection after the other to the same address, until it is closed for good. */
export class Connection {
  readonly #options: ConnectionOptions;
  #phase: Phase = CLOSED;
  #cancelRenewal = NOTHING;
  #failures = 0;
  /** Attempts in a row with a token but without a welcome. */
  #unopened = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
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
    phase.sentMs = this.#options.nowMs();
    return true;
  }

  /** The network is back: no reason to wait. A connection that looks open may have died with the old network. */
  hurry(): void {
    const phase = this.#phase;
    if (phase.kind === "waiting" && !isRefusal(phase.code)) {
      phase.cancel();
      this.#connect();
    } else if (phase.kind === "online" && !phase.isPinged) {
      this.#ping(phase);
    }
  }

  /** Ends the connection and every timer. */
  close(): void {
    if (this.#phase.kind === "closed") return;
    this.#finish(NORMAL_CLOSE_CODE, "closed");
  }

  #connect(): void {
    const { startTimer, onLink } = this.#options;
    const phase: Connecting = { kind: "connecting", token: undefined, socket: undefined, cancel: NOTHING };
    phase.cancel = startTimer(CONNECT_WITHIN_MS, () => this.#lost(phase, ABNORMAL_CLOSE_CODE, "no answer"));
    this.#phase = phase;
    onLink({ state: "connecting" });
    void this.#attempt(phase);
  }

  async #attempt(phase: Connecting): Promise<void> {
    const { webSocket, socketUrl, onFailure } = this.#options;
    // A token is asked for before every attempt: browsers do not tell a refused token (401) from a lost network.
    const token = await this.#tokenFor(phase);
    if (this.#phase !== phase) return;
    if (token === undefined) return this.#lost(phase, ABNORMAL_CLOSE_CODE, "no token");
    phase.token = token;
    let socket: ClientSocket;
    try {
      socket = webSocket(socketUrl, [SUBPROTOCOL, BEARER_SUBPROTOCOL_PREFIX + token]);
    } catch (error) {
      // No WebSocket here, not allowed on this page, or a token with characters that no subprotocol may have.
      onFailure("socket_failed", error);
      return this.#lost(phase, ABNORMAL_CLOSE_CODE, "no socket");
    }
    phase.socket = socket;
    socket.addEventListener("message", (event) => this.#onFrame(socket, event.data));
    socket.addEventListener("close", ({ code, reason }) => this.#lost(this.#phaseOf(socket), code, reason));
    // `close` follows with what is known; without a listener the `ws` package throws.
    socket.addEventListener("error", NOTHING);
  }

  #onFrame(socket: ClientSocket, data: unknown): void {
    const phase = this.#phaseOf(socket);
    if (phase === undefined) return;
    if (phase.kind === "online") {
      phase.receivedMs = this.#options.nowMs();
      phase.isPinged = false;
      if (data === PONG) return;
    }
    const message = readFrame(data);
    if (message === undefined) return;
    if (message.type === "welcome" && phase.kind === "connecting") this.#welcomed(phase, socket, message.now);
    // A listener of `online` may have closed.
    if (this.#phaseOf(socket) !== undefined) this.#options.onMessage(message);
  }

  #welcomed({ cancel, token = "" }: Connecting, socket: ClientSocket, serverNowMs: number): void {
    cancel();
    const nowMs = this.#options.nowMs();
    const online: Online = {
      kind: "online",
      socket,
      sinceMs: nowMs,
      sentMs: nowMs,
      receivedMs: nowMs,
      isPinged: false,
      cancel: NOTHING,
    };
    this.#phase = online;
    this.#unopened = 0;
    this.#watch(online, PING_AFTER_MS);
    // workerd ends the connection of a client that has never sent a frame long after the close frame (4401, 4409): a
    // client that only watches would learn late that it has to act.
    this.send(PING);
    this.#renewLater(online, expiryMs(token), serverNowMs - nowMs);
    this.#options.onLink({ state: "online" });
  }

  /** @param untilMs end of the token that the server knows; by the server's clock, which is `aheadMs` ahead of this one */
  #renewLater(phase: Online, untilMs: number, aheadMs: number): void {
    const { nowMs, startTimer } = this.#options;
    const delayMs = renewInMs(untilMs - aheadMs - nowMs());
    if (delayMs === undefined) return;
    this.#cancelRenewal = startTimer(delayMs, () => void this.#renew(phase, untilMs, aheadMs));
  }

  async #renew(phase: Online, untilMs: number, aheadMs: number): Promise<void> {
    const token = await this.#tokenFor(phase);
    if (this.#phase !== phase) return;
    const nextMs = token === undefined ? untilMs : expiryMs(token);
    // The server ends the connection over a token that expires earlier; an application may hold on to its old one.
    const isOlder = nextMs <= untilMs;
    if (!isOlder) this.send(JSON.stringify({ type: "token", token }));
    this.#renewLater(phase, isOlder ? untilMs : nextMs, aheadMs);
  }

  /** Undefined when the application has none now, which is told, or when the phase is over. */
  async #tokenFor(phase: Phase): Promise<string | undefined> {
    const { token, onFailure } = this.#options;
    try {
      return await token();
    } catch (error) {
      if (this.#phase === phase) onFailure("token_failed", error);
      return undefined;
    }
  }

  /** One timer a connection, set again only when it fires: resetting it with every frame would cost more than the frame. */
  #watch(phase: Online, delayMs: number): void {
    phase.cancel = this.#options.startTimer(delayMs, () => this.#checkPulse(phase));
  }

  #checkPulse(phase: Online): void {
    if (phase.isPinged) return this.#lost(phase, ABNORMAL_CLOSE_CODE, "the server stopped answering");
    const leftMs = Math.min(phase.sentMs, phase.receivedMs) + PING_AFTER_MS - this.#options.nowMs();
    if (leftMs > 0) this.#watch(phase, leftMs);
    else this.#ping(phase);
  }

  #ping(phase: Online): void {
    phase.cancel();
    this.send(PING);
    phase.isPinged = true;
    this.#watch(phase, PONG_WITHIN_MS);
  }

  #lost(phase: Phase | undefined, code: number, reason: string): void {
    if (phase === undefined || this.#phase !== phase) return;
    if (isFinalClose(code)) return this.#finish(code, reason);
    const { nowMs, random, startTimer, onLink, onNoSocket, isPolling } = this.#options;
    this.#leave(phase);
    if (phase.kind === "connecting" && phase.token !== undefined) this.#unopened += 1;
    if (phase.kind === "online" && nowMs() - phase.sinceMs >= LASTING_AFTER_MS) this.#failures = 0;
    const retryInMs = Math.max(retryDelayMs(code, this.#failures, random(), reason), isPolling() ? SOCKET_RETRY_MS : 0);
    this.#failures += 1;
    const cancel = startTimer(retryInMs, () => this.#connect());
    this.#phase = { kind: "waiting", code, cancel };
    if (this.#unopened >= SOCKETS_TRIED_MAX) onNoSocket();
    onLink({ state: "waiting", retryInMs, code, reason });
  }

  #finish(code: number, reason: string): void {
    this.#leave(this.#phase);
    this.#phase = CLOSED;
    this.#options.onLink({ state: "closed", code, reason });
  }

  #leave(phase: Phase): void {
    phase.cancel();
    this.#cancelRenewal();
    // Its own close event may come half a minute later, from a network that is gone; by then the phase is another.
    if ("socket" in phase) phase.socket?.close(NORMAL_CLOSE_CODE);
  }

  #phaseOf(socket: ClientSocket): Connecting | Online | undefined {
    const phase = this.#phase;
    return "socket" in phase && phase.socket === socket ? phase : undefined;
  }
}
