import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { decodeAttachment } from "../../durable-objects/user/attachment.ts";
import { SAMPLE_MAX } from "../../durable-objects/user/strangers.ts";
import { cellOf, cellsAround } from "../../src/geo/cells.ts";
import { blurredPlace } from "../../src/geo/coarse.ts";
import { distanceM } from "../../src/geo/distance.ts";
import type { Place } from "../../src/geo/place.ts";
import { DISCOVER_BURST, DISCOVER_MIN_MS, PEOPLE_MAX } from "../../src/protocol/limits.ts";
import { CALLS_PER_ROUND_MAX } from "../../src/strangers/rounds.ts";
import { MEMBERS_MAX, shardName, shardOf } from "../../src/strangers/shards.ts";
import { CellObject } from "../../src/worker.ts";
import {
  befriend,
  callerOf,
  Client,
  closeAll,
  HOME,
  INACTIVE_AFTER_MS,
  later,
  north,
  objectOf,
  PACE_MS,
  RADIUS_M,
  settled,
  sleep,
  someone,
  stopClock,
  takeCalls,
  watchCalls,
} from "./people.ts";

type CellVerb = "report" | "ask" | "leave" | "sync";
const CELL_VERBS = ["report", "ask", "leave", "sync"] as const;

let cellCalls: { verb: CellVerb; to: string }[] = [];
/** What becomes of calls to cells. */
let trouble: "stalls" | "throws" | null = null;
const isStalled = (): boolean => trouble === "stalls";
let underWay = 0;
/** Calls to cells that have arrived and not been answered. */
let busy = 0;
const isBusy = (): boolean => busy > 0;
/** Reports that were answered, by user: what follows from the last one may still be on its way. */
const answered = new Map<string, number>();

function userOf(report: unknown): string {
  return typeof report === "object" && report !== null && "user" in report ? String(report.user) : "";
}

/** No frame comes, and no call to anybody is under way. */
async function quiet(): Promise<void> {
  for (let before = -1; before !== cellCalls.length || isBusy();) {
    before = cellCalls.length;
    await settled();
  }
}
let mostUnderWay = 0;

beforeAll(() => {
  stopClock();
  watchCalls();
  for (const verb of CELL_VERBS) {
    const original: unknown = Reflect.get(CellObject.prototype, verb);
    if (typeof original !== "function") throw new Error(`a cell has no ${verb}`);
    const watched: unknown = async function (this: CellObject, ...args: unknown[]): Promise<unknown> {
      const { id }: DurableObjectState = Reflect.get(this, "ctx");
      cellCalls.push({ verb, to: id.name ?? "" });
      busy += 1;
      try {
        if (trouble === "throws") throw new Error("this cell fails on purpose");
        if (verb === "report") mostUnderWay = Math.max(mostUnderWay, (underWay += 1));
        while (isStalled()) await sleep(10);
        return await Reflect.apply(original, this, args);
      } finally {
        busy -= 1;
        if (verb === "report") {
          underWay = Math.max(0, underWay - 1);
          const user = userOf(args[0]);
          answered.set(user, (answered.get(user) ?? 0) + 1);
        }
      }
    };
    Reflect.set(CellObject.prototype, verb, watched);
  }
});

/** A part of the world of its own for each test: cells outlive a test. */
let home: Place = HOME;
let tests = 0;
/** Height of a cell. */
const CELL_DEG = 180 / 1024;
beforeEach(() => {
  tests += 1;
  // In the middle of a cell, whose circle meets no other one in height.
  home = { lat: -90 + (284.5 + 2 * (tests % 250)) * CELL_DEG, lng: 20.05 };
  cellCalls = [];
  trouble = null;
  mostUnderWay = 0;
});
afterEach(async () => {
  trouble = null;
  await closeAll();
  await quiet();
});

const cellHome = (): string => cellOf(blurredPlace(home), RADIUS_M);

/** What somebody who stands there would be shown by the cell itself. */
async function peopleAt(place: Place = home, name?: string): Promise<string[]> {
  const spot = blurredPlace(place);
  const reply = await env.CELL.getByName(name ?? cellOf(spot, RADIUS_M)).ask({ user: "nobody", ...spot, limit: 100 });
  return "people" in reply ? reply.people.map(({ user }) => user).toSorted() : ["moved"];
}

async function discoverable(user: string, on = true): Promise<void> {
  await objectOf(user).patchProfile(callerOf(user), { discoverable: on });
}

