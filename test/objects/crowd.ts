/** Crowds for tests of what a position costs: friendships by rows, meters, and friends' objects that the test plays. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";

import { type Attachment, decodeAttachment } from "../../durable-objects/user/attachment.ts";
import { encodeAnswer, encodeSighting } from "../../durable-objects/user/wire.ts";
import { distanceM } from "../../src/geo/distance.ts";
import type { Place } from "../../src/geo/place.ts";
import { type Meter, newMeter } from "../../src/observe/meter.ts";
import { UserObject } from "../../src/worker.ts";
import { INACTIVE_AFTER_MS, RADIUS_M, callerOf, objectOf, settled } from "./people.ts";
import type { Client } from "./people.ts";

/** Objects that are made at once: storage answers each later, but together in the same time. */
const AT_ONCE = 200;

/** `work` for every item, `AT_ONCE` at a time. @returns the results in order */
export async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(work))));
  }
  return results;
}

/** Puts accepted friends into a user's table; the other side is the caller's business. */
export function addFriendRows(user: string, friends: readonly string[]): Promise<void> {
  return runInDurableObject(objectOf(user), (object, { storage }) => {
    // In the same event, so that storage is waited for once: there are hundreds of objects to make.
    object.getProfile(callerOf(user));
    storage.sql.exec(
      `INSERT INTO friend (id, standing, since, mine_wants, mine_rev, mine_refuses, theirs_wants, theirs_rev,
         theirs_refuses, muted) SELECT value, 'friend', 1, 1, 1, 0, 1, 1, 0, 0 FROM json_each(?)`,
      JSON.stringify(friends),
    );
  });
}

/** Makes `user` a friend of each, on both sides, as if both had said so long ago. */
export async function befriendAll(user: string, friends: readonly string[]): Promise<void> {
  await addFriendRows(user, friends);
  await each(friends, (friend) => addFriendRows(friend, [user]));
}

/** Positions of several people at once; all are active afterwards, and have their snapshots. */
export async function activate(clients: readonly Client[], placeOf: (index: number) => Place): Promise<void> {
  for (const [i, client] of clients.entries()) client.move(placeOf(i));
  await Promise.all(clients.map((client) => client.next("nearby")));
}

let framesTaken = 0;

/** Counts the frames that objects have taken in, from now on: what `walk` waits for. */
export function watchFrames(): void {
  const original: unknown = Reflect.get(UserObject.prototype, "webSocketMessage");
  if (typeof original !== "function") throw new Error("an object takes no frames");
  const counted: unknown = async function (this: UserObject, ...args: unknown[]): Promise<void> {
    await Reflect.apply(original, this, args);
    framesTaken += 1;
  };
  Reflect.set(UserObject.prototype, "webSocketMessage", counted);
}

/** One position of each, at once. Resolves when every object has its frame and nobody calls anybody any more. */
export async function walk(steps: Iterable<readonly [Client, Place]>): Promise<void> {
  let expected = framesTaken;
  for (const [client, place] of steps) {
    client.move(place);
    expected += 1;
  }
  await vi.waitFor(() => expect(framesTaken).toBe(expected), { timeout: 10_000, interval: 5 });
  await settled();
}

// Meters

/** What an object was billed for since it woke. */
export async function metersOf(user: string): Promise<Meter> {
  const counters = await objectOf(user).meters();
  if (counters === null) throw new Error(`${user} does not exist`);
  return { ...counters };
}

/** Starts counting. @returns what was added since then; `attachmentBytes` is the size of the last one */
export async function meter(user: string): Promise<() => Promise<Meter>> {
  const before = await metersOf(user);
  return async () => {
    const after = await metersOf(user);
    return {
      messagesIn: after.messagesIn - before.messagesIn,
      callsOut: after.callsOut - before.callsOut,
      rowsRead: after.rowsRead - before.rowsRead,
      rowsWritten: after.rowsWritten - before.rowsWritten,
      alarmsSet: after.alarmsSet - before.alarmsSet,
      queueMessages: after.queueMessages - before.queueMessages,
      redisCommands: after.redisCommands - before.redisCommands,
      attachmentWrites: after.attachmentWrites - before.attachmentWrites,
      attachmentBytes: after.attachmentBytes,
      monitorCalls: after.monitorCalls - before.monitorCalls,
      invalidReports: after.invalidReports - before.invalidReports,
    };
  };
}

