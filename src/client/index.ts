/**
 * The client of a nearby-friends server: for browsers, Node from 22 on, and Workers. No dependencies.
 *
 * ```ts
 * const client = createNearbyClient({ url: "https://nearby.example", token: async () => myToken });
 * client.on("nearby", ({ friends }) => show(friends));
 * client.on("friend", () => show(client.friends));
 * client.on("gone", () => show(client.friends));
 * client.send({ lat: 37.7694, lng: -122.4862 });
 * ```
 */
import type { Down, Friend } from "../protocol/down.ts";
import type { Fix } from "../protocol/fix.ts";
import { Connection, type Status } from "./connection.ts";
import { Events } from "./events.ts";
import type { KnownDown } from "./frames.ts";
import { FriendsNear } from "./friends.ts";
import { type Position, toFix } from "./position.ts";
import { connectUrl, type OpenSocket, type StartTimer } from "./socket.ts";
import { Uplink } from "./uplink.ts";

export type { Position } from "./position.ts";
export type { Status } from "./connection.ts";
export type { ClientSocket, OpenSocket, StartTimer } from "./socket.ts";
export type { Friend } from "../protocol/down.ts";

type Message<T extends Down["type"]> = Omit<Extract<Down, { type: T }>, "type">;

/** What the server said about itself and this user when the connection began. */
export type Welcome = Message<"welcome">;

/**
 * A server's `error` message, or one of this client's own: `token_failed`, the application's `token` function failed and
 * is asked again later; `points_dropped`, more positions are unsaved than this client keeps, and the oldest are given
 * up (`client.dropped`). The latter is told once, and again only after everything was saved in between.
 */
export type ClientError = Omit<Message<"error">, "code"> & {
  readonly code: Message<"error">["code"] | "token_failed" | "points_dropped";
};

/** Events in the order of the frames; `client.friends` already includes what the event says. */
export interface NearbyEvents {
  /** The whole set, nearest first; it replaces what was shown. The first frame about friends on every connection. */
  nearby: { readonly friends: readonly Friend[] };
  /** One friend, new or moved, with name and avatar as known. */
  friend: { readonly friend: Friend; readonly isNew: boolean };
  /** `friend` is the entry as it was last shown. */
  gone: Message<"gone"> & { readonly friend: Friend };
  /** The friend list changed. */
  friendship: Message<"friendship">;
  /**
   * The first `count` positions of this connection are stored, those that were sent again included; `through` is the
   * largest `ts` among them. What is left is `client.unsaved`.
   */
  saved: Message<"saved">;
  status: Status;
  error: ClientError;
}

export interface NearbyClientOptions {
  /** Base address of the server, `https://…` or `wss://…`. */
  readonly url: string;
  /** Called before every attempt to connect, also after the server said that a token has expired (4401). */
  readonly token: () => Promise<string>;
  /** Names this device: a second connection with the same name closes the first one. */
  readonly device?: string;
  /** Default: the global WebSocket. */
  readonly webSocket?: OpenSocket;
  /** Milliseconds since the epoch; default: Date.now. */
  readonly clock?: () => number;
  /** In [0, 1); default: Math.random. */
  readonly random?: () => number;
  /** Default: setTimeout and clearTimeout. */
  readonly timers?: StartTimer;
}

export interface NearbyClient {
  /** @returns a function that takes the listener away again */
  on<K extends keyof NearbyEvents>(type: K, listener: (event: NearbyEvents[K]) => void): () => void;
  /**
   * The friends near this user, nearest first, as of the last event; a new array after every change. Offline: as last
   * known. Distances are from the position last sent by this client, or as the server said when it sends none.
   */
  readonly friends: readonly Friend[];
  readonly status: Status;
  /** Undefined until the first connection. */
  readonly welcome: Welcome | undefined;
  /** What was last given to `send`, on 7 decimals. */
  readonly position: Readonly<Fix> | undefined;
  /** Positions given to `send` that the server has not said to have stored; they are sent again after a reconnect. */
  readonly unsaved: number;
  /** Positions given up, oldest first, because too many were unsaved: more than a week of them at one per 30 s. */
  readonly dropped: number;
  /**
   * Sends a live position, and keeps it until the server has stored it. After a reconnect the newest one goes out first
   * if it is still fresh (given to `send` no longer ago than the server's `inactiveAfterS`), then everything unsaved,
   * oldest first. Of two positions with the same `ts` the server keeps one. One with a `ts` more than 24 h ahead of the
   * server's clock is refused, with the error `bad_timestamp`, and not sent again.
   *
   * An `accuracy`, `speed` or `heading` that is negative or no number is left out: receivers report an unknown one so.
   *
   * @returns true when it went out at once; false when it waits for a connection, or for a moment because many went out
   *   just before (a burst of 30, then one per second)
   * @throws RangeError for coordinates that are not on the globe, and for a `ts` that is no time since the year 2000
   */
  send(position: Position): boolean;
  /** Ends the connection; no timer is left. Listeners hear the status `closed` and nothing after it. */
  close(): void;
}