/** Active at `place`, discoverable, opted in, and told who else is there if anybody is. */
async function stranger(name: string, place: Place = home): Promise<Client> {
  const client = await Client.open(someone(name));
  await discoverable(client.user);
  client.send({ type: "discover", on: true });
  client.move(place);
  await client.next("nearby");
  await vi.waitFor(async () => expect(await peopleAt(place)).toContain(client.user));
  await quiet();
  return client;
}

/** Moves, and waits for what follows from it. */
async function stepped(client: Client, place: Place = home): Promise<void> {
  later(PACE_MS);
  client.move(place);
  await quiet();
}

/** The same for somebody whom a cell hears of. */
async function reported(client: Client, place: Place = home): Promise<void> {
  const before = answered.get(client.user) ?? 0;
  later(PACE_MS);
  client.move(place);
  await vi.waitFor(() => expect(answered.get(client.user) ?? 0).toBeGreaterThan(before), { timeout: 10_000 });
  await quiet();
}

function listOf(client: Client): { id: string; lat: number; lng: number; distance: number; ts: number }[] | null {
  const frame = client.frames.findLast(({ type }) => type === "people");
  return frame?.type === "people" ? frame.people : null;
}

const sizeOf = (client: Client): number | undefined => listOf(client)?.length;

describe("people who want to be seen by strangers", () => {
  test("[DISC1][DISC2] see each other, under pseudonyms, at blurred places", async () => {
    const ann = await stranger("ann");
    const bob = await stranger("bob", north(1_234, home));
    expect(listOf(ann)).toBeNull();
    const [shown, ...others] = listOf(bob) ?? [];
    expect(others).toEqual([]);
    expect(shown).toEqual({
      id: shown?.id,
      ...blurredPlace(home),
      ts: expect.any(Number),
      distance: expect.any(Number),
    });
    const bobAt = north(1_234, home);
    expect(shown?.distance).toBeCloseTo(distanceM(bobAt, blurredPlace(home)), 1);
    expect(shown?.id).not.toContain(ann.user);
    await reported(ann);
    expect(listOf(ann)).toMatchObject([blurredPlace(bobAt)]);
    // What is told is a place that hundreds of metres have in common.
    expect(JSON.stringify(ann.frames)).not.toContain(bob.user);
    const before = listOf(bob);
    await reported(bob, bobAt);
    expect(listOf(bob)?.[0]?.id).toBe(before?.[0]?.id);
  });

  test("[DISC2] the list goes to connections that opted in, with own positions, and right after opting in", async () => {
    await stranger("bob");
    const ann = await Client.open(someone("ann"));
    const tablet = await Client.open(ann.user, { device: "tablet" });
    await discoverable(ann.user);
    ann.move(home);
    await ann.next("nearby");
    await quiet();
    expect([sizeOf(ann), sizeOf(tablet)]).toEqual([undefined, undefined]);
    tablet.send({ type: "discover", on: true });
    await tablet.next("people");
    expect([sizeOf(ann), sizeOf(tablet)]).toEqual([undefined, 1]);
    // Sent by one, received by the other.
    const lists = tablet.frames.length;
    await reported(ann);
    expect(tablet.frames.slice(lists).map(({ type }) => type)).toEqual(["people"]);
    // The phone opts in, too; then one of them leaves, and the other one goes on.
    ann.send({ type: "discover", on: true });
    await ann.next("people");
    tablet.send({ type: "discover", on: false });
    await tablet.next("people", ({ people }) => people.length === 0);
    await reported(ann);
    expect([sizeOf(ann), sizeOf(tablet)]).toEqual([1, 0]);
    expect(await peopleAt()).toContain(ann.user);
  });

  test("[DISC2] an empty list is sent once, and only to take one away", async () => {
    const ann = await stranger("ann");
    await reported(ann);
    expect(listOf(ann)).toBeNull();
    const bob = await stranger("bob");
    await reported(ann);
    expect(sizeOf(ann)).toBe(1);
    await bob.close();
    await quiet();
    await reported(ann);
    await reported(ann);
    const lists = ann.frames.filter(({ type }) => type === "people");
    expect(lists.map((frame) => (frame.type === "people" ? frame.people.length : -1))).toEqual([1, 0]);
  });

  test("[DISC2] at most 20 are shown", async () => {
    const ann = await stranger("ann");
    const [spot, now] = [blurredPlace(home), Date.now()];
    const cell = env.CELL.getByName(cellHome());
    for (const n of [PEOPLE_MAX - 1, PEOPLE_MAX, PEOPLE_MAX + 1]) {
      const user = (i: number): string => `crowd-${tests}-${i}`;
      const report = { ...spot, ts: now, until: now + INACTIVE_AFTER_MS, limit: 1 };
      for (let i = 0; i < n; i += 1) await cell.report({ user: user(i), ...report });
      await reported(ann);
      expect(sizeOf(ann)).toBe(Math.min(n, PEOPLE_MAX));
    }
  });

  test("[DISC3] without `discoverable` the request is refused, and changes nothing", async () => {
    const ann = await Client.open(someone("ann"));
    ann.move(home);
    await ann.next("nearby");
    ann.send({ type: "discover", on: true, ref: 7 });
    await ann.next("error", (frame) => frame.code === "not_discoverable" && frame.ref === 7 && !frame.fatal);
    await stepped(ann);
    expect(cellCalls).toEqual([]);
    await discoverable(ann.user);
    await stepped(ann);
    expect(cellCalls).toEqual([]);
  });

  test("[DISC9] friends and blocked people are left out, on both sides", async () => {
    const [ann, bob, cem, dan] = [
      await stranger("ann"),
      await stranger("bob"),
      await stranger("cem"),
      await stranger("dan"),
    ];
    await reported(ann);
    expect(sizeOf(ann)).toBe(3);
    await befriend(ann.user, bob.user);
    await objectOf(ann.user).block(callerOf(ann.user), cem.user);
    // At once, without a move.
    await quiet();
    expect(sizeOf(ann)).toBe(1);
    for (const client of [ann, bob, cem, dan]) await reported(client);
    await vi.waitFor(() => expect([ann, bob, cem, dan].map(sizeOf)).toEqual([1, 2, 2, 3]));
    await objectOf(ann.user).unblock(callerOf(ann.user), cem.user);
    for (const client of [ann, cem]) await reported(client);
    await vi.waitFor(() => expect([ann, cem].map(sizeOf)).toEqual([2, 3]));
  });

  test("[DISC9] however many friends are in the cell, strangers are shown: twice as many as fit are asked for beside them", async () => {
    expect(SAMPLE_MAX).toBe(3 * PEOPLE_MAX);
    const ann = await stranger("ann");
    const bob = await stranger("bob");
    const friends = await Promise.all(Array.from({ length: 8 }, () => stranger("friend")));
    for (const friend of friends) await befriend(ann.user, friend.user);
    await reported(ann);
    await vi.waitFor(() => expect(sizeOf(ann)).toBe(1));
    await reported(bob);
    await vi.waitFor(() => expect(sizeOf(bob)).toBe(9));
  });
});

