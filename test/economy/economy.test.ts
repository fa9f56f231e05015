import { afterEach, beforeAll, describe, expect, test } from "vitest";

import { ATTACHMENT_MAX_BYTES } from "../../durable-objects/user/attachment.ts";
import { ERROR_MIN_M, ERROR_SHARE, QUIET_MAX_MS } from "../../src/nearby/economy.ts";
import {
  activate,
  attachmentOf,
  befriendAll,
  bill,
  each,
  hibernate,
  meter,
  metersOf,
  viewOf,
  walk,
  watchFrames,
} from "../objects/crowd.ts";
import {
  Client,
  HOME,
  PACE_MS,
  RADIUS_M,
  closeAll,
  later,
  north,
  settled,
  someone,
  stopClock,
  takeCalls,
  twoNear,
  watchCalls,
} from "../objects/people.ts";

beforeAll(() => {
  stopClock();
  watchCalls();
  watchFrames();
});

afterEach(closeAll);

/** Ann and so many friends who are near, have met her and nobody else. */
async function annAmong(friends: number) {
  const ann = await Client.open(someone("ann"));
  const names = Array.from({ length: friends }, () => someone("friend"));
  await befriendAll(ann.user, names);
  const clients = await each(names, (name) => Client.open(name));
  ann.move(HOME);
  await ann.next("nearby");
  await activate(clients, (i) => north(100 + i));
  await settled();
  later(PACE_MS);
  takeCalls();
  return { ann, clients };
}

describe("FANOUT=economy: a near friend", () => {
  test("who moves 10 m is not met, who has moved 30 m is", async () => {
    const { ann, bob } = await twoNear(1_000);
    const spent = await Promise.all([meter(ann.user), meter(bob.user)]);
    takeCalls();
    for (const movedM of [10, -10, ERROR_MIN_M - 0.1]) {
      later(PACE_MS);
      await walk([[ann, north(movedM)]]);
    }
    expect(takeCalls()).toEqual([]);
    expect(viewOf(bob)).toEqual({ [ann.user]: HOME });
    expect(await spent[0]()).toMatchObject(bill({ messagesIn: 3, attachmentWrites: 3 }));
    expect(await spent[1]()).toMatchObject(bill());
    later(PACE_MS);
    await walk([[ann, north(30)]]);
    expect(takeCalls()).toEqual([{ verb: "meet", from: ann.user, to: bob.user }]);
    expect(viewOf(bob)).toEqual({ [ann.user]: north(30) });
    // Her position with the call in flight, then what was agreed; on his side what was agreed: a near pact counts here.
    expect(await spent[0]()).toMatchObject(bill({ messagesIn: 4, callsOut: 1, attachmentWrites: 5 }));
    expect(await spent[1]()).toMatchObject(bill({ attachmentWrites: 1 }));
  });

  test("[DOWN7] may be off by 1 % of the distance", async () => {
    const { ann, bob } = await twoNear(5_000);
    takeCalls();
    later(PACE_MS);
    await walk([[ann, north(-(ERROR_SHARE * 5_000 - 5))]]);
    expect(takeCalls()).toEqual([]);
    later(PACE_MS);
    await walk([[ann, north(-(ERROR_SHARE * 5_000 + 5))]]);
    expect(takeCalls()).toEqual([{ verb: "meet", from: ann.user, to: bob.user }]);
    expect(viewOf(bob)).toEqual({ [ann.user]: north(-55) });
  });

  test("[DOWN7] who stays is met within five minutes, so that the age on the screen stays honest", async () => {
    const { ann, bob } = await twoNear(1_000);
    const everyMs = QUIET_MAX_MS / 10;
    takeCalls();
    // The last position before the limit: at the next one it would be over.
    for (let i = 1; i < 9; i += 1) {
      later(everyMs);
      await walk([[ann, HOME]]);
    }
    expect(takeCalls()).toEqual([]);
    later(everyMs);
    await walk([[ann, HOME]]);
    expect(takeCalls()).toEqual([{ verb: "meet", from: ann.user, to: bob.user }]);
    expect(bob.view.get(ann.user)?.ts).toBe(Date.now());
    // His answer told his old place, so the age of that goes on. His call tells hers, whose five minutes start again.
    later(everyMs);
    await walk([[bob, north(1_000)]]);
    expect(takeCalls()).toEqual([{ verb: "meet", from: bob.user, to: ann.user }]);
    later(everyMs);
    await walk([[ann, HOME]]);
    expect(takeCalls()).toEqual([]);
  });

  test("who walks along calls half as often: whoever calls, both start again", async () => {
    const { ann, bob } = await twoNear(1_000);
    takeCalls();
    for (let i = 1; i <= 6; i += 1) {
      later(PACE_MS);
      await walk([[ann, north(20 * i)]]);
      await walk([[bob, north(1_000 + 20 * i)]]);
    }
    // 20 m are silent, 40 m are not: one call at every third of the twelve positions instead of every second.
    const [first, second, ...others] = takeCalls();
    expect(first).toEqual({ verb: "meet", from: ann.user, to: bob.user });
    expect(second).toEqual({ verb: "meet", from: bob.user, to: ann.user });
    expect(others).toHaveLength(2);
  });

  test("[VIS2][VIS3] who leaves or enters the radius by a few metres is met, and both clients learn of it", async () => {
    const { ann, bob } = await twoNear(RADIUS_M - 10);
    takeCalls();
    later(PACE_MS);
    await walk([[ann, north(-12)]]);
    expect(takeCalls()).toEqual([{ verb: "meet", from: ann.user, to: bob.user }]);
    expect([...ann.view.keys(), ...bob.view.keys()]).toEqual([]);
    later(PACE_MS);
    await walk([[ann, HOME]]);
    expect(takeCalls()).toEqual([{ verb: "meet", from: ann.user, to: bob.user }]);
    expect([...ann.view.keys(), ...bob.view.keys()]).toEqual([bob.user, ann.user]);
  });

  test("among 40: a walk of 200 m calls each six times instead of twenty, and writes no row", async () => {
    const { ann, clients } = await annAmong(40);
    const spent = await meter(ann.user);
    for (let i = 1; i <= 20; i += 1) {
      later(PACE_MS);
      await walk([[ann, north(-10 * i)]]);
    }
    const { attachmentBytes, ...annBill } = await spent();
    // 10 and 20 m are silent, 30 m are not. Each call is noted as in flight with the position, and then with its answer.
    expect(annBill).toMatchObject({ messagesIn: 20, callsOut: 6 * 40, rowsWritten: 0, alarmsSet: 0 });
    // One per position, one when the last friend of a position that was told has answered, and one with `saved`.
    expect(annBill.attachmentWrites).toBe(20 + 6 + 1);
    expect(attachmentBytes).toBeLessThan(ATTACHMENT_MAX_BYTES);
    for (const client of clients) expect(viewOf(client)).toEqual({ [ann.user]: north(-180) });
  });
});

