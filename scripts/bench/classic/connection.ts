/** One socket: frames in, as messages, at the pace that is allowed; frames out. */
import type { WebSocket } from "ws";
import type { Caller } from "../../../src/auth/token.ts";
import { CLOSE, CLOSE_REASON, type CloseKind, type ErrorCode, errorDown } from "../../../src/protocol/errors.ts";
import { encodeDown } from "../../../src/protocol/down.ts";
import { PING, PONG } from "../../../src/protocol/limits.ts";
import { frameArrived, frameDecoded, type FramePace, NEW_PACE } from "../../../src/protocol/pace.ts";
import { inspectRefused } from "../../../src/protocol/refused.ts";
import { decodeUp, type Up } from "../../../src/protocol/up.ts";
import type { Counted } from "./connections.ts";
import type { Screen } from "./session.ts";

/** Node ends a longer timer at once; tokens live longer. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export interface ConnectionOptions {
  socket: WebSocket;
  caller: Caller;
  device: string | undefined;
  onMessage: (message: Up) => void;
  onClose: () => void;
}

export class Connection implements Screen, Counted {
  readonly user: string;
  readonly device: string | undefined;
  hasSnapshot = false;
  /** When the client was last heard, ms. */
  heardMs: number;

  readonly #socket: WebSocket;
  readonly #onMessage: (message: Up) => void;
  #expMs: number;
  #expiry: NodeJS.Timeout | undefined;
  #pace: FramePace = NEW_PACE;
  /** What came before the friends were loaded. */
  #waiting: Up[] | null = [];

  constructor({ socket, caller, device, onMessage, onClose }: ConnectionOptions) {
    this.user = caller.user;
    this.device = device;
    this.heardMs = Date.now();
    this.#socket = socket;
    this.#onMessage = onMessage;
    this.#expMs = caller.expMs;
    this.#expireLater();
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    // What is wrong with a frame: `ws` closes with the code for it, and `close` follows.
    socket.on("error", () => {});
    socket.once("close", () => {
      clearTimeout(this.#expiry);
      onClose();
    });
  }

  send(frame: string): void {
    this.#socket.send(frame);
  }

  refuse(code: ErrorCode, ref?: number): void {
    this.send(encodeDown(errorDown(code, { ref })));
  }

  close(kind: CloseKind): void {
    this.#socket.close(CLOSE[kind], CLOSE_REASON[kind]);
  }

  replace(): void {
    this.close("replaced");
  }

  /** The server has failed at this connection. */
  fail(): void {
    this.refuse("internal");
    this.#socket.close(1011);
  }

  /** Everything is loaded: what the client has said meanwhile is read now. */
  ready(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const message of waiting) this.#onMessage(message);
  }

  /** A newer token; @returns false if it ends earlier */
  extend(expMs: number): boolean {
    if (expMs < this.#expMs) return false;
    this.#expMs = expMs;
    this.#expireLater();
    return true;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.close("binary");
      return;
    }
    const text = data.toString("utf8");
    const nowMs = Date.now();
    this.heardMs = nowMs;
    if (text === PING) {
      this.send(PONG);
      return;
    }
    const arrived = frameArrived(this.#pace, nowMs);
    this.#pace = arrived.pace;
    if (arrived.verdict !== "admitted") {
      this.refuse("too_fast", inspectRefused(text).ref);
      if (arrived.verdict === "close") this.close("policy");
      return;
    }
    const decoded = decodeUp(text, nowMs);
    const judged = frameDecoded(this.#pace, decoded.ok);
    this.#pace = judged.pace;
    if (!decoded.ok) {
      this.send(encodeDown(decoded.error));
      if (judged.verdict === "close") this.close("policy");
    } else if (this.#waiting === null) {
      this.#onMessage(decoded.message);
    } else {
      this.#waiting.push(decoded.message);
    }
  }

  #expireLater(): void {
    clearTimeout(this.#expiry);
    const inMs = this.#expMs - Date.now();
    this.#expiry = setTimeout(
      () => {
        if (inMs > TIMER_MAX_MS) this.#expireLater();
        else this.close("tokenExpired");
      },
      Math.min(inMs, TIMER_MAX_MS),
    );
  }
}
