import { describe, expect } from "vitest";
import type { Connection } from "./connection.ts";
import { test } from "./helpers.ts";
import type { ErrorCode } from "./frames.ts";
import { is, refuses } from "./frames.ts";
import { HOME, offset } from "./places.ts";

/** Of the contract. */
const POINTS_MAX = 100;
const TS_MIN_MS = Date.UTC(2000, 0, 1);
const AHEAD_MAX_MS = 24 * 60 * 60 * 1000;

const NOT_JSON = ["", " ", "{", "nul", "{'type':'location'}", '{"type":"location",}', "undefined", "\u0000", "{}{}"];
const NOT_A_MESSAGE = ["[]", "null", "1", '"location"', "{}", '{"type":null}', '{"type":1}', '{"type":["location"]}'];
const UNKNOWN_TYPES = ["nonsense", "Location", "welcome", "nearby", "constructor", "__proto__", "toString", ""];

/** A raw location frame: fields are JSON text, so that 1e400 and the like can be written. */
function location(fields: Record<string, string>): string {
  const all = { type: '"location"', lat: "1", lng: "2", ts: String(Date.now()), ...fields };
  return `{${Object.entries(all)
    .map(([key, value]) => `"${key}":${value}`)
    .join(",")}}`;
}

/** Sends each text and expects this error, and a good message now and then so that bad ones never add up to a close. */
async function expectRefused(connection: Connection, texts: readonly string[], code: ErrorCode): Promise<void> {
  for (const [n, text] of texts.entries()) {
    connection.sendRaw(text);
    const error = await connection.next(is("error"), `error for ${text.slice(0, 100)}`);
    expect(error, text.slice(0, 100)).toMatchObject({ code, fatal: false });
    if (n % 10 === 9) {
      connection.send({ type: "subscribe", friend: "nobody.at.all" });
      await connection.next(refuses("not_friends"), "answer to a good message");
    }
  }
}

