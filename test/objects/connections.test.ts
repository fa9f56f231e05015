import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import {
  ATTACHMENT_MAX_BYTES,
  NO_POINTS,
  decodeAttachment,
  encodeAttachment,
} from "../../durable-objects/user/attachment.ts";
import type { ObjectRecord } from "../../durable-objects/user/attachment.ts";
import { NO_TRACK } from "../../src/nearby/jumps.ts";
import { newContact } from "../../src/nearby/contact.ts";
import {
  BAD_FRAMES_IN_A_ROW_MAX,
  CONNECTIONS_PER_USER_MAX,
  FRAME_BURST,
  TOO_FAST_FRAMES_MAX,
} from "../../src/protocol/limits.ts";
import { tokenOf } from "./api-calls.ts";
import {
  Client,
  HOME,
  HOUR_MS,
  PACE_MS,
  alarmOf,
  ask,
  closeAll,
  later,
  north,
  objectOf,
  rowsOf,
  someone,
  stopClock,
  twoNear,
} from "./people.ts";

beforeAll(stopClock);
afterEach(closeAll);

function hibernate(user: string): Promise<void> {
  return evictDurableObject(objectOf(user), { webSockets: "hibernate" });
}

function keptRows(user: string): Promise<unknown[]> {
  return rowsOf(user, "SELECT * FROM kept");
}

/** Sockets that the runtime lists, whose closing may not be complete. */
function socketsOf(user: string): Promise<number> {
  return runInDurableObject(objectOf(user), (_object, ctx) => ctx.getWebSockets().length);
}

describe("a socket that is closing", () => {
  test("[FAIL2][FRAME4] is not taken for an open one after a wake: the state is in the row, and stays there", async () => {
    const { ann: friend } = await twoNear();
    const user = someone("deaf");
    const deaf = await Client.open(user, { deaf: true });
    deaf.move(HOME);
    await deaf.next("nearby");
    deaf.sendBytes(new Uint8Array([1]));
    expect(await deaf.closed).toMatchObject({ code: 1003 });
    expect(await keptRows(user)).toHaveLength(1);
    expect(await socketsOf(user)).toBe(1);
    await hibernate(user);
    expect(await ask(user, friend.user)).toEqual({ kind: "stranger" });
    expect(await keptRows(user)).toHaveLength(1);
    // The state is where it was, and whoever connects next gets it.
    const again = await Client.open(user);
    expect(await again.next("nearby")).toEqual({ type: "nearby", friends: [] });
    expect(await keptRows(user)).toEqual([]);
  });

  test("[DEV2][FAIL2] that was replaced carries nothing, and gets nothing, after a wake", async () => {
    const { ann, bob } = await twoNear();
    const old = await Client.open(ann.user, { device: "phone", deaf: true });
    await old.next("nearby");
    await ann.close();
    const phone = await Client.open(ann.user, { device: "phone" });
    expect(await old.closed).toMatchObject({ code: 4409 });
    expect(await phone.next("nearby")).toMatchObject({ friends: [{ id: bob.user }] });
    expect(await socketsOf(ann.user)).toBe(2);
    await hibernate(ann.user);
    later(PACE_MS);
    bob.move(north(5));
    expect(await phone.next("friend")).toMatchObject({ friend: north(5) });
    expect(old.frames.filter(({ type }) => type === "friend")).toEqual([]);
    await phone.close();
    await vi.waitFor(async () => expect(await keptRows(ann.user)).toHaveLength(1));
  });

  test("[CLOSE3] a client's close is answered with its own code, also by an object that was asleep", async () => {
    const user = someone("ann");
    for (const code of [1000, 3000, 4999]) {
      const client = await Client.open(user);
      if (code === 3000) await hibernate(user);
      await client.close(code);
      expect(await client.closed).toMatchObject({ code });
    }
  });
});

describe("attachments", () => {
  const foreign: [string, unknown][] = [
    ["a later version", new Uint8Array([255, ...Array.from({ length: 60 }, () => 255)])],
    ["version 0", new Uint8Array([0, 0, 0])],
    ["no bytes", new Uint8Array(0)],
    ["another kind of value", { version: 1, lat: 1 }],
    ["none at all", null],
  ];
  test.each(foreign)(
    "[CLOSE2][FAIL3] of %s close the socket with 1012 at the wake, and disturb nothing else",
    async (_what, value) => {
      const { ann, bob } = await twoNear();
      const second = await Client.open(ann.user);
      await second.next("nearby");
      await runInDurableObject(objectOf(ann.user), (_object, ctx) => {
        // The first one is the carrier: with it goes the state.
        ctx.getWebSockets().at(-1)?.serializeAttachment(value);
        ctx.getWebSockets().at(0)?.serializeAttachment(value);
      });
      await hibernate(ann.user);
      later(PACE_MS);
      bob.move(north(7));
      for (const client of [ann, second]) expect(await client.closed).toMatchObject({ code: 1012 });
      const again = await Client.open(ann.user);
      again.move(HOME);
      expect(await again.next("nearby")).toMatchObject({ friends: [{ id: bob.user, ...north(7) }] });
    },
  );

  test("[FAIL2][CLOSE2] of one socket that is foreign leave the carrier alone", async () => {
    const { ann, bob } = await twoNear();
    const second = await Client.open(ann.user);
    await second.next("nearby");
    await runInDurableObject(objectOf(ann.user), (_object, ctx) => {
      for (const ws of ctx.getWebSockets()) {
        const bytes: unknown = ws.deserializeAttachment();
        const isCarrier = bytes instanceof Uint8Array && ((bytes[1] ?? 0) & 1) === 1;
        if (!isCarrier) ws.serializeAttachment("foreign");
      }
    });
    await hibernate(ann.user);
    later(PACE_MS);
    bob.move(north(7));
    expect(await ann.next("friend")).toMatchObject({ friend: north(7) });
    expect(await second.closed).toMatchObject({ code: 1012 });
  });
});

