/** What applications see of the client. */
import type { Down, Friend, Person } from "../protocol/down.ts";
import type { Fix } from "../protocol/fix.ts";
import type { LinkStatus } from "./connection.ts";
import type { WatchNetwork } from "./environment.ts";
import type { Fetch } from "./polling.ts";
import type { Position } from "./position.ts";
import type { OpenSocket, StartTimer } from "./socket.ts";

type Message<T extends Down["type"]> = Omit<Extract<Down, { type: T }>, "type">;

/** What the server said about itself and this user when the connection began. */
export type Welcome = Message<"welcome">;

/**
 * Where the client is. `polling`: sockets cannot be had, positions and friends go over HTTP meanwhile. `code` is that of
 * the last close, 1006 when there was no close frame.
 */
export type Status = LinkStatus | { readonly state: "polling" };

/**
 * A server's `error` message, or one of this client's own, after each of which it goes on:
 *
 * - `token_failed`: the application's `token` function failed, and is asked again later;
 * - `token_refused`: the server takes no such token (told after three attempts); the next attempt asks for a new one;
 * - `socket_failed`: no WebSocket could be made here, see `webSocket`;
 * - `points_dropped`: more positions are unsaved than this client keeps, and the oldest are given up (`client.dropped`).
 *   Told once, and again only after everything was saved in between.
 */
export type ClientError = Omit<Message<"error">, "code"> & {
  readonly code: Message<"error">["code"] | "token_failed" | "token_refused" | "socket_failed" | "points_dropped";
};

/** Events in the order of the frames; `client.friends` already includes what the event says. */
export interface NearbyEvents {
  /** The whole set, nearest first; it replaces what was shown. The first frame about friends on every connection. */
  nearby: { readonly friends: readonly Friend[] };
  /** One friend, new or moved, with name and avatar as known. */
  friend: { readonly friend: Friend; readonly isNew: boolean };
  /**
   * `friend` is the entry as it was last shown. While polling, everybody who is no longer listed leaves with `far`: HTTP
   * does not say why.
   */
  gone: Message<"gone"> & { readonly friend: Friend };
  /**
   * `client.friends` is another list than before: after each of the three above, and when an own move has changed the
   * distances. Read it there; it is sorted when it is read.
   */
  change: Pick<NearbyClient, "friends">;
  /**
   * Nearby people who are not friends, under pseudonyms and at blurred places; replaces the list before. Only after
   * `discover(true)`; empty when the connection is lost.
   */
  people: Message<"people">;
  /** The friend list changed. Not told while polling. */
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
  /**
   * Called before every attempt to connect, also after the server said that a token has expired (4401), and shortly
   * before the one in use expires: then the new one goes over the open socket. While polling, before every request.
   */
  readonly token: () => Promise<string>;
  /** Names this device: a second connection with the same name closes the first one. */
  readonly device?: string;
  /** Default: the global WebSocket. */
  readonly webSocket?: OpenSocket;
  /** Default: the global fetch. */
  readonly fetch?: Fetch;
  /** Tells when the network returns, so that the next attempt is made at once. Default: the browser's event `online`. */
  readonly network?: WatchNetwork;
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
   * known, without those who have been silent for `inactiveAfterS` (they leave with `gone`, `inactive`). Distances are
   * from the position last sent by this client, or as the server said when it sends none.
   */
  readonly friends: readonly Friend[];
  /** The strangers of the last event `people`. */
  readonly people: readonly Person[];
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
  /**
   * Opts in to, or out of, nearby people who are not friends: they see this user, and this user them. Goes on with every
   * new connection, until it is turned off or the server says `not_discoverable`: the user's profile has to be
   * `discoverable`. Not while polling.
   */
  discover(on: boolean): void;
  /** Ends the connection; no timer is left. Listeners hear the status `closed` and nothing after it. */
  close(): void;
}
