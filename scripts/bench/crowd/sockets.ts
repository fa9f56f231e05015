/** One plain socket per person, in this process: it does as little as it can with a frame. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { WebSocket } from "ws";
import { PING, PONG } from "../../../src/protocol/limits.ts";
import { progress } from "../../progress.ts";
import type { Door } from "../clients.ts";
import { atRate } from "./at-rate.ts";
import type { Errors } from "./errors.ts";

const OPEN_AT_ONCE = 200;
const OPEN_WAIT_MS = 20_000;
/** A snapshot comes at the latest 2 s after the first position; a busy machine needs some more. */
const SNAPSHOT_WAIT_MS = 30_000;

const Frame = v.object({
  type: v.string(),
  code: v.optional(v.string()),
  ref: v.optional(v.number()),
  friend: v.optional(v.object({ id: v.string(), ts: v.number() })),
});
type Frame = v.InferOutput<typeof Frame>;

export class Sockets {
  readonly #errors: Errors;
  readonly #sockets: WebSocket[] = [];
  readonly #waiting = new Map<number, () => void>();
  #closing = false;
  pongs = 0;
  /** Told of every frame but `pong`, with whose it is. */
  onFrame: (index: number, frame: Frame) => void = () => {};

  constructor(errors: Errors) {
    this.#errors = errors;
  }

  /** Opens one after the other at a rate; each sends a first position and has seen who is near. */
  async open(
    doors: readonly Door[],
    { perS, firstFrame, signal }: { perS: number; firstFrame: (index: number) => string; signal: AbortSignal },
  ): Promise<void> {
    const bar = progress("people connected", doors.length);
    await atRate(doors.length, { perS, atOnce: OPEN_AT_ONCE, signal }, async (index) => {
      const door = doors[index];
      if (door === undefined) throw new Error(`there is no person ${index}`);
      const socket = this.#connect(index, door);
      await once(socket, "open", { signal: AbortSignal.any([signal, AbortSignal.timeout(OPEN_WAIT_MS)]) });
      const seen = new Promise<void>((resolve) => this.#waiting.set(index, resolve));
      socket.send(firstFrame(index));
      const waiting = new AbortController();
      const late = sleep(SNAPSHOT_WAIT_MS, true, { signal: waiting.signal }).catch(() => false);
      if ((await Promise.race([seen, late])) === true) this.#errors.note("no snapshot after the first position");
      waiting.abort();
      bar.tick();
    });
    bar.done();
  }

  /** @returns whether there was an open socket to send it by; if not, that is an error already */
  send(index: number, text: string): boolean {
    const socket = this.#sockets[index];
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(text);
    return true;
  }

  ping(index: number): void {
    this.send(index, PING);
  }

  close(): void {
    this.#closing = true;
    for (const socket of this.#sockets) socket.terminate();
  }

  #connect(index: number, { url, headers }: Door): WebSocket {
    const socket = new WebSocket(url, { headers, perMessageDeflate: false });
    this.#sockets[index] = socket;
    socket.on("error", (error) => this.#note(`socket: ${error.message}`));
    socket.on("close", (code) => this.#note(`a socket was closed with ${code}`));
    socket.on("message", (data: Buffer) => this.#receive(index, data.toString("utf8")));
    return socket;
  }

  #receive(index: number, text: string): void {
    if (text === PONG) {
      this.pongs += 1;
      return;
    }
    const frame = v.parse(Frame, JSON.parse(text));
    if (frame.type === "error") this.#note(`a frame was refused: ${frame.code}`);
    if (frame.type === "nearby") {
      this.#waiting.get(index)?.();
      this.#waiting.delete(index);
    }
    this.onFrame(index, frame);
  }

  #note(kind: string): void {
    if (!this.#closing) this.#errors.note(kind);
  }
}