describe("a border between two cells", () => {
  test("[DISC7] on the other side somebody has another pseudonym, and is one person all the same", async () => {
    const border = { lat: home.lat + CELL_DEG / 2, lng: home.lng };
    const [south, beyond] = [north(-400, border), north(400, border)];
    expect(cellOf(blurredPlace(south), RADIUS_M)).not.toBe(cellOf(blurredPlace(beyond), RADIUS_M));
    const viewer = await stranger("viewer", north(-1_000, border));
    const ann = await stranger("ann", south);
    await reported(viewer, north(-1_000, border));
    const before = listOf(viewer);
    await reported(ann, beyond);
    await reported(viewer, north(-1_000, border));
    const after = listOf(viewer);
    expect([before, after]).toMatchObject([[blurredPlace(south)], [blurredPlace(beyond)]]);
    expect(after?.[0]?.id).not.toBe(before?.[0]?.id);
    expect([await peopleAt(south), await peopleAt(beyond)]).toEqual([[viewer.user], [ann.user]]);
  });
});

describe("turning it off", () => {
  const ways: [string, (ann: Client) => Promise<unknown>, isHeard: boolean][] = [
    ["discover off", async (ann) => ann.send({ type: "discover", on: false }), true],
    ["not discoverable", (ann) => discoverable(ann.user, false), true],
    ["a pause", (ann) => objectOf(ann.user).patchProfile(callerOf(ann.user), { sharing: false }), true],
    ["the end of the connection", (ann) => ann.close(), false],
    ["the end of the account", (ann) => objectOf(ann.user).deleteAccount(callerOf(ann.user)), false],
  ];
  test.each(ways)(
    "[DISC8] %s takes the user out of the cell at once, with one call, and clears the own list",
    async (_what, end, isHeard) => {
      await stranger("bob");
      const ann = await stranger("ann");
      expect(sizeOf(ann)).toBe(1);
      expect(await peopleAt()).toContain(ann.user);
      cellCalls = [];
      await end(ann);
      await quiet();
      expect(cellCalls).toEqual([{ verb: "leave", to: cellHome() }]);
      expect(await peopleAt()).not.toContain(ann.user);
      if (isHeard) expect(sizeOf(ann)).toBe(0);
      cellCalls = [];
      if (isHeard) await stepped(ann);
      expect(cellCalls).toEqual([]);
    },
  );

  test("[DISC8] inactivity: forgotten by the cell without a call, and the own list is cleared", async () => {
    await stranger("bob");
    const ann = await stranger("ann");
    expect(sizeOf(ann)).toBe(1);
    cellCalls = [];
    later(INACTIVE_AFTER_MS);
    await runDurableObjectAlarm(objectOf(ann.user));
    await quiet();
    expect(cellCalls).toEqual([]);
    expect(sizeOf(ann)).toBe(0);
    expect(await peopleAt()).toEqual([]);
    // And is back with the next position, under another name.
    await reported(ann);
    expect(await peopleAt()).toEqual([ann.user]);
  });

  test("[DISC8] the end of a pause, by itself, brings both back without a new position", async () => {
    const [ann, bob] = [await stranger("ann"), await stranger("bob")];
    const pausedUntil = Date.now() + 60_000;
    await objectOf(ann.user).patchProfile(callerOf(ann.user), { pausedUntil });
    await quiet();
    expect(await peopleAt()).toEqual([bob.user]);
    later(60_000);
    await runDurableObjectAlarm(objectOf(ann.user));
    await quiet();
    expect(await peopleAt()).toEqual([ann.user, bob.user].toSorted());
    expect(sizeOf(ann)).toBe(1);
  });

  test("[DISC8] while a report is under way: it does not stay in the cell", async () => {
    const ann = await stranger("ann");
    trouble = "stalls";
    later(PACE_MS);
    ann.move(home);
    await vi.waitFor(() => expect(underWay).toBe(1));
    ann.send({ type: "discover", on: false });
    await sleep(50);
    trouble = null;
    await vi.waitFor(async () => expect(await peopleAt()).toEqual([]));
    await quiet();
    expect(await peopleAt()).toEqual([]);
    // On and off and on again meanwhile: what holds at the end counts.
    ann.send({ type: "discover", on: true });
    ann.send({ type: "discover", on: false });
    ann.send({ type: "discover", on: true });
    await vi.waitFor(async () => expect(await peopleAt()).toEqual([ann.user]));
    await quiet();
    expect(await peopleAt()).toEqual([ann.user]);
  });

  test("[DISC2] opting in again and again asks the cells five times, and then once in 5 s", async () => {
    const ann = await stranger("ann");
    later(DISCOVER_BURST * DISCOVER_MIN_MS);
    cellCalls = [];
    const toggle = async (): Promise<number> => {
      ann.send({ type: "discover", on: false });
      ann.send({ type: "discover", on: true });
      await quiet();
      return cellCalls.filter(({ verb }) => verb === "report").length;
    };
    const counts: number[] = [];
    for (let i = 0; i < DISCOVER_BURST + 2; i += 1) counts.push(await toggle());
    expect(counts.at(-1)).toBe(DISCOVER_BURST);
    expect(counts.at(-3)).toBe(DISCOVER_BURST);
    expect(counts.at(-4)).toBe(DISCOVER_BURST - 1);
    await reported(ann);
    expect(await peopleAt()).toEqual([ann.user]);
  });
});

