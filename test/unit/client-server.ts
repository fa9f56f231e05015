/** A server of one user for the client's tests: it stores points by the protocol's rules, and fails as it is told. */
import { FRAME_MAX_BYTES, PING, PONG } from "../../src/protocol/limits.ts";
import { errorDown, type ErrorDetails } from "../../src/protocol/errors.ts";
import { frameBytes } from "../../src/protocol/frame-size.ts";
import { frameArrived, NEW_PACE, type FramePace } from "../../src/protocol/pace.ts";
import { inspectRefused } from "../../src/protocol/refused.ts";
import { decodeUp } from "../../src/protocol/up.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import { WELCOME, type FakeSocket } from "./client-fakes.ts";

/** One connection, as the server sees it. */
interface Line {
  readonly socket: FakeSocket;
  /** Frames of the client that have arrived. */
  arrived: number;
  pace: FramePace;
  /** Points that the client counts. */
  points: number;
  /** Of these, points that are in no table yet. */
  buffer: Fix[];
  isOpen: boolean;
}

export class StoringServer {
  /** By `ts`. */
  readonly stored = new Map<number, Fix>();
  /** What no client of this protocol may cause. */
  readonly complaints: string[] = [];
  readonly #nowMs: () => number;
  #line: Line | undefined;
  #failures = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The next frame fails inside. */
  failOnce(): void {
    this.#failures += 1;
  }

  accept(socket: FakeSocket): void {
    if (this.#line?.socket === socket) return;
    this.#line = { socket, arrived: 0, pace: NEW_PACE, points: 0, buffer: [], isOpen: true };
    socket.receive({ ...WELCOME, now: this.#nowMs() });
  }

  /** Up to `count` frames arrive, all at this moment. */
  arrive(count: number): void {
    const line = this.#line;
    if (line === undefined) return;
    const until = Math.min(line.arrived + count, line.socket.frames.length);
    while (line.arrived < until && line.isOpen) {
      const text = line.socket.frames[line.arrived] ?? "";
      line.arrived += 1;
      if (text === PING) line.socket.receive(PONG);
      else this.#frame(line, text);
    }
  }

  /** Everything that has arrived is stored; the client hears of it unless the frame is lost. */
  save(isHeard: boolean): void {
    const line = this.#line;
    if (line === undefined || !line.isOpen) return;
    for (const fix of line.buffer.splice(0)) if (!this.stored.has(fix.ts)) this.stored.set(fix.ts, fix);
    const through = Math.max(0, ...this.stored.keys());
    if (isHeard && line.points > 0) line.socket.receive({ type: "saved", count: line.points, through });
  }

  /** The connection is cut, and what was in no table is lost. */
  cut(): void {
    const line = this.#line;
    if (line === undefined || !line.isOpen) return;
    line.isOpen = false;
    line.socket.end(1006);
  }

  #frame(line: Line, text: string): void {
    const now = this.#nowMs();
    if (frameBytes(text) > FRAME_MAX_BYTES) this.complaints.push(`a frame of ${frameBytes(text)} bytes`);
    const { verdict, pace } = frameArrived(line.pace, now);
    line.pace = pace;
    if (verdict !== "admitted") {
      this.complaints.push("a frame above the pace");
      this.#refuse(line, text, "too_fast", { ref: inspectRefused(text).ref });
      return;
    }
    const decoded = decodeUp(text, now);
    if (!decoded.ok) {
      const { code, ref, index } = decoded.error;
      if (code !== "bad_timestamp") this.complaints.push(`${code}: ${text.slice(0, 100)}`);
      this.#refuse(line, text, code, { ref, index });
      return;
    }
    if (this.#failures > 0) {
      this.#failures -= 1;
      this.#refuse(line, text, "internal", { ref: decoded.message.ref });
      return;
    }
    const { message } = decoded;
    const points = message.type === "locations" ? message.points : message.type === "location" ? [message] : [];
    line.points += points.length;
    line.buffer.push(...points);
  }

  #refuse(line: Line, text: string, code: Parameters<typeof errorDown>[0], details: ErrorDetails): void {
    line.points += inspectRefused(text).points;
    line.socket.receive(errorDown(code, details));
  }
}
