/** People for tests inside the runtime: their objects, their clients, the clock, and the calls between objects. */
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";

import { decodeReply, encodeSighting } from "../../durable-objects/user/wire.ts";
import type { Caller } from "../../src/auth/caller.ts";
import { EARTH_RADIUS_M } from "../../src/geo/distance.ts";
import { roundPlace } from "../../src/geo/place.ts";
import type { Place } from "../../src/geo/place.ts";
import type { Answer } from "../../src/nearby/sighting.ts";
import type { Down, Friend } from "../../src/protocol/down.ts";
import { UserObject } from "../../src/worker.ts";

// A healthy answer takes milliseconds; what is shared with other work may take longer.
vi.setConfig({ testTimeout: 30_000 });

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** Defaults of the settings, which the objects under test have. */
export const RADIUS_M = 8046.72;
export const INACTIVE_AFTER_MS = 600_000;
/** A position each so often is never too fast. */
export const PACE_MS = 5_000;

/**
 * Stops the clock, a day ahead of the runtime's own: alarms that objects set by it never ring by themselves, so a test
 * rings each one (`runDurableObjectAlarm`). Timers still run in real time.
 */
export function stopClock(): void {
  vi.setSystemTime(Date.now() + DAY_MS);
}

export function later(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export const HOME: Place = { lat: 37.7749, lng: -122.4194 };

/** So many metres north of `from`, on the grid of 7 decimals. */
export function north(metres: number, from: Place = HOME): Place {
  return roundPlace({ lat: from.lat + (metres / EARTH_RADIUS_M) * (180 / Math.PI), lng: from.lng });
}

let people = 0;

/** A user id that no other test of the file has. */
export function someone(name: string): string {
  people += 1;
  return `${name}-${people}`;
}

/** A stub made now: one that was there when its object was reset is broken. */
export function objectOf(user: string): DurableObjectStub<UserObject> {
  return env.USER.getByName(user);
}

export function callerOf(user: string, more: Partial<Caller> = {}): Caller {
  return { user, expMs: Date.now() + HOUR_MS, ...more };
}

export async function befriend(a: string, b: string): Promise<void> {
  await objectOf(a).putFriend(callerOf(a), b);
  expect(await objectOf(b).putFriend(callerOf(b), a)).toMatchObject({ entry: { state: "friend" }, asked: false });
}

/** The friend list: id to state. */
export async function friendsOf(user: string): Promise<Record<string, string>> {
  const page = await objectOf(user).listFriends(callerOf(user), { limit: 1000 });
  if ("refused" in page) throw new Error(page.refused);
  return Object.fromEntries(page.friends.map(({ id, state }) => [id, state]));
}

/** Who a user sees, by `GET /v1/nearby`. */
export async function nearbyOf(user: string): Promise<string[]> {
  const { friends } = await objectOf(user).nearby(callerOf(user));
  return friends.map(({ id }) => id);
}

/**
 * What a user's object answers when the object of `from` says that its user is at `place` now. Tests of one side ask it
 * themselves, to see what is told and not only what is shown.
 */
export async function ask(user: string, from: string, place: Place = HOME): Promise<Answer> {
  const now = Date.now();
  const sighting = { rev: now, ...place, ts: now, activeUntil: now + INACTIVE_AFTER_MS, errorM: 0 };
  return decodeReply(await objectOf(user).meet(from, encodeSighting(sighting, {}), 0, false), null).answer;
}

/** Rows of a query in a user's own database. */
export function rowsOf<T extends Record<string, SqlStorageValue>>(
  user: string,
  query: string,
  ...values: SqlStorageValue[]
): Promise<T[]> {
  return runInDurableObject(objectOf(user), (_object, { storage }) => storage.sql.exec<T>(query, ...values).toArray());
}

export function alarmOf(user: string): Promise<number | null> {
  return runInDurableObject(objectOf(user), (_object, { storage }) => storage.getAlarm());
}

// Clients

const open = new Set<Client>();
/** Counts frames and calls, so that a test can wait until there are no more. */
let events = 0;

type FrameOf<T extends Down["type"]> = Extract<Down, { type: T }>;

export interface ClientOptions {
  readonly device?: string;
  /** Of its token. */
  readonly lifetimeMs?: number;
  readonly deaf?: boolean;
}

/** One connection, straight to the user's object: the Worker before it has tests of its own. */
export class Client {
  readonly user: string;
  readonly frames: Down[] = [];
  /** What an app would show. */
  readonly view = new Map<string, Friend>();
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #ws: WebSocket;
  #seen = 0;
  #closeCode: number | null = null;

  /** `deaf`: never answers a close, as a phone that has just lost its network. */
  static async open(user: string, options: ClientOptions = {}): Promise<Client> {
    const caller = callerOf(user, { expMs: Date.now() + (options.lifetimeMs ?? HOUR_MS) });
    const headers: Record<string, string> = { upgrade: "websocket", "x-nearby-caller": JSON.stringify(caller) };
    if (options.device !== undefined) headers["x-nearby-device"] = options.device;
    const { webSocket } = await objectOf(user).fetch("https://user.invalid/connect", { headers });
    if (webSocket === null) throw new Error("the upgrade was refused");
    return new Client(user, webSocket, options.deaf ?? false);
  }

  constructor(user: string, ws: WebSocket, deaf: boolean) {
    this.user = user;
    this.#ws = ws;
    ws.addEventListener("message", ({ data }) => {
      events += 1;
      this.#take(JSON.parse(String(data)));
    });
    this.closed = new Promise((resolve) => {
      ws.addEventListener("close", ({ code, reason }) => {
        open.delete(this);
        this.#closeCode = code;
        resolve({ code, reason });
      });
    });
    ws.accept({ allowHalfOpen: deaf });
    open.add(this);
  }

  send(message: object | string): void {
    this.#ws.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#ws.send(bytes);
  }

  move(place: Place, more: { ts?: number } = {}): void {
    this.send({ type: "location", ...place, ts: Date.now(), ...more });
  }

  /** The next frame of this type after those that were waited for. */
  async next<T extends Down["type"]>(type: T, fits: (frame: FrameOf<T>) => boolean = () => true): Promise<FrameOf<T>> {
    const isIt = (frame: Down): frame is FrameOf<T> => frame.type === type && fits(frame as FrameOf<T>);
    const at = await vi.waitFor(
      () => {
        const index = this.frames.findIndex((frame, i) => i >= this.#seen && isIt(frame));
        if (index === -1) throw new Error(`${this.user} got no ${type}: ${JSON.stringify(this.frames)}`);
        return index;
      },
      { timeout: 10_000, interval: 5 },
    );
    this.#seen = at + 1;
    return this.frames[at] as FrameOf<T>;
  }

  /** The types of the frames that came since this was last asked or waited for. */
  fresh(): string[] {
    const types = this.frames.slice(this.#seen).map(({ type }) => type);
    this.#seen = this.frames.length;
    return types;
  }

  /** Everything sent before has been taken in: `discover` is answered and does nothing. */
  async synced(): Promise<void> {
    const ref = (events += 1);
    this.send({ type: "discover", on: true, ref });
    await this.next("error", (frame) => frame.ref === ref);
  }

  /** What became of this connection until now. */
  async state(): Promise<number | "open"> {
    if (this.#closeCode !== null) return this.#closeCode;
    const closed = this.closed.then(({ code }) => code);
    return Promise.race([closed, this.synced().then(() => "open" as const)]);
  }

  async close(code = 1000): Promise<void> {
    this.#ws.close(code);
    await this.closed;
  }

  #take(frame: Down): void {
    this.frames.push(frame);
    if (frame.type === "nearby") {
      this.view.clear();
      for (const friend of frame.friends) this.view.set(friend.id, friend);
    } else if (frame.type === "friend") this.view.set(frame.friend.id, frame.friend);
    else if (frame.type === "gone") this.view.delete(frame.id);
  }
}

/** Two friends with a client each, `metres` apart, who have had their snapshots. */
export async function twoNear(metres = 1_000): Promise<{ ann: Client; bob: Client }> {
  const ann = await Client.open(someone("ann"));
  const bob = await Client.open(someone("bob"));
  await befriend(ann.user, bob.user);
  ann.move(HOME);
  await ann.next("nearby");
  bob.move(north(metres));
  await bob.next("nearby");
  if (metres <= RADIUS_M) await ann.next("friend");
  await settled();
  return { ann, bob };
}

export async function closeAll(): Promise<void> {
  await Promise.all([...open].map((client) => client.close()));
}

/** A crash or a deploy of everything: memory and sockets are gone, storage and alarms are not. */
export async function crash(): Promise<void> {
  const clients = [...open];
  await abortAllDurableObjects();
  for (const { code } of await Promise.all(clients.map(({ closed }) => closed))) expect(code).toBe(1006);
}

/** The same for one user's object. */
export async function crashOne(user: string): Promise<void> {
  const own = [...open].filter((client) => client.user === user);
  const aborted = runInDurableObject(objectOf(user), (_object, ctx) => ctx.abort("a crash on purpose"));
  await expect(aborted).rejects.toThrow("a crash on purpose");
  for (const { code } of await Promise.all(own.map(({ closed }) => closed))) expect(code).toBe(1006);
}

// Calls between objects

type Verb = "meet" | "left" | "hear";

export interface ObjectCall {
  readonly verb: Verb;
  readonly from: string;
  readonly to: string;
}

const VERBS = ["meet", "left", "hear"] as const;
/** What happens to calls, by the user who is called: they wait, or throw; all of them, or those of one verb. */
const faults = new Map<string, { kind: "stalls" | "throws"; verb: Verb | undefined }>();
let calls: ObjectCall[] = [];
let pending = 0;

/** Notes every call from now on, and lets `fault` disturb them. Objects run in the isolate of the tests. */
export function watchCalls(): void {
  for (const verb of VERBS) {
    const original: unknown = Reflect.get(UserObject.prototype, verb);
    if (typeof original !== "function") throw new Error(`an object has no ${verb}`);
    const watched: unknown = async function (this: UserObject, ...args: unknown[]): Promise<unknown> {
      const { id }: DurableObjectState = Reflect.get(this, "ctx");
      const to = id.name ?? "";
      calls.push({ verb, from: String(args[0]), to });
      events += 1;
      if (faultOf(to, verb) === "throws") throw new Error("this object fails on purpose");
      while (faultOf(to, verb) === "stalls") await sleep(10);
      pending += 1;
      try {
        return await Reflect.apply(original, this, args);
      } finally {
        pending -= 1;
        events += 1;
      }
    };
    Reflect.set(UserObject.prototype, verb, watched);
  }
}

function faultOf(user: string, verb: Verb): "stalls" | "throws" | undefined {
  const found = faults.get(user);
  return found?.verb === undefined || found.verb === verb ? found?.kind : undefined;
}

export function fault(user: string, kind: "stalls" | "throws", verb?: Verb): void {
  faults.set(user, { kind, verb });
}

export function heal(): void {
  faults.clear();
}

/** The calls since this was last asked. */
export function takeCalls(): ObjectCall[] {
  const taken = calls;
  calls = [];
  return taken;
}

/** Waits until no frame comes and no call is under way. */
export async function settled(): Promise<void> {
  const quietRounds = 6;
  for (let quiet = 0, before = events; quiet < quietRounds; quiet += 1) {
    await sleep(10);
    if (events !== before || pending > 0) quiet = -1;
    before = events;
  }
}
