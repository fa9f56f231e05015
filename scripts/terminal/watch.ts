/** Follows a client and keeps what the view shows: the log, the trails, the rate. */
import type { Friend, NearbyClient, NearbyEvents, Status } from "../../src/client/index.ts";
import { distanceM } from "../../src/geo/distance.ts";
import type { Place } from "../../src/geo/place.ts";
import { nameOf, type LogKind, type LogLine, type ViewState } from "./state.ts";
import { clean } from "./width.ts";
import { distanceText, type Units } from "./words.ts";

/** More than the tallest terminal shows; the rest is memory that nobody reads. */
const LOG_LINES_MAX = 200;
const TRAIL_PLACES_MAX = 10;
/** Closer places are one dot on every terminal. */
const TRAIL_STEP_M = 100;
const RATE_OVER_MS = 5_000;
/** Until the server has said its own; the field's 5 miles. */
const RADIUS_ASSUMED_M = 8046.72;

const GONE_WORDS: Record<NearbyEvents["gone"]["reason"], string> = {
  far: "left (too far)",
  inactive: "went inactive",
  paused: "paused sharing",
  unfriended: "is no friend any more",
  unsubscribed: "is muted",
};

export interface WatchOptions {
  readonly user: string;
  readonly title: string;
  readonly hint: string;
  readonly units: Units;
  readonly nowMs: () => number;
  /** Told every new line of the log. */
  readonly onLine?: (line: LogLine) => void;
  /** Told that something on the view changed. */
  readonly onChange?: () => void;
}

export interface Watch {
  state(): ViewState;
  /** Adds a line of one's own. */
  note(kind: LogKind, text: string): void;
}

export function watchClient(client: NearbyClient, options: WatchOptions): Watch {
  return new Watcher(client, options);
}

class Watcher implements Watch {
  readonly #client: NearbyClient;
  readonly #options: WatchOptions;
  readonly #log: LogLine[] = [];
  readonly #trails = new Map<string, Place[]>();
  #updateTimesMs: number[] = [];
  #status: Status;
  #statusSinceMs: number;

  constructor(client: NearbyClient, options: WatchOptions) {
    this.#client = client;
    this.#options = options;
    this.#status = client.status;
    this.#statusSinceMs = options.nowMs();
    client.on("status", (status) => this.#onStatus(status));
    client.on("nearby", ({ friends }) => this.#onNearby(friends));
    client.on("friend", ({ friend, isNew }) => this.#onFriend(friend, isNew));
    client.on("gone", ({ id, friend, reason }) => {
      this.#trails.delete(id);
      this.note("left", `${nameOf(friend)} ${GONE_WORDS[reason]}`);
    });
    client.on("people", () => options.onChange?.());
    client.on("friendship", ({ id, name, state }) => this.note("news", friendshipText(name ?? id, state)));
    client.on("error", ({ code, message }) => this.note("problem", `${code}: ${message}`));
  }

  state(): ViewState {
    const { user, title, hint, units, nowMs } = this.#options;
    const sinceMs = nowMs() - RATE_OVER_MS;
    this.#updateTimesMs = this.#updateTimesMs.filter((atMs) => atMs > sinceMs);
    return {
      title,
      user,
      hint,
      units,
      place: this.#client.position,
      radiusM: this.#client.welcome?.radiusM ?? RADIUS_ASSUMED_M,
      friends: this.#client.friends,
      strangers: this.#client.people.length,
      trails: this.#trails,
      status: this.#status,
      statusSinceMs: this.#statusSinceMs,
      log: this.#log,
      updatesPerS: this.#updateTimesMs.length / (RATE_OVER_MS / 1000),
    };
  }

  note(kind: LogKind, text: string): void {
    const line: LogLine = { atMs: this.#options.nowMs(), kind, text: clean(text) };
    this.#log.push(line);
    if (this.#log.length > LOG_LINES_MAX) this.#log.shift();
    this.#options.onLine?.(line);
    this.#options.onChange?.();
  }

  #onStatus(status: Status): void {
    this.#status = status;
    this.#statusSinceMs = this.#options.nowMs();
    if (status.state === "online") this.note("news", "connected");
    if (status.state === "waiting") this.note("problem", `connection lost (${closeText(status)})`);
    // 1000 is our own close: whoever did it knows.
    if (status.state === "closed" && status.code !== 1000)
      this.note("news", `connection closed (${closeText(status)})`);
    this.#options.onChange?.();
  }

  #onNearby(friends: readonly Friend[]): void {
    const ids = new Set(friends.map((friend) => friend.id));
    for (const id of this.#trails.keys()) if (!ids.has(id)) this.#trails.delete(id);
    this.note("news", `${friends.length} ${friends.length === 1 ? "friend is" : "friends are"} near`);
  }

  #onFriend(friend: Friend, isNew: boolean): void {
    this.#updateTimesMs.push(this.#options.nowMs());
    if (isNew)
      this.note("appeared", `${nameOf(friend)} appeared, ${distanceText(friend.distance, this.#options.units)}`);
    const trail = this.#trails.get(friend.id) ?? [];
    const last = trail.at(-1);
    if (last === undefined || distanceM(last, friend) >= TRAIL_STEP_M) {
      trail.push({ lat: friend.lat, lng: friend.lng });
      if (trail.length > TRAIL_PLACES_MAX) trail.shift();
      this.#trails.set(friend.id, trail);
    }
    this.#options.onChange?.();
  }
}

function closeText({ code, reason }: { readonly code: number; readonly reason: string }): string {
  return reason === "" ? String(code) : `${code}, ${reason}`;
}

function friendshipText(name: string, state: NearbyEvents["friendship"]["state"]): string {
  switch (state) {
    case "friend":
      return `${name} is a friend now`;
    case "incoming":
      return `${name} asks for your friendship`;
    case "removed":
      return `${name} is no friend any more`;
  }
}
