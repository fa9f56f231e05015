import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { Frame, FrameOf, Friend } from "./frames.ts";
import { is, parseFrame } from "./frames.ts";
import type { Place } from "./places.ts";

/** Enough for a call to a friend that times out (2 s) on a busy machine; a healthy answer takes milliseconds. */
export const ANSWER_MS = 6_000;
/** How long a test listens to be convinced that nothing comes. */
export const SILENCE_MS = 500;

/**
 * How long this side waits for the other to end the transport after both close frames, as browsers do (2 s in
 * Chromium): workerd keeps it open for a socket that never sent anything.
 */
const CLOSE_TIMEOUT_MS = 2_000;

export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

export interface ConnectOptions {
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  readonly device?: string;
  readonly protocols?: readonly string[];
  readonly headers?: Record<string, string>;
}

/** One socket: the log of what came, waiting for what should come, and the view that a client would keep. */
export class Connection {
  readonly frames: Frame[] = [];
  /** Text frames that are not JSON, that is `pong`. */
  readonly pongs: string[] = [];
  /** The friends that a client shows now: `nearby` replaces, `friend` adds or moves, `gone` removes. */
  readonly view = new Map<string, Friend>();
  readonly label: string;
  readonly protocol: string;

  readonly #socket: WebSocket;
  #cursor = 0;
  #closed: CloseInfo | undefined;
  #broken: Error | undefined;
  #lastTs = 0;
  #clockOffsetMs = 0;
  #wake: () => void = () => undefined;
  #woken: Promise<void>;

  private constructor(socket: WebSocket, label: string) {
    this.label = label;
    this.#socket = socket;
    this.protocol = socket.protocol;
    this.#woken = new Promise((resolve) => (this.#wake = resolve));
  }

  /** Opens a socket. @throws Error with the HTTP status when the upgrade is refused */
  static open(url: string, options: ConnectOptions, label: string): Promise<Connection> {
    const address = new URL("/v1/connect", url.replace(/^http/, "ws"));
    if (options.device !== undefined) {
      address.searchParams.set("device", options.device);
    }
    const headers = { ...options.headers };
    if (options.token !== undefined) {
      headers["authorization"] = `Bearer ${options.token}`;
    }
    const settings = { headers, handshakeTimeout: ANSWER_MS, closeTimeout: CLOSE_TIMEOUT_MS };
    const socket = new WebSocket(address, [...(options.protocols ?? [])], settings);
    return new Promise((resolve, reject) => {
      // Frames can follow the upgrade in the same packet: listen before `open` is announced.
      const early: [Buffer, boolean][] = [];
      const keep = (data: Buffer, binary: boolean): void => void early.push([data, binary]);
      socket.on("message", keep);
      socket.once("unexpected-response", (_request, response) => {
        reject(new Error(`${label}: the upgrade was refused with ${response.statusCode}`));
        socket.terminate();
      });
      socket.once("error", reject);
      socket.once("open", () => {
        const connection = new Connection(socket, label);
        socket.off("message", keep);
        connection.#listen();
        for (const [data, binary] of early) {
          connection.#receive(data, binary);
        }
        resolve(connection);
      });
    });
  }

  get isOpen(): boolean {
    return this.#closed === undefined && this.#socket.readyState === WebSocket.OPEN;
  }

