import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { ATTACHMENT_MAX_BYTES } from "../../durable-objects/user/attachment.ts";
import { slackM } from "../../src/geo/safe-region.ts";
import { Circle } from "../../src/nearby/circle.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import { PING, PONG } from "../../src/protocol/limits.ts";
import { activate, befriendAll, bill, each, meter, metersOf, oracle, viewOf, walk, watchFrames } from "./crowd.ts";
import {
  Client,
  HOME,
  PACE_MS,
  RADIUS_M,
  befriend,
  callerOf,
  closeAll,
  later,
  north,
  objectOf,
  settled,
  someone,
  stopClock,
  takeCalls,
  twoNear,
  watchCalls,
} from "./people.ts";

beforeAll(() => {
  stopClock();
  watchCalls();
  watchFrames();
});

afterEach(closeAll);

/** Ann, so many friends who have met her and nobody else, and some who exist and were never active. */
async function annAmong(friends: number, placeOf: Parameters<typeof activate>[1], asleep: readonly string[] = []) {
  const names = Array.from({ length: friends }, () => someone("friend"));
  const ann = await Client.open(someone("ann"));
  await befriendAll(ann.user, [...names, ...asleep]);
  const clients = await each(names, (name) => Client.open(name));
  ann.move(HOME);
  await ann.next("nearby");
  await settled();
  // Who wakes asks everybody once.
  expect(await metersOf(ann.user)).toMatchObject({ callsOut: names.length + asleep.length, rowsWritten: 0 });
  await activate(clients, placeOf);
  await settled();
  later(PACE_MS);
  return { ann, clients };
}

/** Counts every call that a core asks its shell for, whoever's core it is. */
function watchCores(): () => number {
  const asked = new Set<Effect>();
  const note = (effects: readonly Effect[]): void => {
    for (const effect of effects) if (effect.kind === "meet" || effect.kind === "leave") asked.add(effect);
  };
  const lists = ["watch", "sweep", "pause", "resume", "befriend", "unfriend", "mute", "left", "answered", "failed"];
  const original = new Map<string, unknown>();
  for (const name of [...lists, "position", "meet"]) {
    const method: unknown = Reflect.get(Circle.prototype, name);
    if (typeof method !== "function") throw new Error(`a circle has no ${name}`);
    original.set(name, method);
    Reflect.set(Circle.prototype, name, function (this: Circle, ...args: unknown[]): unknown {
      const result: unknown = Reflect.apply(method, this, args);
      note(effectsOf(result));
      return result;
    });
  }
  return () => {
    for (const [name, method] of original) Reflect.set(Circle.prototype, name, method);
    return asked.size;
  };
}

function effectsOf(result: unknown): readonly Effect[] {
  if (Array.isArray(result)) return result;
  if (typeof result === "object" && result !== null && "effects" in result && Array.isArray(result.effects)) {
    return result.effects;
  }
  throw new Error("the core returned no effects");
}