/** A meter with nothing on it but this; the size of an attachment is asserted by itself. */
export function bill(more: Partial<Meter> = {}): Omit<Meter, "attachmentBytes"> {
  const { attachmentBytes: _, ...nothing } = newMeter();
  return { ...nothing, ...more };
}

// The copy of the state

export function hibernate(user: string): Promise<void> {
  return evictDurableObject(objectOf(user), { webSockets: "hibernate" });
}

/** What the user's only socket remembers, and how many bytes it takes. */
export function attachmentOf(user: string): Promise<{ attachment: Attachment; bytes: number }> {
  return runInDurableObject(objectOf(user), (_object, ctx) => {
    const [ws] = ctx.getWebSockets();
    const value: unknown = ws?.deserializeAttachment();
    const attachment = decodeAttachment(value);
    if (attachment === null || !(value instanceof Uint8Array)) throw new Error(`${user} has no attachment`);
    return { attachment, bytes: value.length };
  });
}

// Views

/** Whom a viewer at `from` must see, and where: everybody within the radius, by the true places. */
export function oracle(from: Place, others: ReadonlyMap<string, Place>): Record<string, Place> {
  const near: Record<string, Place> = {};
  for (const [id, place] of others) if (distanceM(from, place) <= RADIUS_M) near[id] = place;
  return near;
}

/** What a client shows, in the same form. */
export function viewOf(client: Client): Record<string, Place> {
  return Object.fromEntries([...client.view].map(([id, { lat, lng }]) => [id, { lat, lng }]));
}

// Friends whose objects the test plays

/** Where a played friend is; null is inactive. */
const played = new Map<string, Place | null>();
/** When each of them last said something new, which is their rev. */
const saidAt = new Map<string, number>();
let meetings = 0;

/**
 * From now on calls to played friends end here. Thousands of real objects would take the memory and the descriptors of a
 * whole server; for the object under test there is no difference.
 */
export function playFriends(): void {
  const prototype: unknown = Reflect.getPrototypeOf(env.USER);
  if (typeof prototype !== "object" || prototype === null) throw new Error("the namespace has no prototype");
  const original: unknown = Reflect.get(prototype, "getByName");
  if (typeof original !== "function") throw new Error("the namespace has no getByName");
  const getByName = function (this: unknown, name: string, ...more: unknown[]): unknown {
    if (!played.has(name)) return Reflect.apply(original, this, [name, ...more]);
    return { meet: () => Promise.resolve(answerOf(name)) };
  };
  Reflect.set(prototype, "getByName", getByName);
}

export function play(name: string, place: Place | null): void {
  played.set(name, place);
  saidAt.set(name, Date.now());
}

/** Meetings that played friends answered since this was last asked. */
export function takeMeetings(): number {
  const taken = meetings;
  meetings = 0;
  return taken;
}

/** A played friend moves, and tells `user`. */
export async function moveTo(user: string, name: string, place: Place): Promise<void> {
  play(name, place);
  await objectOf(user).meet(name, encodeSighting(sightingOf(name, place), {}), 0, false);
}

function answerOf(name: string): string {
  meetings += 1;
  const place = played.get(name) ?? null;
  if (place === null) return encodeAnswer({ kind: "away", rev: saidAt.get(name) ?? 0, reason: "inactive" }, "");
  const sighting = sightingOf(name, place);
  return encodeAnswer({ kind: "active", sighting }, encodeSighting(sighting, {}));
}

function sightingOf(name: string, place: Place) {
  const rev = saidAt.get(name) ?? 0;
  return { rev, ...place, ts: rev, activeUntil: rev + INACTIVE_AFTER_MS, errorM: 0 };
}