describe("what a position costs", () => {
  test("[DISC10] nothing for those who have not opted in: no call, no row", async () => {
    const ann = await Client.open(someone("ann"));
    ann.move(home);
    await ann.next("nearby");
    await stepped(ann);
    await discoverable(ann.user);
    takeCalls();
    for (let i = 0; i < 5; i += 1) await stepped(ann, north(i * 100, home));
    expect([cellCalls, takeCalls()]).toEqual([[], []]);
  });

  test("[DISC10] one to four calls in steady state, five with a change of cell, and no row, alarm or line anywhere", async () => {
    const ann = await stranger("ann");
    await reported(ann);
    await runDurableObjectAlarm(objectOf(ann.user));
    await reported(ann);
    const changes = (stub: DurableObjectStub): Promise<number> =>
      runInDurableObject(
        stub,
        (_object, { storage }) => storage.sql.exec<{ n: number }>("SELECT total_changes() AS n").one().n,
      );
    const cell = env.CELL.getByName(cellHome());
    const before = [await changes(objectOf(ann.user)), await changes(cell)];
    const perPosition: number[] = [];
    // Across two borders: 27 km to the north-east, in 15 steps: with 20 points there would be a chunk of history, a row.
    for (let i = 0; i < 15; i += 1) {
      cellCalls = [];
      const place = { lat: home.lat + 0.016 * i, lng: home.lng + 0.016 * i };
      await reported(ann, place);
      perPosition.push(cellCalls.length);
      const cells = cellsAround(blurredPlace(place), RADIUS_M);
      const asked = cellCalls.filter(({ verb }) => verb !== "leave").map(({ to }) => to);
      expect(asked.toSorted()).toEqual(cells.toSorted());
      expect(cellCalls.filter(({ verb }) => verb === "report")).toEqual([{ verb: "report", to: cells[0] }]);
      expect(await peopleAt(place)).toEqual([ann.user]);
    }
    expect(Math.min(...perPosition)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...perPosition)).toBeLessThanOrEqual(CALLS_PER_ROUND_MAX);
    expect(await peopleAt(home)).toEqual([]);
    expect([await changes(objectOf(ann.user)), await changes(cell)]).toEqual(before);
    expect(await runInDurableObject(cell, (_object, { storage }) => storage.getAlarm())).toBeNull();
  });

  test("[DISC10] cells that hang delay no friend, and one question at a time is under way", async () => {
    const ann = await stranger("ann");
    const bob = await Client.open(someone("bob"));
    await befriend(ann.user, bob.user);
    bob.move(home);
    await bob.next("nearby");
    await quiet();
    trouble = "stalls";
    mostUnderWay = 0;
    for (let i = 1; i <= 3; i += 1) {
      later(PACE_MS);
      ann.move(north(i, home));
      await bob.next("friend", ({ friend }) => friend.ts === Date.now());
      bob.move(north(10 * i, home));
      await ann.next("friend", ({ friend }) => friend.ts === Date.now());
    }
    expect(mostUnderWay).toBe(1);
    trouble = null;
    await vi.waitFor(() => expect(underWay).toBe(0));
    await quiet();
  });

  test("[DISC10] cells that fail leave the list as it is, and all is well again with the next position", async () => {
    const [ann, bob] = [await stranger("ann"), await stranger("bob")];
    await reported(ann);
    trouble = "throws";
    const frames = ann.frames.length;
    await stepped(ann);
    expect(ann.frames.slice(frames)).toEqual([]);
    trouble = null;
    await reported(ann);
    expect([sizeOf(ann), await peopleAt()]).toEqual([1, [ann.user, bob.user].toSorted()]);
  });
});