  /** The server's clock as far as `welcome` told it, ms. */
  nowMs(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  /** Sends a message as JSON. */
  send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** Sends these bytes or this text as they are. */
  sendRaw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  /** Sends a live position; `ts` is by default the server's time, never twice the same. @returns the `ts` sent */
  move(place: Place, more: { ts?: number; ref?: number; accuracy?: number } = {}): number {
    const ts = more.ts ?? Math.max(this.#lastTs + 1, Math.floor(this.nowMs()));
    this.#lastTs = Math.max(ts, this.#lastTs);
    this.send({ type: "location", lat: place.lat, lng: place.lng, ...more, ts });
    return ts;
  }

  /** The first frame after the last one that was waited for which fits; later waits start behind it. */
  async next<F extends Frame>(fits: (frame: Frame) => frame is F, what: string, timeoutMs = ANSWER_MS): Promise<F> {
    const deadline = Date.now() + timeoutMs;
    for (let at = this.#cursor; ;) {
      for (; at < this.frames.length; at += 1) {
        const frame = this.frames[at];
        if (frame !== undefined && fits(frame)) {
          this.#cursor = at + 1;
          return frame;
        }
      }
      await this.#change(deadline, what);
    }
  }

  /** Listens for `ms` and fails when a frame fits among those not yet waited for and those that come. */
  async never(fits: (frame: Frame) => boolean, what: string, ms = SILENCE_MS): Promise<void> {
    await sleep(ms);
    this.#failIfBroken();
    const frame = this.frames.slice(this.#cursor).find(fits);
    if (frame !== undefined) {
      throw new Error(`${this.label}: unwanted ${what}: ${JSON.stringify(frame)}\n${this.log()}`);
    }
  }

  /** Everything that came until now counts as seen: `next` and `never` start here. */
  skip(): void {
    this.#cursor = this.frames.length;
  }

  /** Waits until what a client would show is as wanted. */
  async until(
    fits: (view: ReadonlyMap<string, Friend>) => boolean,
    what: string,
    timeoutMs = ANSWER_MS,
  ): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!fits(this.view)) {
      await this.#change(deadline, what);
    }
  }

  async welcome(): Promise<FrameOf<"welcome">> {
    return this.next(is("welcome"), "welcome");
  }

  async nearby(): Promise<FrameOf<"nearby">> {
    return this.next(is("nearby"), "nearby");
  }

  /** Sends `ping` and waits for `pong`: the connection is alive. */
  async ping(timeoutMs = ANSWER_MS): Promise<void> {
    const before = this.pongs.length;
    const deadline = Date.now() + timeoutMs;
    this.sendRaw("ping");
    while (this.pongs.length === before) {
      await this.#change(deadline, "pong");
    }
  }

  /** Waits until the server has closed the socket. */
  async closeInfo(timeoutMs = ANSWER_MS): Promise<CloseInfo> {
    const deadline = Date.now() + timeoutMs;
    while (this.#closed === undefined) {
      await this.#change(deadline, "the close of the socket", true);
    }
    return this.#closed;
  }

  /** Closes from this side and waits until it is closed. */
  async close(): Promise<void> {
    this.#socket.close(1000);
    await this.closeInfo();
  }

  /** Ends the socket without a word, as a lost network does. */
  cut(): void {
    this.#socket.terminate();
  }

  /** The frames seen, for error messages. */
  log(): string {
    const shown = this.frames.slice(-40).map((frame) => `  ${JSON.stringify(frame)}`);
    const close = this.#closed === undefined ? "open" : `closed ${this.#closed.code} ${this.#closed.reason}`;
    return `${this.label}: ${this.frames.length} frames, ${this.pongs.length} pongs, ${close}\n${shown.join("\n")}`;
  }

  #listen(): void {
    this.#socket.on("message", (data: Buffer, binary: boolean) => this.#receive(data, binary));
    this.#socket.on("error", (error) => this.#break(error));
    this.#socket.on("close", (code, reason) => {
      this.#closed = { code, reason: reason.toString("utf8") };
      this.#announce();
    });
  }

  #receive(data: Buffer, binary: boolean): void {
    const text = data.toString("utf8");
    if (binary) {
      this.#break(new Error("the server sent a binary frame"));
    } else if (text === "pong") {
      this.pongs.push(text);
      this.#announce();
    } else {
      try {
        this.#take(parseFrame(text));
      } catch (error) {
        this.#break(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }

  #take(frame: Frame): void {
    this.frames.push(frame);
    if (frame.type === "welcome") {
      this.#clockOffsetMs = frame.now - Date.now();
    } else if (frame.type === "nearby") {
      this.view.clear();
      for (const friend of frame.friends) {
        this.view.set(friend.id, friend);
      }
    } else if (frame.type === "friend") {
      const { name, avatar } = { ...this.view.get(frame.friend.id), ...frame.friend };
      this.view.set(frame.friend.id, { ...frame.friend, ...(name && { name }), ...(avatar && { avatar }) });
    } else if (frame.type === "gone") {
      this.view.delete(frame.id);
    }
    this.#announce();
  }

  #break(error: Error): void {
    this.#broken ??= error;
    this.#announce();
  }

  #announce(): void {
    const wake = this.#wake;
    this.#woken = new Promise((resolve) => (this.#wake = resolve));
    wake();
  }

  #failIfBroken(): void {
    if (this.#broken !== undefined) {
      throw new Error(`${this.label}: ${this.#broken.message}\n${this.log()}`);
    }
  }

  /** Waits for the next event; throws at the deadline, and at once when the socket is closed and nothing can come. */
  async #change(deadline: number, what: string, closing = false): Promise<void> {
    this.#failIfBroken();
    if (this.#closed !== undefined && !closing) {
      throw new Error(`${this.label}: closed while waiting for ${what}\n${this.log()}`);
    }
    const leftMs = deadline - Date.now();
    if (leftMs <= 0) {
      throw new Error(`${this.label}: no ${what} in time\n${this.log()}`);
    }
    const timer = new AbortController();
    await Promise.race([this.#woken, sleep(leftMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
  }
}
