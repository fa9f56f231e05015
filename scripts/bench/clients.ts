/** The sockets of a bench: opened a few at a time, each told what it receives without a copy. */
import { once } from "node:events";
import * as v from "valibot";
import { WebSocket } from "ws";
import { progress } from "../progress.ts";
import { inGroups } from "./groups.ts";

const OPEN_AT_ONCE = 50;
const OPEN_WAIT_MS = 10_000;

/** The bare object's frames have a place as well: all targets send the same. */
const Shown = v.object({ id: v.string(), ts: v.number(), lat: v.number(), lng: v.number() });
export type Shown = v.InferOutput<typeof Shown>;

const Frame = v.object({
  type: v.string(),
  code: v.optional(v.string()),
  count: v.optional(v.number()),
  id: v.optional(v.string()),
  friend: v.optional(Shown),
  friends: v.optional(v.array(Shown)),
});
export type Frame = v.InferOutput<typeof Frame>;

export interface Door {
  url: string;
  headers: Record<string, string>;
}

export class Client {
  readonly #door: Door;
  readonly #label: string;
  readonly #onFailure: (error: Error) => void;
  socket: WebSocket;
  /** What to do with a frame; the load changes it. */
  onFrame: (frame: Frame) => void = () => {};
  /** What to do when an open socket ends. Unless a bench cuts sockets itself, that is a failure. */
  onEnd: (code: number, reason: string) => void;

  constructor(door: Door, label: string, onFailure: (error: Error) => void) {
    this.#door = door;
    this.#label = label;
    this.#onFailure = onFailure;
    this.onEnd = (code) => onFailure(new Error(`${label}: a socket was closed with ${code}`));
    this.socket = this.#connect();
  }

  /** Resolves when the socket that was begun is open. */
  async opened(): Promise<void> {
    const { socket } = this;
    await once(socket, "open", { signal: AbortSignal.timeout(OPEN_WAIT_MS) });
    socket.on("close", (code, reason) => {
      if (this.socket === socket) this.onEnd(code, reason.toString());
    });
  }

  /** A new socket in the place of one that has ended. @returns false when it did not open */
  async reconnect(): Promise<boolean> {
    this.socket = this.#connect();
    try {
      await this.opened();
      return true;
    } catch {
      this.cut();
      return false;
    }
  }

  /** Ends it without a word, and without `onEnd`. */
  cut(): void {
    const { socket } = this;
    socket.removeAllListeners();
    socket.on("error", () => {});
    socket.terminate();
  }

  #connect(): WebSocket {
    const socket = new WebSocket(this.#door.url, { headers: this.#door.headers, perMessageDeflate: false });
    // `opened` hears of it as well, and after that it is followed by the close.
    socket.on("error", () => {});
    socket.on("message", (data: Buffer) => {
      const frame = v.parse(Frame, JSON.parse(data.toString("utf8")));
      if (frame.type === "error")
        this.#onFailure(new Error(`${this.#label}: the server refused a frame: ${frame.code}`));
      else this.onFrame(frame);
    });
    return socket;
  }
}

/** Opens one socket per door. `onFailure` hears of every socket that ends before `closeClients`. */
export async function openClients(doors: Door[], label: string, onFailure: (error: Error) => void): Promise<Client[]> {
  const bar = progress(`${label}: sockets`, doors.length);
  const clients = await inGroups(doors, OPEN_AT_ONCE, async (door) => {
    const client = new Client(door, label, onFailure);
    await client.opened();
    bar.tick();
    return client;
  });
  bar.done();
  return clients;
}

export function closeClients(clients: readonly Client[]): void {
  for (const client of clients) client.cut();
}