describe("memory that is lost", () => {
  test("[FAIL2][DISC8] a user's object that hibernated knows who has opted in, and where the cell has the user", async () => {
    const [ann, bob] = [await stranger("ann"), await stranger("bob")];
    await reported(ann);
    expect(sizeOf(ann)).toBe(1);
    await evictDurableObject(objectOf(ann.user), { webSockets: "hibernate" });
    cellCalls = [];
    const away = north(30_000, home);
    await reported(ann, away);
    // The old cell is told, and the list of before is taken away.
    expect(cellCalls.filter(({ verb }) => verb === "leave")).toEqual([{ verb: "leave", to: cellHome() }]);
    expect([sizeOf(ann), await peopleAt(), await peopleAt(away)]).toEqual([0, [bob.user], [ann.user]]);
    await evictDurableObject(objectOf(ann.user), { webSockets: "hibernate" });
    ann.send({ type: "discover", on: false });
    await quiet();
    expect(await peopleAt(away)).toEqual([]);
  });

  test("[DISC10] a cell that was reset has everybody back with their next position", async () => {
    const [ann, bob] = [await stranger("ann"), await stranger("bob")];
    const aborted = runInDurableObject(env.CELL.getByName(cellHome()), (_object, ctx) =>
      ctx.abort("a crash on purpose"),
    );
    await expect(aborted).rejects.toThrow("a crash on purpose");
    expect(await peopleAt()).toEqual([]);
    await reported(ann);
    await reported(bob);
    expect(await peopleAt()).toEqual([ann.user, bob.user].toSorted());
    expect(sizeOf(bob)).toBe(1);
  });
});

