import { describe, expect } from "vitest";
import type { Connection } from "./connection.ts";
import { ANSWER_MS } from "./connection.ts";
import { test } from "./helpers.ts";
import { is, refuses, shows } from "./frames.ts";
import { HOME, offset } from "./places.ts";

/** Limits of the contract, written out. */
const FRAME_BURST = 100;
const FRAMES_PER_S = 10;
const TOO_FAST_FRAMES_MAX = 100;
/** Default of POSITION_BURST, which this suite needs. */
const POSITION_BURST = 30;

/**
 * Sends `count` frames at once that are each answered, in order: `not_friends` when applied, `too_fast` when not.
 * @returns for each frame whether it was refused
 */
async function ask(connection: Connection, count: number): Promise<boolean[]> {
  for (let ref = 0; ref < count; ref += 1) {
    connection.send({ type: "subscribe", friend: "nobody.at.all", ref });
  }
  const refused: boolean[] = [];
  for (let ref = 0; ref < count; ref += 1) {
    const error = await connection.next(is("error"), `answer to frame ${ref}`);
    const tooFast = error.code === "too_fast";
    expect(error.ref, `ref of answer ${ref}, ${error.code}`).toBe(ref);
    refused.push(tooFast);
  }
  return refused;
}

function countOf(refused: readonly boolean[]): number {
  return refused.filter(Boolean).length;
}

/** Brings a fresh connection to exactly `wanted` refusals: sends only as many frames as may still be refused. */
async function refuseExactly(connection: Connection, wanted: number): Promise<void> {
  let refused = countOf(await ask(connection, FRAME_BURST));
  const deadline = Date.now() + ANSWER_MS;
  while (refused < wanted && Date.now() < deadline) {
    refused += countOf(await ask(connection, wanted - refused));
  }
  expect(refused).toBe(wanted);
}

describe("how fast a connection may send", { concurrent: true, timeout: 20_000 }, () => {
  test("[FRAME7] ninety-nine and a hundred frames at once are all applied", async ({ world }) => {
    for (const count of [FRAME_BURST - 1, FRAME_BURST]) {
      const connection = await world.user(`ana${count}`).connect();
      expect(countOf(await ask(connection, count))).toBe(0);
    }
  });

  test("[FRAME7] beyond a hundred frames at once the rest are refused, but for what the refill lets in", async ({
    world,
  }) => {
    const connection = await world.user("ana").connect();
    const extra = 60;
    const startedMs = Date.now();
    const refused = await ask(connection, FRAME_BURST + extra);
    const refilled = Math.ceil(((Date.now() - startedMs) / 1000) * FRAMES_PER_S) + 1;
    expect(countOf(refused.slice(0, FRAME_BURST)), "the first hundred are never refused").toBe(0);
    expect(countOf(refused)).toBeGreaterThanOrEqual(extra - refilled);
  });

  test("[FRAME7] the bucket refills by ten a second", async ({ world }) => {
    const connection = await world.user("ana").connect();
    await refuseExactly(connection, 5);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(countOf(await ask(connection, FRAMES_PER_S))).toBe(0);
    expect(countOf(await ask(connection, 40)), "a second does not fill the whole bucket").toBeGreaterThan(10);
  });

  test("[FRAME7] a refused frame changes nothing", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    await refuseExactly(b, 1);
    // Forty more drain what the refill lets in meanwhile, so that the position behind them is refused.
    for (let n = 0; n < 40; n += 1) {
      b.send({ type: "subscribe", friend: "nobody.at.all" });
    }
    const faraway = offset(HOME, { northM: 3_000 });
    b.move(faraway, { ref: 9_999 });
    for (let n = 0; n < 40; n += 1) {
      await b.next(is("error"), "answer to a frame");
    }
    expect((await b.next(refuses("too_fast"), "refusal of the position")).ref).toBe(9_999);
    await a.never(shows(ben.id), "move that was refused");
  });

  test("[FRAME6] ping does not count", async ({ world }) => {
    const connection = await world.user("ana").connect();
    await connection.welcome();
    for (let n = 0; n < FRAME_BURST + 50; n += 1) {
      connection.sendRaw("ping");
    }
    await connection.ping();
    expect(countOf(await ask(connection, FRAME_BURST))).toBe(0);
  });

  test("[FRAME7] the buckets of two connections are their own", async ({ world }) => {
    const ana = world.user("ana");
    const one = await ana.connect();
    const two = await ana.connect();
    await refuseExactly(one, 3);
    expect(countOf(await ask(two, FRAME_BURST))).toBe(0);
  });

  test("[FRAME10] ninety-nine refused frames leave the connection open, the hundredth closes it with 1008", async ({
    world,
  }) => {
    const connection = await world.user("ana").connect();
    await refuseExactly(connection, TOO_FAST_FRAMES_MAX - 1);
    await connection.ping();
    expect(connection.isOpen).toBe(true);
    // More than one: the refill may let a few in.
    for (let n = 0; n < 3 * FRAMES_PER_S; n += 1) {
      connection.send({ type: "subscribe", friend: "nobody.at.all" });
    }
    expect((await connection.closeInfo()).code).toBe(1008);
    const refused = connection.frames.filter(refuses("too_fast")).length;
    expect(refused, "the last refusal is answered before the close").toBe(TOO_FAST_FRAMES_MAX);
  });
});