describe("the byte budget of an attachment", () => {
  /** A state with so many far friends, none of whom may be lost without a word. */
  function withFar(count: number): ObjectRecord {
    const sighting = { rev: 5, ...HOME, ts: 5, activeUntil: 6, errorM: 0 };
    const contacts = Array.from({ length: count }, (_, i) => {
      const contact = newContact(i + 1, false);
      contact.pact = { kind: "far", mine: 5, theirs: i, anchor: HOME, slackM: 100 };
      return contact;
    });
    const circle = { rev: 5, sharing: true, self: { kind: "active", sighting }, complete: true, contacts } as const;
    return { circle, positionTat: 1, track: NO_TRACK, alarmAt: 2, unsaved: NO_POINTS };
  }

  const connection = {
    device: "d".repeat(64),
    lastHeard: 1,
    tokenUntil: 2,
    snapshotSent: true,
    discovery: null,
    pace: { tatMs: 3, refused: 4, badInARow: 5 },
    sent: 6,
    saved: 7,
    newestTs: 8,
  };

  test("[FAIL2] friends who do not fit become unknown, and when not even that fits, all are met again", () => {
    const seen = new Set<string>();
    for (const count of [0, 1, 400, 480, 490, 500, 3_000, 3_200, 3_300, 5_000]) {
      const bytes = encodeAttachment({ connection, object: withFar(count) });
      expect(bytes.length).toBeLessThanOrEqual(ATTACHMENT_MAX_BYTES);
      const decoded = decodeAttachment(bytes);
      expect(decoded?.connection).toEqual(connection);
      const circle = decoded?.object?.circle;
      const contacts = [...(circle?.contacts ?? [])];
      const far = contacts.filter(({ pact }) => pact.kind === "far");
      for (const { no, pact } of far)
        expect(pact).toEqual({ kind: "far", mine: 5, theirs: no - 1, anchor: HOME, slackM: 100 });
      const unknown = contacts.filter(({ pact }) => pact.kind === "unknown");
      // Complete means: whoever is not here is inactive. So everybody has to be here, or it is not said.
      if (circle?.complete === true) expect(far.length + unknown.length, String(count)).toBe(count);
      seen.add(circle?.complete === true ? (unknown.length > 0 ? "some unknown" : "all far") : "incomplete");
    }
    expect([...seen]).toEqual(["all far", "some unknown", "incomplete"]);
  });

  test("[FAIL2] the runtime takes the largest one, and not much more", async () => {
    const user = someone("ann");
    await Client.open(user);
    await runInDurableObject(objectOf(user), (_object, ctx) => {
      const [ws] = ctx.getWebSockets();
      ws?.serializeAttachment(new Uint8Array(ATTACHMENT_MAX_BYTES));
      expect(ws?.deserializeAttachment()).toHaveLength(ATTACHMENT_MAX_BYTES);
      expect(() => ws?.serializeAttachment(new Uint8Array(ATTACHMENT_MAX_BYTES + 15))).toThrow("16384");
    });
  });
});