describe("a cell that is a crowd", () => {
  /** Says that the cell is too full, until it has this level. */
  async function split(level: number): Promise<void> {
    for (let at = 0; at < level; at += 1) await env.CELL.getByName(cellHome()).sync({ level: at, need: "more" });
  }

  /** Where the shards of the home cell have this user. */
  async function shardsWith(user: string, level: number): Promise<number[]> {
    const found: number[] = [];
    for (let index = 0; index < 2 ** level; index += 1) {
      const people = await peopleAt(home, shardName({ cell: cellHome(), level, index }));
      if (people.includes(user)) found.push(index);
    }
    return found;
  }

  test("[DISC10] who reports is sent to the own shard at once, stays there after hibernation, and nobody is left behind", async () => {
    const ann = await stranger("ann");
    await split(3);
    expect(await peopleAt()).toEqual(["moved"]);
    cellCalls = [];
    await reported(ann);
    const own = shardName(shardOf(cellHome(), 3, ann.user));
    expect(cellCalls.filter(({ verb }) => verb === "report").map(({ to }) => to)).toEqual([cellHome(), own]);
    expect(await shardsWith(ann.user, 3)).toEqual([shardOf(cellHome(), 3, ann.user).index]);
    await evictDurableObject(objectOf(ann.user), { webSockets: "hibernate" });
    cellCalls = [];
    await reported(ann);
    expect(cellCalls.filter(({ verb }) => verb === "report").map(({ to }) => to)).toEqual([own]);
    // Split once more: within one report from the new shard, and out of the old one.
    await env.CELL.getByName(cellHome()).sync({ level: 3, need: "more" });
    later(60_000);
    await reported(ann);
    await reported(ann);
    expect(await shardsWith(ann.user, 4)).toEqual([shardOf(cellHome(), 4, ann.user).index]);
    expect(await peopleAt(home, own)).toEqual(["moved"]);
    ann.send({ type: "discover", on: false });
    await quiet();
    expect(await shardsWith(ann.user, 4)).toEqual([]);
  });

  test("[DISC10] a shard that is reset while the cell splits has everybody back with their next position", async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => stranger("one")));
    await split(1);
    for (const person of people) await reported(person);
    const shard = (index: number): string => shardName({ cell: cellHome(), level: 1, index });
    for (const index of [0, 1]) {
      const aborted = runInDurableObject(env.CELL.getByName(shard(index)), (_object, ctx) => ctx.abort("on purpose"));
      await expect(aborted).rejects.toThrow("on purpose");
    }
    for (const person of people) await reported(person);
    const all = [...(await peopleAt(home, shard(0))), ...(await peopleAt(home, shard(1)))];
    expect(all.toSorted()).toEqual(people.map(({ user }) => user).toSorted());
    for (const index of [0, 1]) {
      const mates = people.filter(({ user }) => shardOf(cellHome(), 1, user).index === index);
      for (const person of mates) await reported(person);
      for (const person of mates) expect(sizeOf(person) ?? 0).toBe(mates.length - 1);
    }
  });

  test("[DISC10] the level is written down when it changes, once, and survives a reset; empty, the cell is one object again", async () => {
    const ann = await stranger("ann");
    const cell = env.CELL.getByName(cellHome());
    const spot = { ...blurredPlace(home), ts: Date.now(), until: Date.now() + INACTIVE_AFTER_MS, limit: 1 };
    await Promise.all(
      Array.from({ length: MEMBERS_MAX + 1 }, (_, i) => cell.report({ user: `crowd-${tests}-${i}`, ...spot })),
    );
    expect(await peopleAt()).toEqual(["moved"]);
    const noted = (): Promise<unknown> =>
      runInDurableObject(env.CELL.getByName(cellHome()), (_object, { storage }) => storage.kv.get("level"));
    expect(await noted()).toMatchObject({ level: 1 });
    const aborted = runInDurableObject(cell, (_object, ctx) => ctx.abort("on purpose"));
    await expect(aborted).rejects.toThrow("on purpose");
    await reported(ann);
    expect(await shardsWith(ann.user, 1)).toEqual([shardOf(cellHome(), 1, ann.user).index]);
    // Nobody speaks for it for a quarter of an hour.
    later(15 * 60_000);
    await reported(ann);
    await reported(ann);
    expect(await peopleAt()).toEqual([ann.user]);
    const bytes = await runInDurableObject(objectOf(ann.user), (_object, ctx) =>
      ctx.getWebSockets("own").map((ws) => decodeAttachment(ws.deserializeAttachment())?.connection.discovery),
    );
    expect(bytes).toEqual([{ shown: false, levels: 0 }]);
  });
});