describe("the count of refused frames", { concurrent: true, timeout: 30_000 }, () => {
  test("[FRAME10] it starts again when the bucket is full again", async ({ world }) => {
    const connection = await world.user("ana").connect();
    const most = TOO_FAST_FRAMES_MAX - 10;
    await refuseExactly(connection, most);
    await new Promise((resolve) => setTimeout(resolve, (FRAME_BURST / FRAMES_PER_S) * 1000 + 500));
    await refuseExactly(connection, most);
    await connection.ping();
    expect(connection.isOpen).toBe(true);
  });
});

describe("how fast a user may move", { concurrent: true, timeout: 20_000 }, () => {
  test("[UP14] thirty live positions at once fan out, the next one is too fast and not shown", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, HOME);
    // One position was spent on appearing.
    for (let n = 2; n <= POSITION_BURST; n += 1) {
      b.move(offset(HOME, { northM: n }), { ref: n });
    }
    const last = offset(HOME, { northM: POSITION_BURST });
    await a.until((view) => view.get(ben.id)?.lat === last.lat, "the thirtieth position");
    expect(b.frames.filter(refuses("too_fast")), "POSITION_BURST has to be 30 here").toEqual([]);
    b.move(offset(HOME, { northM: 4_000 }), { ref: 31 });
    await b.next(refuses("too_fast", 31), "refusal of the position after the burst, with POSITION_MIN_S of 5");
    await a.never(
      is("friend", (frame) => frame.friend.lat > last.lat),
      "position beyond the burst",
    );
    await b.ping();
    expect(b.isOpen).toBe(true);
  });

  test("[UP14] the burst is the user's, not the device's", async ({ world }) => {
    const ana = world.user("ana");
    const one = await ana.appear(HOME);
    const two = await ana.connect();
    for (let n = 2; n <= POSITION_BURST; n += 1) {
      (n % 2 === 0 ? one : two).move(offset(HOME, { northM: n }), { ts: Math.floor(one.nowMs()), ref: n });
    }
    // Two sockets have no order between them: both are through before the burst is exceeded.
    for (const connection of [one, two]) {
      expect(countOf(await ask(connection, 1))).toBe(0);
    }
    two.move(offset(HOME, { northM: 50 }), { ref: 31 });
    two.move(offset(HOME, { northM: 60 }), { ref: 32 });
    await two.next(refuses("too_fast", 32), "refusal on the other device");
    expect(one.frames.filter(refuses("too_fast"))).toEqual([]);
  });

  test("[UP14] positions that are too fast are no bad frames", async ({ world }) => {
    const connection = await world.user("ana").connect();
    await connection.welcome();
    for (let n = 1; n <= POSITION_BURST + 25; n += 1) {
      connection.move(offset(HOME, { northM: n }), { ref: n });
    }
    await connection.next(refuses("too_fast", POSITION_BURST + 25), "refusal of the last position");
    await connection.ping();
    expect(connection.isOpen).toBe(true);
  });
});