describe("the pace of a connection survives hibernation", () => {
  test("[FRAME9] 19 bad frames in a row are forgiven, the 20th is not", async () => {
    const user = someone("ann");
    for (const [beforeSleep, afterwards, end] of [
      [10, BAD_FRAMES_IN_A_ROW_MAX - 11, "open"],
      [10, BAD_FRAMES_IN_A_ROW_MAX - 10, 1008],
      [1, BAD_FRAMES_IN_A_ROW_MAX - 1, 1008],
      [BAD_FRAMES_IN_A_ROW_MAX - 1, 1, 1008],
    ] as const) {
      const client = await Client.open(user);
      const bad = async (times: number): Promise<void> => {
        for (let i = 0; i < times; i += 1) client.send("nonsense");
        for (let i = 0; i < times; i += 1) await client.next("error", ({ code }) => code === "bad_json");
      };
      await bad(beforeSleep);
      await hibernate(user);
      await bad(afterwards);
      if (end !== "open") expect(await client.closed).toMatchObject({ code: end });
      else expect(await client.state()).toBe("open");
      await client.close();
    }
  });

  test("[FRAME9] a good frame starts the count again, also when the object slept after it", async () => {
    const user = someone("ann");
    const client = await Client.open(user);
    for (let i = 1; i < BAD_FRAMES_IN_A_ROW_MAX; i += 1) client.send("nonsense");
    // A frame that is read, and does nothing.
    await client.synced();
    await hibernate(user);
    client.send("nonsense");
    await client.next("error", ({ code }) => code === "bad_json");
    expect(await client.state()).toBe("open");
  });

  test("[FRAME10] the 100th frame refused as too fast closes, wherever the object slept", async () => {
    const user = someone("ann");
    const client = await Client.open(user);
    const flood = async (frames: number, refused: number): Promise<void> => {
      for (let i = 0; i < frames; i += 1) client.send({ type: "discover", on: false });
      for (let i = 0; i < refused; i += 1) await client.next("error", ({ code }) => code === "too_fast");
    };
    await flood(FRAME_BURST + 50, 50);
    await hibernate(user);
    await flood(TOO_FAST_FRAMES_MAX - 51, TOO_FAST_FRAMES_MAX - 51);
    await hibernate(user);
    await flood(1, 1);
    expect(await client.closed).toMatchObject({ code: 1008 });
  });
});

describe("tokens", () => {
  test("[CLOSE1] two connections with tokens of different length: each is closed at its own end", async () => {
    const user = someone("ann");
    const startedAt = Date.now();
    const long = await Client.open(user, { lifetimeMs: 2 * HOUR_MS });
    expect(await alarmOf(user)).toBe(startedAt + 2 * HOUR_MS);
    const short = await Client.open(user, { lifetimeMs: HOUR_MS });
    expect(await alarmOf(user)).toBe(startedAt + HOUR_MS);
    later(HOUR_MS - 1);
    await runDurableObjectAlarm(objectOf(user));
    expect([await short.state(), await long.state()]).toEqual(["open", "open"]);
    await hibernate(user);
    later(1);
    expect(await runDurableObjectAlarm(objectOf(user))).toBe(true);
    expect(await short.closed).toMatchObject({ code: 4401 });
    expect(await long.state()).toBe("open");
    expect(await alarmOf(user)).toBe(startedAt + 2 * HOUR_MS);
    later(HOUR_MS);
    await runDurableObjectAlarm(objectOf(user));
    expect(await long.closed).toMatchObject({ code: 4401 });
    expect(await alarmOf(user)).toBeNull();
  });

  test("[CLOSE1] an alarm that is late lets no frame through", async () => {
    const { ann, bob } = await twoNear();
    const user = ann.user;
    const short = await Client.open(user, { lifetimeMs: 1_000 });
    await short.next("nearby");
    later(PACE_MS);
    short.move(north(100));
    expect(await short.closed).toMatchObject({ code: 4401 });
    expect(await ann.state()).toBe("open");
    expect(bob.view.get(user)).toMatchObject(HOME);
  });

  test("[UP12][CLOSE1] a newer token moves the end, also over hibernation", async () => {
    const user = someone("ann");
    const client = await Client.open(user, { lifetimeMs: HOUR_MS });
    const expiry = Date.now() + HOUR_MS;
    client.send({ type: "token", token: await tokenOf(user, {}, 2 * (HOUR_MS / 1_000)) });
    await client.synced();
    await hibernate(user);
    vi.setSystemTime(expiry);
    await runDurableObjectAlarm(objectOf(user));
    expect(await client.state()).toBe("open");
    later(HOUR_MS);
    await runDurableObjectAlarm(objectOf(user));
    expect(await client.closed).toMatchObject({ code: 4401 });
  });
});

describe("many connections", () => {
  test("[DEV3] the longest silent makes room for the eleventh, also when the object slept in between", async () => {
    const user = someone("ann");
    const clients: Client[] = [];
    for (let i = 0; i < CONNECTIONS_PER_USER_MAX; i += 1) {
      clients.push(await Client.open(user));
      later(1_000);
    }
    const [first, second] = clients;
    // A minute is the grain in which silence is noted; the first one breaks it.
    later(60_000);
    await first?.synced();
    await hibernate(user);
    const eleventh = await Client.open(user);
    expect(await first?.state()).toBe("open");
    expect(await second?.closed).toMatchObject({ code: 4409 });
    for (const client of clients) if (client !== second) expect(await client.state()).toBe("open");
    expect(await eleventh.state()).toBe("open");
  });

  test("[CLOSE2][ACT4] a planned restart closes all with 1012 and forgets nothing", async () => {
    const { ann, bob } = await twoNear();
    const second = await Client.open(ann.user);
    await objectOf(ann.user).drain();
    for (const client of [ann, second]) expect(await client.closed).toMatchObject({ code: 1012 });
    expect(await keptRows(ann.user)).toHaveLength(1);
    const again = await Client.open(ann.user);
    expect(await again.next("nearby")).toMatchObject({ friends: [{ id: bob.user }] });
    expect([...bob.view.keys()]).toEqual([ann.user]);
  });
});