describe("FANOUT=economy: after hibernation", () => {
  test("[FAIL2] near pacts are remembered: no burst of calls, and the views are right", async () => {
    const { ann, clients } = await annAmong(40);
    const { attachment } = await attachmentOf(ann.user);
    const near = [...(attachment.object?.circle.contacts ?? [])].filter(({ pact }) => pact.kind === "near");
    expect(near).toHaveLength(40);
    const everybody = [ann, ...clients];
    await each(everybody, ({ user }) => hibernate(user));
    later(PACE_MS);
    await walk([[ann, north(-10)], ...clients.map((client, i) => [client, north(110 + i)] as const)]);
    expect(takeCalls()).toEqual([]);
    for (const { user } of everybody) {
      expect(await metersOf(user)).toMatchObject(
        bill({ messagesIn: 1, attachmentWrites: 1, rowsRead: expect.any(Number) }),
      );
    }
    for (const client of clients) expect(viewOf(client)).toEqual({ [ann.user]: HOME });
    // What was agreed before the sleep still decides: 30 m from there, not from where they woke.
    await each(everybody, ({ user }) => hibernate(user));
    later(PACE_MS);
    await walk([[ann, north(-30)]]);
    expect(takeCalls()).toHaveLength(40);
    for (const client of clients) expect(viewOf(client)).toEqual({ [ann.user]: north(-30) });
    // And what the friends answered is the news of their 10 m.
    expect(viewOf(ann)).toEqual(Object.fromEntries(clients.map(({ user }, i) => [user, north(110 + i)])));
  });

  test("[FAIL2] a pact that changed while the other side slept is the one that counts", async () => {
    const { ann, bob } = await twoNear(1_000);
    takeCalls();
    await hibernate(bob.user);
    later(PACE_MS);
    await walk([[ann, north(-40)]]);
    expect(takeCalls()).toHaveLength(1);
    await Promise.all([hibernate(ann.user), hibernate(bob.user)]);
    later(PACE_MS);
    await walk([[bob, north(1_020)]]);
    await walk([[ann, north(-60)]]);
    expect(takeCalls()).toEqual([]);
    later(PACE_MS);
    await walk([[ann, north(-70)]]);
    expect(takeCalls()).toEqual([{ verb: "meet", from: ann.user, to: bob.user }]);
    expect(viewOf(bob)).toEqual({ [ann.user]: north(-70) });
    expect(viewOf(ann)).toEqual({ [bob.user]: north(1_020) });
  });
});