describe("the meter of one position", () => {
  test("with 400 friends of whom 40 are active and near: 40 calls, one copy of the state, no row, no alarm", async () => {
    const asleep = Array.from({ length: 360 }, () => someone("asleep"));
    const { ann, clients } = await annAmong(40, (i) => north(10 * i), asleep);
    expect(ann.view.size).toBe(40);
    const positions = 5;
    const spent = await meter(ann.user);
    const friendsSpent = await each(clients, ({ user }) => meter(user));
    const asleepSpent = await each(asleep.slice(0, 20), (user) => meter(user));
    for (let i = 1; i <= positions; i += 1) {
      later(PACE_MS);
      await walk([[ann, north(1 + i)]]);
    }
    const { attachmentBytes, ...annBill } = await spent();
    expect(annBill).toEqual(bill({ messagesIn: positions, callsOut: 40 * positions, attachmentWrites: positions }));
    expect(attachmentBytes).toBeLessThan(ATTACHMENT_MAX_BYTES);
    // A near friend who moves costs her friends nothing but the call, and the 360 are not even called.
    for (const friendSpent of friendsSpent) expect(await friendSpent()).toMatchObject(bill());
    for (const sleeperSpent of asleepSpent) expect(await sleeperSpent()).toMatchObject(bill());
    for (const client of clients) expect(viewOf(client)).toEqual({ [ann.user]: north(1 + positions) });
  });

  test("of 40 far friends and everybody walking: no call, until one leaves the circle: then that pair's", async () => {
    const farM = 20_000;
    const { ann, clients } = await annAmong(40, (i) => north(farM + 10 * i));
    const everybody = [ann, ...clients];
    const [first] = clients;
    if (first === undefined) throw new Error("nobody is there");
    const roomM = slackM(farM, RADIUS_M);
    const spent = await each(everybody, ({ user }) => meter(user));
    takeCalls();
    const rounds = 8;
    for (let round = 1; round <= rounds; round += 1) {
      later(PACE_MS);
      // All towards each other, up to a metre before the edge of the tightest circle.
      const byM = ((roomM - 1) * round) / rounds;
      const steps = clients.map((client, i) => [client, north(farM + 10 * i - byM)] as const);
      await walk([[ann, north(byM)], ...steps]);
    }
    expect(takeCalls()).toEqual([]);
    for (const personSpent of spent) {
      const { attachmentBytes, ...personBill } = await personSpent();
      expect(personBill).toEqual(bill({ messagesIn: rounds, attachmentWrites: rounds }));
      expect(attachmentBytes).toBeLessThan(ATTACHMENT_MAX_BYTES);
    }
    later(PACE_MS);
    await walk([[first, north(farM + roomM + 1)]]);
    expect(takeCalls()).toEqual([{ verb: "meet", from: first.user, to: ann.user }]);
    // Both have a new circle now, and the others the one they had: a few metres more are silent again.
    const spentAfter = await each(everybody, ({ user }) => meter(user));
    later(PACE_MS);
    await walk([[first, north(farM + roomM + 50)]]);
    expect(takeCalls()).toEqual([]);
    for (const [i, personSpent] of spentAfter.entries()) {
      const isWalker = everybody[i] === first;
      expect(await personSpent()).toMatchObject(isWalker ? bill({ messagesIn: 1, attachmentWrites: 1 }) : bill());
    }
  });

  test("a far friend who leaves the circle: one call, and one more copy of the state on each side", async () => {
    const { ann, bob } = await twoNear(20_000);
    const [annSpent, bobSpent] = [await meter(ann.user), await meter(bob.user)];
    later(PACE_MS);
    await walk([[ann, north(slackM(20_000, RADIUS_M) + 10)]]);
    // Her position with the call in flight, then what was agreed; on his side what was agreed, before he answers.
    expect(await annSpent()).toMatchObject(bill({ messagesIn: 1, callsOut: 1, attachmentWrites: 2 }));
    expect(await bobSpent()).toMatchObject(bill({ attachmentWrites: 1 }));
  });

  test("[VIS2][VIS3] calls are those that the cores ask for, and no more, while eight people walk about", async () => {
    const people = await each(
      Array.from({ length: 8 }, () => someone("walker")),
      (name) => Client.open(name),
    );
    for (const [i, { user }] of people.entries()) {
      await befriendAll(
        user,
        people.slice(i + 1).map((other) => other.user),
      );
    }
    const askedFor = watchCores();
    const spent = await each(people, ({ user }) => meter(user));
    const rounds = 15;
    const places = new Map<string, ReturnType<typeof north>>();
    for (let round = 0; round < rounds; round += 1) {
      later(PACE_MS);
      for (const [i, { user }] of people.entries()) {
        places.set(user, north(4_000 * i + 5_000 * Math.sin(2 * i + 0.7 * round)));
      }
      await walk(people.map((client) => [client, places.get(client.user) ?? HOME] as const));
    }
    const bills = await Promise.all(spent.map((personSpent) => personSpent()));
    const calls = bills.reduce((sum, { callsOut }) => sum + callsOut, 0);
    expect(calls).toBe(askedFor());
    // Neither everybody at every position nor nobody: the walk had both kinds of pairs.
    expect(calls).toBeGreaterThan(rounds * people.length);
    expect(calls).toBeLessThan(rounds * people.length * (people.length - 1));
    for (const { messagesIn, rowsWritten } of bills)
      expect({ messagesIn, rowsWritten }).toEqual({ messagesIn: rounds, rowsWritten: 0 });
    for (const client of people) {
      const others = new Map([...places].filter(([user]) => user !== client.user));
      expect(viewOf(client)).toEqual(oracle(places.get(client.user) ?? HOME, others));
    }
  });
});

