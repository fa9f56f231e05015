import type { Down, Friend, Person } from "../protocol/down.ts";
import type { Fix } from "../protocol/fix.ts";
import type { ClientError, NearbyClient, NearbyClientOptions, NearbyEvents, Status, Welcome } from "./api.ts";
import { Connection, type LinkStatus } from "./connection.ts";
import { fetchHttp, openWebSocket, startTimeout, watchOnline } from "./environment.ts";
import { Events } from "./events.ts";
import { FriendsNear } from "./friends.ts";
import { Polling } from "./polling.ts";
import { type Position, toFix } from "./position.ts";
import { addressesOf } from "./socket.ts";
import { Uplink } from "./uplink.ts";

/** Until a server says its own figure: the default of `INACTIVE_AFTER_S`. */
const INACTIVE_AFTER_S = 600;

const POLLING: Status = { state: "polling" };

/** Puts the parts together: frames of the socket, or answers of HTTP, become the snapshot and events. */
export class Client implements NearbyClient {
  readonly #events = new Events<NearbyEvents>();
  readonly #near: FriendsNear;
  readonly #uplink: Uplink;
  readonly #connection: Connection;
  readonly #polling: Polling;
  readonly #nowMs: () => number;
  readonly #endWatch: () => void;
  #link: LinkStatus = { state: "connecting" };
  status: Status = this.#link;
  welcome: Welcome | undefined;
  people: readonly Person[] = [];
  #wantsPeople = false;
  /** The server's clock minus this one. */
  #aheadMs = 0;

  constructor(options: NearbyClientOptions) {
    const { clock: nowMs = Date.now, timers: startTimer = startTimeout, network = watchOnline } = options;
    this.#nowMs = nowMs;
    const host = {
      webSocket: openWebSocket,
      fetch: fetchHttp,
      random: Math.random,
      ...options,
      ...addressesOf(options.url, options.device),
      // One that throws instead of rejecting is a failure of the same kind.
      token: async () => options.token(),
      nowMs,
      serverNowMs: () => nowMs() + this.#aheadMs,
      inactiveAfterMs: () => (this.welcome?.inactiveAfterS ?? INACTIVE_AFTER_S) * 1000,
      startTimer,
      send: (text: string) => this.#connection.send(text) || this.#polling.post(text),
      isPolling: () => this.#polling.isActive,
      onMessage: (message: Down) => this.#onMessage(message),
      onFriends: (friends: readonly Friend[]) => this.#onPolled(friends),
      onStale: (friend: Friend) => this.#onGone(friend, "inactive"),
      onLink: (link: LinkStatus) => this.#onLink(link),
      onPolling: (isActive: boolean) => this.#onPolling(isActive),
      onNoSocket: () => this.#polling.start(),
      onIdle: () => this.#uplink.pump(),
      onFailure: (code: ClientError["code"], error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        this.#events.emit("error", { code, message, fatal: false });
      },
    };
    this.#endWatch = network(() => this.#connection.hurry());
    this.#near = new FriendsNear(host);
    this.#uplink = new Uplink(host);
    this.#polling = new Polling(host);
    this.#connection = new Connection(host);
  }

  get friends(): readonly Friend[] {
    return this.#near.list;
  }

  get position(): Readonly<Fix> | undefined {
    return this.#uplink.newest?.fix;
  }

  get unsaved(): number {
    return this.#uplink.backlog.unsaved;
  }

  get dropped(): number {
    return this.#uplink.backlog.dropped;
  }

  on<K extends keyof NearbyEvents>(type: K, listener: (event: NearbyEvents[K]) => void): () => void {
    return this.#events.on(type, listener);
  }

  send(position: Position): boolean {
    const fix = toFix(position, this.#nowMs() + this.#aheadMs);
    this.#near.moveTo(fix);
    const wentOut = this.#uplink.send(fix);
    this.#events.emit("change", this);
    return wentOut;
  }

  discover(on: boolean): void {
    this.#wantsPeople = on;
    this.#connection.send(JSON.stringify({ type: "discover", on }));
  }

  close(): void {
    this.#connection.close();
  }

  #onMessage(message: Down): void {
    switch (message.type) {
      case "welcome":
        this.welcome = message;
        this.#aheadMs = message.now - this.#nowMs();
        // Of the connection before nothing is left.
        if (this.#wantsPeople) this.discover(true);
        this.#uplink.online();
        break;
      case "nearby":
        this.#near.replace(message.friends);
        this.#events.emit("nearby", { friends: this.#near.list });
        this.#events.emit("change", this);
        break;
      case "friend":
        this.#events.emit("friend", this.#near.put(message.friend));
        this.#events.emit("change", this);
        break;
      case "gone": {
        const friend = this.#near.remove(message.id);
        if (friend !== undefined) this.#onGone(friend, message.reason);
        break;
      }
      case "saved":
        this.#uplink.saved(message.count);
        this.#events.emit("saved", message);
        break;
      case "error":
        if (message.code === "not_discoverable") this.#wantsPeople = false;
        this.#uplink.failed(message);
        this.#events.emit("error", message);
        break;
      case "people":
        this.people = message.people;
        this.#events.emit("people", message);
        break;
      case "friendship":
        this.#events.emit("friendship", message);
        break;
    }
  }

  #onGone(friend: Friend, reason: NearbyEvents["gone"]["reason"]): void {
    this.#events.emit("gone", { id: friend.id, reason, friend });
    this.#events.emit("change", this);
  }

  #onLink(link: LinkStatus): void {
    this.#link = link;
    const isOnline = link.state === "online";
    const isClosed = link.state === "closed";
    if (isOnline || isClosed) this.#polling.stop();
    if (!isOnline && !this.#polling.isActive) this.#uplink.offline();
    // Strangers are not told to leave: without a connection nobody is to be taken for being there.
    if (!isOnline && this.people.length > 0) this.#onMessage({ type: "people", people: [] });
    if (isClosed) {
      this.#endWatch();
      this.#near.close();
    }
    this.#tell();
  }

  #onPolling(isActive: boolean): void {
    // Either way points are counted anew.
    this.#uplink.offline();
    this.#tell();
    if (isActive) {
      this.#uplink.online();
    } else if (this.#link.state === "waiting") {
      // This wait was one for a time in which HTTP works.
      this.#connection.hurry();
    }
  }

  /** A snapshot of HTTP, as the events that the socket would have sent. */
  #onPolled(friends: readonly Friend[]): void {
    const before = new Map(this.#near.list.map((friend) => [friend.id, friend]));
    for (const friend of friends) {
      const known = before.get(friend.id);
      before.delete(friend.id);
      if (known === undefined || isNews(known, friend)) this.#onMessage({ type: "friend", friend });
    }
    for (const id of before.keys()) this.#onMessage({ type: "gone", id, reason: "far" });
  }

  /** What HTTP does hides that the next attempt at a socket waits or is made. */
  #tell(): void {
    const status = this.#polling.isActive ? POLLING : this.#link;
    if (status === this.status) return;
    this.status = status;
    this.#events.emit("status", status);
  }
}

/** Whether anything but the distance differs; absent means as before. */
function isNews(known: Friend, friend: Friend): boolean {
  const before = { ...known, distance: 0 };
  return JSON.stringify(before) !== JSON.stringify({ ...before, ...friend, distance: 0 });
}
