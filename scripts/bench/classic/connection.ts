/** One socket: frames in, as messages, at the pace that is allowed; frames out. */
import { on } from "node:events";
import type { WebSocket } from "ws";
import type { Caller } from "../../../src/auth/token.ts";
import { CLOSE, CLOSE_REASON, type CloseKind, type ErrorCode, errorDown } from "../../../src/protocol/errors.ts";
import { encodeDown } from "../../../src/protocol/down.ts";
import { PING, PONG } from "../../../src/protocol/limits.ts";
import { frameArrived, frameDecoded, type FramePace, NEW_PACE } from "../../../src/protocol/pace.ts";
import { inspectRefused } from "../../../src/protocol/refused.ts";
import { type Decoded, decodeUp, type Up } from "../../../src/protocol/up.ts";
import type { Counted } from "./connections.ts";
import type { Screen } from "./session.ts";

/** Node ends a longer timer at once; tokens live longer. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export interface ConnectionOptions {
  socket: WebSocket;
  caller: Caller;
  device: string | undefined;
  /** Makes a message of a frame, now or later, but of one frame after the other. */
  decode: Decode;
  onClose: () => void;
}

export type Decode = (text: string, nowMs: number, take: (decoded: Decoded) => void) => void;

export const decodeNow: Decode = (text, nowMs, take) => take(decodeUp(text, nowMs));

export class Connection implements Screen, Counted {
  readonly user: string;
  readonly device: string | undefined;
  readonly openedMs = Date.now();
  hasSnapshot = false;
  /** When the client was last heard, ms. */
  heardMs: number;

  readonly #socket: WebSocket;
  readonly #decode: Decode;
  #onMessage: (message: Up) => void = () => {};
  #expMs: number;
  #expiry: NodeJS.Timeout | undefined;
  #pace: FramePace = NEW_PACE;
  /** What came before the friends were loaded. */
  #waiting: Up[] | null = [];

  constructor({ socket, caller, device, decode, onClose }: ConnectionOptions) {
    this.user = caller.user;
    this.device = device;
    this.heardMs = this.openedMs;
    this.#socket = socket;
    this.#decode = decode;
    this.#expMs = caller.expMs;
    this.#expireLater();
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

  /** Takes each frame in the moment in which it comes. */
  listen(onMessage: (message: Up) => void): void {
    this.#onMessage = onMessage;
    this.#socket.on("message", (data: Buffer, isBinary: boolean) => {
      const text = this.#admit(data, isBinary);
      if (text !== undefined) this.#decode(text, Date.now(), this.#apply);
    });
  }

  /** The same as one function that goes on when what it waits for is there: a frame after the other, each with all that it causes. */
  async converse(onMessage: (message: Up) => Promise<void>): Promise<void> {
    for await (const [data, isBinary] of on(this.#socket, "message", { close: ["close"] })) {
      const text = this.#admit(data, isBinary === true);
      if (text === undefined) continue;
      const decoded = await decodeLater(text, Date.now());
      const message = this.#judge(decoded);
      if (message !== undefined) await onMessage(message);
    }
  }

  /** The text of a frame that is to be read. */
  #admit(data: Buffer, isBinary: boolean): string | undefined {
    if (isBinary) {
      this.close("binary");
      return undefined;
    }
    const text = data.toString("utf8");
    const nowMs = Date.now();
    this.heardMs = nowMs;
    if (text === PING) {
      this.send(PONG);
      return undefined;
    }
    const arrived = frameArrived(this.#pace, nowMs);
    this.#pace = arrived.pace;
    if (arrived.verdict === "admitted") return text;
    this.refuse("too_fast", inspectRefused(text).ref);
    if (arrived.verdict === "close") this.close("policy");
    return undefined;
  }

  readonly #apply = (decoded: Decoded): void => {
    const message = this.#judge(decoded);
    if (message === undefined) return;
    if (this.#waiting === null) this.#onMessage(message);
    else this.#waiting.push(message);
  };

  #judge(decoded: Decoded): Up | undefined {
    const judged = frameDecoded(this.#pace, decoded.ok);
    this.#pace = judged.pace;
    if (decoded.ok) return decoded.message;
    this.send(encodeDown(decoded.error));
    if (judged.verdict === "close") this.close("policy");
    return undefined;
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

async function decodeLater(text: string, nowMs: number): Promise<Decoded> {
  await Promise.resolve();
  return decodeUp(text, nowMs);
}
