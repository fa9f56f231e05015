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
import type { Place } from "../geo/place.ts";
import type { Down, Friend } from "../protocol/down.ts";
import type { Fix } from "../protocol/fix.ts";
import { Connection, type Status } from "./connection.ts";
import { Events } from "./events.ts";
import type { KnownDown } from "./frames.ts";
import { FriendsNear } from "./friends.ts";
import { connectUrl, type OpenSocket, type StartTimer } from "./socket.ts";

export type { Status } from "./connection.ts";
export type { ClientSocket, OpenSocket, StartTimer } from "./socket.ts";
export type { Friend } from "../protocol/down.ts";

type Message<T extends Down["type"]> = Omit<Extract<Down, { type: T }>, "type">;

/** What the server said about itself and this user when the connection began. */
export type Welcome = Message<"welcome">;

/** A server's `error` message, or `token_failed`: the application's `token` function failed; it is asked again later. */
export type ClientError = Omit<Message<"error">, "code"> & { readonly code: Message<"error">["code"] | "token_failed" };

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
  status: Status;
  error: ClientError;
}

/** Where the user is: degrees of WGS 84; `ts` in ms since the epoch (default: now), metres, m/s, degrees from north. */
export interface Position extends Place {
  readonly ts?: number;
  readonly accuracy?: number;
  readonly speed?: number;
  readonly heading?: number;
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
  /** What was last given to `send`. */
  readonly position: Fix | undefined;
  /**
   * Sends a live position. Offline it is kept, and the newest one goes out after the reconnect if it is still fresh
   * (not older than the server's `inactiveAfterS`).
   *
   * @returns true when it went out at once
   * @throws RangeError for coordinates that are not on the globe
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
  readonly #connection: Connection;
  readonly #nowMs: () => number;
  #status: Status = { state: "connecting" };
  #welcome: Welcome | undefined;
  #sent: { readonly fix: Fix; readonly atMs: number } | undefined;

  constructor(options: NearbyClientOptions) {
    this.#nowMs = options.clock ?? Date.now;
    this.#connection = new Connection({
      url: connectUrl(options.url, options.device),
      token: options.token,
      openSocket: options.webSocket ?? ((url, protocols) => new WebSocket(url, protocols)),
      nowMs: this.#nowMs,
      random: options.random ?? Math.random,
      startTimer: options.timers ?? startTimeout,
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

  get position(): Fix | undefined {
    return this.#sent?.fix;
  }

  on<K extends keyof NearbyEvents>(type: K, listener: (event: NearbyEvents[K]) => void): () => void {
    return this.#events.on(type, listener);
  }

  send(position: Position): boolean {
    if (!(Math.abs(position.lat) <= 90 && Math.abs(position.lng) <= 180)) {
      throw new RangeError(`not a place on the globe: lat ${position.lat}, lng ${position.lng}`);
    }
    const atMs = this.#nowMs();
    const fix: Fix = { ...position, ts: Math.round(position.ts ?? atMs) };
    this.#sent = { fix, atMs };
    this.#near.moveTo(fix);
    return this.#connection.send(locationFrame(fix));
  }

  close(): void {
    this.#connection.close();
  }

  #onMessage(message: KnownDown): void {
    switch (message.type) {
      case "welcome":
        this.#onWelcome(message);
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
      case "error":
        this.#events.emit("error", message);
        break;
    }
  }

  #onWelcome(welcome: Welcome): void {
    this.#welcome = welcome;
    if (this.#sent === undefined) return;
    // An old position sent as live would tell friends that this user is still there.
    if (this.#nowMs() - this.#sent.atMs > welcome.inactiveAfterS * 1000) return;
    this.#connection.send(locationFrame(this.#sent.fix));
  }

  #onStatus(status: Status): void {
    this.#status = status;
    this.#events.emit("status", status);
  }

  #onTokenFailure(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#events.emit("error", { code: "token_failed", message, fatal: false });
  }
}

function locationFrame(fix: Fix): string {
  return JSON.stringify({ type: "location", ...fix });
}

function startTimeout(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