describe("messages to the server", { concurrent: true, timeout: 15_000 }, () => {
  test("[FRAME1] what is not JSON is bad_json", async ({ world }) => {
    await expectRefused(await world.user("ana").connect(), [...NOT_JSON, '{"type":"location","lat":NaN}'], "bad_json");
  });

  test("[FRAME1] JSON that is no object with a known type is bad_message", async ({ world }) => {
    const connection = await world.user("ana").connect();
    await expectRefused(connection, NOT_A_MESSAGE, "bad_message");
    await expectRefused(
      await world.user("ben").connect(),
      UNKNOWN_TYPES.map((type) => JSON.stringify({ type })),
      "bad_message",
    );
  });

  test("[UP2] a position off the globe is bad_location, the edges of the globe are fine", async ({ world }) => {
    const refused = [
      { lat: "90.0001" },
      { lat: "-90.0001" },
      { lng: "180.0001" },
      { lng: "-180.0001" },
      { lat: "1e400" },
      { lng: "-1e400" },
      { lat: "1e308" },
    ].map(location);
    const ana = world.user("ana");
    const connection = await ana.connect();
    await expectRefused(connection, refused, "bad_location");
    await connection.never(is("nearby"), "snapshot after refused positions only");
    for (const [n, [lat, lng]] of [
      ["90", "180"],
      ["-90", "-180"],
      ["0", "0"],
      ["-0", "1e-300"],
    ].entries()) {
      const good = await world.user(`ben${n}`).connect();
      good.sendRaw(location({ lat: lat ?? "", lng: lng ?? "" }));
      await good.nearby();
    }
  });

  test("[UP2] a position that is not two numbers is refused", async ({ world }) => {
    const connection = await world.user("ana").connect();
    const texts = [
      ...['"1"', "null", "true", "[1]", "{}", '""'].flatMap((value) => [
        location({ lat: value }),
        location({ lng: value }),
      ]),
      JSON.stringify({ type: "location", lng: 1, ts: Date.now() }),
      JSON.stringify({ type: "location", lat: 1, ts: Date.now() }),
    ];
    for (const text of texts) {
      connection.sendRaw(text);
      await connection.next(refuses("bad_location"), `refusal of ${text}`);
    }
    await connection.never(is("nearby"), "snapshot after refused positions only");
  });

  test("[UP3] a ts that is no plausible time is bad_timestamp", async ({ world }) => {
    const connection = await world.user("ana").connect();
    const { now } = await connection.welcome();
    const refused = [
      String(TS_MIN_MS - 1),
      "0",
      "-1",
      String(Math.floor(now / 1000)),
      `${now}.5`,
      String(now + AHEAD_MAX_MS + 60_000),
      "1e15",
      "1e400",
    ].map((ts) => location({ ts }));
    await expectRefused(connection, refused, "bad_timestamp");
    for (const value of ['"2024-01-01"', "null", `"${now}"`]) {
      connection.sendRaw(location({ ts: value }));
      await connection.next(refuses("bad_timestamp"), `refusal of ts ${value}`);
    }
    await connection.never(is("nearby"), "snapshot after refused positions only");
  });

  test("[UP3] the first and the last plausible ts are accepted", async ({ world }) => {
    for (const [n, tsOf] of [() => TS_MIN_MS, (now: number) => now + AHEAD_MAX_MS - 60_000].entries()) {
      const connection = await world.user(`ana${n}`).connect();
      const { now } = await connection.welcome();
      connection.move(HOME, { ts: tsOf(now) });
      await connection.nearby();
      await connection.never(is("error"), "error", 100);
    }
  });

  test("[UP4] accuracy, speed and heading are optional, and refused when they make no sense", async ({ world }) => {
    const connection = await world.user("ana").connect();
    await connection.welcome();
    connection.send({ type: "location", ...HOME, ts: Date.now(), accuracy: 0, speed: 0, heading: 360 });
    await connection.nearby();
    // Browsers report what they do not know as null.
    connection.send({ type: "location", ...HOME, ts: Date.now(), accuracy: null, speed: null, heading: null });
    await connection.never(is("error"), "error about an unknown accuracy", 100);
    const refused = [
      { accuracy: "-1" },
      { accuracy: '"5"' },
      { speed: "-0.1" },
      { heading: "361" },
      { speed: "1e400" },
    ];
    await expectRefused(connection, refused.map(location), "bad_message");
  });

  test("[FRAME2] unknown fields are ignored", async ({ world }) => {
    const connection = await world.user("ana").connect();
    connection.send({ type: "location", ...HOME, ts: Date.now(), altitude: 12, user: "mallory", extra: { a: [1] } });
    await connection.nearby();
    expect(connection.frames.filter(is("error"))).toEqual([]);
  });

  test("[FRAME5] the error repeats the ref of the message that caused it", async ({ world }) => {
    const connection = await world.user("ana").connect();
    for (const ref of [0, 1, -7, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
      connection.send({ type: "nonsense", ref });
      expect((await connection.next(refuses("bad_message"), "error")).ref).toBe(ref);
      connection.send({ type: "subscribe", friend: "nobody.at.all", ref });
      expect((await connection.next(refuses("not_friends"), "error")).ref).toBe(ref);
    }
    connection.send({ type: "location", lat: 91, lng: 0, ts: Date.now(), ref: 12 });
    expect((await connection.next(refuses("bad_location"), "error")).ref).toBe(12);
    connection.send({ type: "nonsense" });
    expect(await connection.next(refuses("bad_message"), "error")).not.toHaveProperty("ref");
  });

  test("[FRAME5] a ref that is not an integer is bad_message", async ({ world }) => {
    const connection = await world.user("ana").connect();
    const refs = ['"1"', "1.5", "null", "[]", "1e400", "9007199254740992"].map((ref) => location({ ref }));
    await expectRefused(connection, refs, "bad_message");
    expect(connection.frames.filter(is("error", (frame) => "ref" in frame))).toEqual([]);
    await connection.never(is("nearby"), "snapshot after refused positions only");
  });

  test("[UP1] a good position has no answer", async ({ world }) => {
    const connection = await world.user("ana").appear(HOME);
    for (let n = 1; n <= 5; n += 1) {
      connection.move(offset(HOME, { northM: n }), { ref: n, accuracy: 5 });
    }
    await connection.never(() => true, "answer to a position");
    expect(connection.frames.map((frame) => frame.type)).toEqual(["welcome", "nearby"]);
  });

  test("[FRAME8] a bad frame changes nothing and the connection goes on", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, offset(HOME, { northM: 100 }));
    b.sendRaw(location({ lat: "37.9", lng: "-122.4", accuracy: "-1" }));
    b.sendRaw(location({ lat: "37.9", lng: "-122.4", ref: "1.5" }));
    b.send({
      type: "locations",
      points: [{ ...offset(HOME, { northM: 5_000 }), ts: Math.floor(b.nowMs()) }, { lat: 91 }],
    });
    b.sendRaw('{"type":"location","lat":37.9,"lng":-122.4,"ts":');
    await a.never((frame) => frame.type === "friend" || frame.type === "gone", "effect of a bad frame");
    const there = offset(HOME, { northM: 110 });
    b.move(there);
    expect((await a.next(is("friend"), "the move")).friend).toMatchObject({ id: ben.id, ...there });
    expect(b.frames.filter(is("error"))).toHaveLength(4);
  });

  test("[ERR1] an error that is not fatal leaves the connection open", async ({ world }) => {
    const connection = await world.user("ana").connect();
    await connection.welcome();
    const texts: Partial<Record<ErrorCode, string>> = {
      bad_json: "{",
      bad_message: "{}",
      bad_location: location({ lat: "91" }),
      bad_timestamp: location({ ts: "1" }),
      not_friends: '{"type":"subscribe","friend":"nobody.at.all"}',
      not_discoverable: '{"type":"discover","on":true}',
      too_many_points: JSON.stringify({
        type: "locations",
        points: Array.from({ length: 101 }, () => ({ ...HOME, ts: 1e12 })),
      }),
    };
    for (const [code, text] of Object.entries(texts)) {
      connection.sendRaw(text);
      expect(await connection.next(is("error"), code)).toMatchObject({ code, fatal: false });
    }
    await connection.ping();
    expect(connection.isOpen).toBe(true);
  });

  test("[DISC3] discover is refused with not_discoverable for whoever is not discoverable, and off has no answer", async ({
    world,
  }) => {
    const connection = await world.user("ana").connect();
    connection.send({ type: "discover", on: true, ref: 3 });
    await connection.next(refuses("not_discoverable", 3), "refusal");
    connection.send({ type: "discover", on: false, ref: 5 });
    connection.send({ type: "discover", on: "yes", ref: 4 });
    await connection.next(refuses("bad_message", 4), "error");
    expect(connection.frames.filter(is("error", (frame) => frame.ref === 5))).toEqual([]);
  });

  test("[ERR2] error messages are sentences that do not repeat what was sent", async ({ world }) => {
    const connection = await world.user("ana").connect();
    connection.send({ type: "<script>secret-marker</script>" });
    connection.sendRaw('{"secret-marker":');
    connection.send({ type: "subscribe", friend: "secret-marker//" });
    for (let n = 0; n < 3; n += 1) {
      const error = await connection.next(is("error"), "error");
      expect(error.message).not.toContain("secret-marker");
    }
  });
});

