/** The connection: what it says becomes signals for the panels, and calls for the map. */
import { batch, signal } from "@preact/signals";

import {
  createNearbyClient,
  type Friend,
  type NearbyClient,
  type NearbyEvents,
  type Person,
  type Position,
  type Status,
} from "../../client/index.ts";
import { say } from "../lang/words.ts";
import { serverNowMs, setServerTime, tick } from "./clock.ts";
import { notify } from "./notices.ts";
import { signOut } from "./session.ts";

export type { Friend } from "../../client/index.ts";

export const status = signal<Status>({ state: "connecting" });
/** When the next attempt is made, by this device's clock; undefined while none is waited for. */
export const retryAtMs = signal<number | undefined>(undefined);
/** Friends who are near, nearest first; some moments behind the map, so that a crowd does not redraw the list all the time. */
export const near = signal<readonly Friend[]>([]);
/** People nearby who are no friends: nobody knows who they are. */
export const strangers = signal<readonly Person[]>([]);
/** Whether the server has said once who is near. */
export const hasLooked = signal(false);
export const unsaved = signal(0);
export const radiusM = signal<number | undefined>(undefined);
export const inactiveAfterS = signal(600);

/** Who draws friends on the map. Calls come in the order of the frames. */
export interface Stage {
  replace(friends: readonly Friend[]): void;
  put(friend: Friend): void;
  remove(id: string): void;
}

const LIST_EVERY_MS = 1_000;
/** Rows of a crowd that change places every second nobody can read. */
const CROWD = 100;
const CROWD_LIST_EVERY_MS = 3_000;
const UPDATE_EVERY_DEFAULT_MS = 30_000;
/** Closed for good, by the server: another connection took the place, or the account is gone. */
const CLOSE_REPLACED = 4409;
const CLOSE_DELETED = 4410;

/** One page, one device: two tabs of one user are two, and neither closes the other. */
const DEVICE = `web-${crypto.randomUUID().slice(0, 8)}`;

let client: NearbyClient | undefined;
let wantsStrangers = false;
/**
 * Until the first `welcome`, or the first failure, positions are held back: made by a clock that is off by an hour they
 * would lie an hour off in the trail.
 */
let isSettled = false;
let held: (() => Position) | undefined;
let stage: Stage | undefined;
let listTimer: ReturnType<typeof setTimeout> | undefined;
/** Whether the list of the panels is older than that of the connection. */
let isStale = false;

export interface Listeners {
  readonly token: () => Promise<string>;
  readonly onFriendship: (change: NearbyEvents["friendship"]) => void;
  readonly onOnline: () => void;
}

let listeners: Listeners | undefined;

/** Connects, until `disconnect`. */
export function connect(using: Listeners): void {
  disconnect();
  listeners = using;
  client = createNearbyClient({ url: location.origin, device: DEVICE, token: using.token });
  listen(client, using);
  if (wantsStrangers) client.discover(true);
  status.value = client.status;
}

/** After the server has closed the connection for good, and the user wants it back. */
export function reconnect(): void {
  if (listeners !== undefined) connect(listeners);
}

export function disconnect(): void {
  client?.close();
  client = undefined;
  isSettled = false;
  held = undefined;
  clearTimeout(listTimer);
  listTimer = undefined;
  stage?.replace([]);
  batch(() => {
    near.value = [];
    strangers.value = [];
    hasLooked.value = false;
    unsaved.value = 0;
    retryAtMs.value = undefined;
  });
}

/** Nearby strangers, both ways: from now on, until it is turned off. */
export function discover(on: boolean): void {
  if (on === wantsStrangers) return;
  wantsStrangers = on;
  client?.discover(on);
}

/** The map comes later than the connection: it gets what is known by then. */
export function setStage(next: Stage | undefined): void {
  stage = next;
  stage?.replace(client?.friends ?? []);
}

/** @param make is called when the position goes out, with the clock that is known by then */
export function sendPosition(make: () => Position): void {
  if (client === undefined) return;
  if (!isSettled) {
    held = make;
    return;
  }
  try {
    client.send(make());
  } catch (error) {
    // A device that tells nonsense; the next position may be good.
    console.warn(error);
  }
  unsaved.value = client.unsaved;
}

/** The server's clock is known, or cannot be had for now. */
function settle(): void {
  isSettled = true;
  const make = held;
  held = undefined;
  if (make !== undefined) sendPosition(make);
}

/** Often enough to stay active, too. */
export function updateEveryMs(): number {
  const { updateEveryS, inactiveAfterS: afterS } = client?.welcome ?? {};
  if (updateEveryS === undefined || afterS === undefined) return UPDATE_EVERY_DEFAULT_MS;
  return Math.min(updateEveryS, afterS / 2) * 1000;
}

function listen(from: NearbyClient, using: Listeners): void {
  from.on("status", (next) => onStatus(from, next, using));
  from.on("nearby", ({ friends }) => {
    stage?.replace(friends);
    batch(() => {
      near.value = friends;
      hasLooked.value = true;
    });
  });
  from.on("friend", ({ friend, isNew }) => {
    stage?.put(friend);
    if (isNew) showSoon(true);
  });
  from.on("gone", ({ id }) => {
    stage?.remove(id);
    showSoon(true);
  });
  from.on("people", ({ people }) => (strangers.value = people));
  from.on("friendship", using.onFriendship);
  from.on("change", () => showSoon());
  from.on("saved", () => (unsaved.value = from.unsaved));
  from.on("error", ({ code }) => {
    if (code === "points_dropped") notify(say("dropped"), true);
    if (code === "token_refused") signOut("signedOutRefused");
    unsaved.value = from.unsaved;
  });
}

function onStatus(from: NearbyClient, next: Status, using: Listeners): void {
  if (from !== client) return;
  const wasOnline = status.peek().state === "online";
  batch(() => {
    status.value = next;
    retryAtMs.value = next.state === "waiting" ? Date.now() + next.retryInMs : undefined;
    unsaved.value = from.unsaved;
  });
  if (next.state === "closed" && next.code === CLOSE_DELETED) signOut("signedOutDeleted");
  // `welcome` follows this status.
  if (next.state === "online" && !wasOnline) queueMicrotask(() => onWelcome(from, using));
  if (next.state === "polling") using.onOnline();
  if (next.state === "polling" || next.state === "waiting") settle();
}

function onWelcome(from: NearbyClient, using: Listeners): void {
  const { welcome } = from;
  if (from !== client || welcome === undefined) return;
  batch(() => {
    setServerTime(welcome.now);
    radiusM.value = welcome.radiusM;
    inactiveAfterS.value = welcome.inactiveAfterS;
    tick();
  });
  settle();
  using.onOnline();
}

/** Whether the server closed this connection in favour of others. */
export function isReplaced(at: Status): boolean {
  return at.state === "closed" && at.code === CLOSE_REPLACED;
}

/** At once when nothing was shown for a while, else when a while has passed. */
function showSoon(isUrgent = false): void {
  isStale = true;
  if (listTimer !== undefined) return;
  if (isUrgent) show();
  listTimer = setTimeout(() => {
    listTimer = undefined;
    if (isStale) show();
  }, listEveryMs());
}

function listEveryMs(): number {
  return near.peek().length > CROWD ? CROWD_LIST_EVERY_MS : LIST_EVERY_MS;
}

function show(): void {
  isStale = false;
  if (client !== undefined) near.value = client.friends;
}

/** How long ago a friend was there. */
export function ageMs(friend: Friend): number {
  return Math.max(0, serverNowMs() - friend.ts);
}
