import { describe, expect } from "vitest";
import { SILENCE_MS } from "./connection.ts";
import type { Connection } from "./connection.ts";
import { test } from "./helpers.ts";
import { is, refuses } from "./frames.ts";
import { HOME } from "./places.ts";

/** Limits of the contract, written out: a changed constant must fail here. */
const FRAME_MAX_BYTES = 16_384;
const BAD_FRAMES_IN_A_ROW_MAX = 20;

/** A frame of exactly so many UTF-8 bytes that is a valid message but for its size: a location with a long unknown field. */
function locationOfBytes(bytes: number, filler = "x"): string {
  const empty = JSON.stringify({ type: "location", ...HOME, ts: Date.now(), note: "" });
  const fillerBytes = Buffer.byteLength(filler);
  const room = bytes - Buffer.byteLength(empty);
  const text = empty.replace(
    '"note":""',
    `"note":"${filler.repeat(Math.floor(room / fillerBytes))}${"x".repeat(room % fillerBytes)}"`,
  );
  expect(Buffer.byteLength(text)).toBe(bytes);
  return text;
}

async function sendBad(connection: Connection, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    connection.send({ type: "nonsense", ref: n });
    await connection.next(refuses("bad_message", n), `error ${n + 1}`);
  }
}

describe("frames that close a connection", { concurrent: true, timeout: 20_000 }, () => {
  test("[FRAME3] a frame of 16 KiB is read, one byte less too", async ({ world }) => {
    for (const bytes of [FRAME_MAX_BYTES - 1, FRAME_MAX_BYTES]) {
      const connection = await world.user(`ana${bytes}`).connect();
      connection.sendRaw(locationOfBytes(bytes));
      await connection.nearby();
      await connection.ping();
    }
  });

  test("[FRAME3] a frame of one byte more closes with 1009 and is not applied", async ({ world }) => {
    const ana = world.user("ana");
    const connection = await ana.connect();
    await connection.welcome();
    connection.sendRaw(locationOfBytes(FRAME_MAX_BYTES + 1));
    expect((await connection.closeInfo()).code).toBe(1009);
    expect(connection.frames.filter(is("nearby"))).toHaveLength(0);
    const again = await ana.connect();
    await again.welcome();
    await again.never(is("nearby"), "snapshot although no position was accepted");
  });

  test("[FRAME3] the size counts in bytes, not in characters", async ({ world }) => {
    const at = await world.user("ana").connect();
    at.sendRaw(locationOfBytes(FRAME_MAX_BYTES, "😀"));
    await at.nearby();
    const above = await world.user("ben").connect();
    above.sendRaw(locationOfBytes(FRAME_MAX_BYTES + 1, "😀"));
    expect((await above.closeInfo()).code).toBe(1009);
  });

  test("[FAIL4] a huge frame closes with 1009 and leaves other connections alone", async ({ world }) => {
    const ana = world.user("ana");
    const bystander = await ana.appear(HOME, { device: "other" });
    const connection = await ana.connect({ device: "loud" });
    connection.sendRaw("[".repeat(500_000));
    expect((await connection.closeInfo()).code).toBe(1009);
    await bystander.ping();
    await bystander.never((frame) => frame.type === "error", "error on a connection that did nothing");
  });

  test("[FRAME4] a binary frame closes with 1003, whatever it holds", async ({ world }) => {
    const location = JSON.stringify({ type: "location", ...HOME, ts: Date.now() });
    for (const bytes of [Buffer.from(location), Buffer.from([0xff, 0x00]), Buffer.alloc(0), Buffer.from("ping")]) {
      const connection = await world.user(`ana${bytes.length}`).connect();
      await connection.welcome();
      connection.sendRaw(bytes);
      expect((await connection.closeInfo()).code, bytes.toString("hex").slice(0, 20)).toBe(1003);
      expect(connection.frames.filter(is("nearby"))).toHaveLength(0);
    }
  });

  test("[FRAME9] nineteen bad frames in a row are only answered, a good one starts the count again", async ({
    world,
  }) => {
    const connection = await world.user("ana").connect();
    await sendBad(connection, BAD_FRAMES_IN_A_ROW_MAX - 1);
    connection.move(HOME);
    await connection.nearby();
    await sendBad(connection, BAD_FRAMES_IN_A_ROW_MAX - 1);
    await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
    await connection.ping();
    expect(connection.isOpen).toBe(true);
  });

  test("[FRAME9] the twentieth bad frame in a row closes with 1008", async ({ world }) => {
    const connection = await world.user("ana").connect();
    await sendBad(connection, BAD_FRAMES_IN_A_ROW_MAX - 1);
    connection.send({ type: "nonsense", ref: 20 });
    expect((await connection.closeInfo()).code).toBe(1008);
    expect(connection.frames.filter(refuses("bad_message", 20)), "its error comes before the close").toHaveLength(1);
  });

  test("[FRAME9] bad frames of different kinds count together, and ping does not stand between them", async ({
    world,
  }) => {
    const connection = await world.user("ana").connect();
    const kinds = ["{", "[]", '{"type":"location","lat":91,"lng":0,"ts":1700000000000}', '{"type":"subscribe"}'];
    for (let n = 0; n < BAD_FRAMES_IN_A_ROW_MAX - 1; n += 1) {
      connection.sendRaw(kinds[n % kinds.length] ?? "");
      await connection.next(is("error"), `error ${n + 1}`);
      if (n === 10) {
        await connection.ping();
      }
    }
    connection.sendRaw("{");
    expect((await connection.closeInfo()).code).toBe(1008);
  });

  test("[FRAME9] a well-formed message that cannot be served is not a bad frame", async ({ world }) => {
    const connection = await world.user("ana").connect();
    for (let n = 0; n < BAD_FRAMES_IN_A_ROW_MAX + 2; n += 1) {
      connection.send({ type: "subscribe", friend: "nobody.at.all", ref: n });
      await connection.next(refuses("not_friends", n), `refusal ${n}`);
    }
    await connection.ping();
    expect(connection.isOpen).toBe(true);
  });

  test("[FRAME9] bad frames on one connection do not count on another of the same user", async ({ world }) => {
    const ana = world.user("ana");
    const one = await ana.connect();
    const two = await ana.connect();
    await sendBad(one, BAD_FRAMES_IN_A_ROW_MAX - 1);
    await sendBad(two, BAD_FRAMES_IN_A_ROW_MAX - 1);
    await Promise.all([one.ping(), two.ping()]);
    expect([one.isOpen, two.isOpen]).toEqual([true, true]);
  });
});