describe("points kept while offline", { concurrent: true, timeout: 15_000 }, () => {
  const points = (count: number, now: number): unknown[] =>
    Array.from({ length: count }, (_, n) => ({ ...offset(HOME, { northM: n }), ts: now - 60_000 + n * 100 }));

  test("[UP6] 99 and 100 points are accepted, 101 are too_many_points", async ({ world }) => {
    const connection = await world.user("ana").connect();
    const { now } = await connection.welcome();
    for (const count of [POINTS_MAX - 1, POINTS_MAX]) {
      connection.send({ type: "locations", points: points(count, now), ref: count });
    }
    await connection.nearby();
    connection.send({ type: "locations", points: points(POINTS_MAX + 1, now), ref: 101 });
    await connection.next(refuses("too_many_points", 101), "refusal");
    expect(connection.frames.filter(is("error"))).toHaveLength(1);
  });

  test("[UP8] a bad point refuses the whole frame and the error says which", async ({ world }) => {
    const connection = await world.user("ana").connect();
    const { now } = await connection.welcome();
    const good = points(4, now);
    const cases: [unknown, number, ErrorCode][] = [
      [{ lat: 91, lng: 0, ts: now }, 0, "bad_location"],
      [{ lat: 1, lng: 181, ts: now }, 2, "bad_location"],
      [{ lat: 1, lng: 1, ts: 12 }, 3, "bad_timestamp"],
      [{ lat: 1, lng: 1, ts: now + AHEAD_MAX_MS + 60_000 }, 1, "bad_timestamp"],
      [5, 2, "bad_message"],
      [null, 0, "bad_message"],
    ];
    for (const [bad, index, code] of cases) {
      connection.send({ type: "locations", points: good.with(index, bad), ref: index });
      expect(await connection.next(is("error"), "error")).toMatchObject({ code, index, ref: index });
    }
    await connection.never(is("nearby"), "snapshot although every frame was refused");
  });

  test("[UP6] no points, or points that are no list, are bad_message", async ({ world }) => {
    const connection = await world.user("ana").connect();
    const texts = ["[]", "{}", "null", '"x"', "5"].map((list) => `{"type":"locations","points":${list}}`);
    await expectRefused(connection, [...texts, '{"type":"locations"}'], "bad_message");
  });

  test("[UP7] the newest point counts as live, wherever it stands in the list", async ({ world }) => {
    const { a, b, ben } = await world.pair(HOME, HOME);
    const now = Math.floor(b.nowMs());
    const newest = offset(HOME, { eastM: 700 });
    b.send({
      type: "locations",
      points: [
        { ...offset(HOME, { eastM: 10 }), ts: now + 1 },
        { ...newest, ts: now + 2 },
        { ...offset(HOME, { eastM: 20 }), ts: now },
      ],
    });
    await a.until((view) => view.get(ben.id)?.lng === newest.lng, "the newest point");
    const shown = a.frames.filter(is("friend", (frame) => frame.friend.id === ben.id)).slice(-1)[0];
    expect(shown?.friend).toMatchObject(newest);
  });

  test("[UP7] points that are all older than the deadline of activity make nobody active", async ({ world }) => {
    const [ana, ben] = await world.friends();
    const a = await ana.appear(HOME);
    const b = await ben.connect();
    const { now, inactiveAfterS } = await b.welcome();
    const old = now - inactiveAfterS * 1000 - 5_000;
    b.send({
      type: "locations",
      points: [
        { ...HOME, ts: old - 1000 },
        { ...HOME, ts: old },
      ],
    });
    await b.never(is("nearby"), "snapshot for somebody who is not active");
    await a.never(
      (frame) => frame.type === "friend" || frame.type === "gone",
      "news of somebody who is not active",
      100,
    );
  });
});