describe("the meter of everything else", () => {
  test("[FRAME6] `ping` is not a message that is billed", async () => {
    const ann = someone("ann");
    const headers = { upgrade: "websocket", "x-nearby-caller": JSON.stringify(callerOf(ann)) };
    const { webSocket } = await objectOf(ann).fetch("https://user.invalid/connect", { headers });
    if (webSocket === null) throw new Error("the upgrade was refused");
    const frames: string[] = [];
    webSocket.addEventListener("message", ({ data }) => {
      frames.push(String(data));
    });
    webSocket.accept();
    const spent = await meter(ann);
    webSocket.send(PING);
    await vi.waitFor(() => expect(frames.at(-1)).toBe(PONG));
    expect(await spent()).toMatchObject(bill());
    webSocket.close(1000);
    await settled();
  });

  test("a refused frame is billed as a message, and is remembered with the socket", async () => {
    const ann = await Client.open(someone("ann"));
    const spent = await meter(ann.user);
    ann.send("nonsense");
    await ann.next("error");
    expect(await spent()).toMatchObject(bill({ messagesIn: 1, attachmentWrites: 1 }));
  });

  test("rows and alarms of a friendship", async () => {
    const [ann, bob] = [someone("ann"), someone("bob")];
    await objectOf(ann).getProfile(callerOf(ann));
    await objectOf(bob).getProfile(callerOf(bob));
    const spent = await each([ann, bob], (user) => meter(user));
    await befriend(ann, bob);
    const [annBill, bobBill] = await Promise.all(spent.map((personSpent) => personSpent()));
    console.log(`a friendship, asked: ${JSON.stringify(annBill)}\na friendship, accepted: ${JSON.stringify(bobBill)}`);
    // The friend, with its index, the other side's word, and the outbox: put in and crossed out.
    const eachSide = { callsOut: 1, rowsWritten: 6, alarmsSet: 1 };
    expect(annBill).toMatchObject(eachSide);
    expect(bobBill).toMatchObject(eachSide);
  });

  test("rows and alarms of a connection, from its first frame to its end", async () => {
    const user = someone("ann");
    await objectOf(user).getProfile(callerOf(user));
    const connected = await meter(user);
    const ann = await Client.open(user);
    const connectBill = await connected();
    expect(connectBill).toMatchObject({ rowsWritten: 0, alarmsSet: 1, callsOut: 0, messagesIn: 0 });
    const moved = await meter(user);
    ann.move(HOME);
    await ann.next("nearby");
    const firstBill = await moved();
    expect(firstBill).toMatchObject({ rowsWritten: 0, alarmsSet: 1, callsOut: 0, messagesIn: 1 });
    const closed = await meter(user);
    await ann.close();
    await settled();
    const closeBill = await closed();
    expect(closeBill).toMatchObject({ rowsWritten: 1, alarmsSet: 0, callsOut: 0 });
    console.log(
      [
        `connect: ${JSON.stringify(connectBill)}`,
        `first position: ${JSON.stringify(firstBill)}`,
        `close: ${JSON.stringify(closeBill)}`,
      ].join("\n"),
    );
    expect(await metersOf(user)).toMatchObject({ messagesIn: 1 });
  });
});