/**
 * Connects, and keeps connecting until `close` or until the server says that this connection is unwanted (4409: the
 * same device connected again; 4410: the account was deleted).
 *
 * @throws TypeError when `url` is not an http(s) or ws(s) address
 */
export function createNearbyClient(options: NearbyClientOptions): NearbyClient {
  return new Client(options);
}

class Client implements NearbyClient {
  readonly #events = new Events<NearbyEvents>();
  readonly #near = new FriendsNear();
  readonly #uplink: Uplink;
  readonly #connection: Connection;
  readonly #nowMs: () => number;
  #status: Status = { state: "connecting" };
  #welcome: Welcome | undefined;

  constructor(options: NearbyClientOptions) {
    this.#nowMs = options.clock ?? Date.now;
    const startTimer = options.timers ?? startTimeout;
    this.#uplink = new Uplink({
      nowMs: this.#nowMs,
      startTimer,
      send: (text) => this.#connection.send(text),
      onDropped: () => this.#onDropped(),
    });
    this.#connection = new Connection({
      url: connectUrl(options.url, options.device),
      token: options.token,
      openSocket: options.webSocket ?? ((url, protocols) => new WebSocket(url, protocols)),
      nowMs: this.#nowMs,
      random: options.random ?? Math.random,
      startTimer,
      onMessage: (message) => this.#onMessage(message),
      onStatus: (status) => this.#onStatus(status),
      onTokenFailure: (error) => this.#onTokenFailure(error),
    });
    this.#connection.start();
  }

  get friends(): readonly Friend[] {
    return this.#near.list;
  }

  get status(): Status {
    return this.#status;
  }

  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  get position(): Readonly<Fix> | undefined {
    return this.#uplink.newest;
  }

  get unsaved(): number {
    return this.#uplink.unsaved;
  }

  get dropped(): number {
    return this.#uplink.dropped;
  }

  on<K extends keyof NearbyEvents>(type: K, listener: (event: NearbyEvents[K]) => void): () => void {
    return this.#events.on(type, listener);
  }

  send(position: Position): boolean {
    const fix = toFix(position, this.#nowMs());
    this.#near.moveTo(fix);
    return this.#uplink.send(fix);
  }

  close(): void {
    this.#connection.close();
  }

  #onMessage(message: KnownDown): void {
    switch (message.type) {
      case "welcome":
        this.#welcome = message;
        this.#uplink.welcomed(message);
        break;
      case "nearby":
        this.#near.replace(message.friends);
        this.#events.emit("nearby", { friends: this.#near.list });
        break;
      case "friend":
        this.#events.emit("friend", this.#near.put(message.friend));
        break;
      case "gone": {
        const friend = this.#near.remove(message.id);
        if (friend !== undefined) this.#events.emit("gone", { id: message.id, reason: message.reason, friend });
        break;
      }
      case "friendship":
        this.#events.emit("friendship", message);
        break;
      case "saved":
        this.#uplink.saved(message.count);
        this.#events.emit("saved", message);
        break;
      case "error":
        this.#uplink.failed(message);
        this.#events.emit("error", message);
        break;
    }
  }

  #onStatus(status: Status): void {
    this.#status = status;
    if (status.state !== "online") this.#uplink.offline();
    this.#events.emit("status", status);
  }

  #onTokenFailure(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#events.emit("error", { code: "token_failed", message, fatal: false });
  }

  #onDropped(): void {
    const message = "Too many positions wait to be saved; the oldest are given up.";
    this.#events.emit("error", { code: "points_dropped", message, fatal: false });
  }
}

function startTimeout(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
