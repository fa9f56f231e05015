import { describe, expect, test } from "vitest";

import { isEncrypted, parseMessage, readOwnTracks } from "../../src/ingest/owntracks/report.ts";

const NOW_MS = 1_764_000_000_000;
const TST = NOW_MS / 1000 - 5;
const GOOD = { _type: "location", lat: 37.7749, lon: -122.4194, tst: TST, tid: "an" };
const POINT = { lat: 37.7749, lng: -122.4194, ts: TST * 1000 };
const NOTHING = { points: [], invalid: 0 };
const JUNK = { points: [], invalid: 1 };

const read = (message: unknown) => readOwnTracks(message, NOW_MS);

describe("[PHONE2] a location", () => {
  test("of few fields, and with everything that an app may add", () => {
    expect(read(GOOD)).toEqual({ points: [POINT], invalid: 0, tid: "an" });
    const more = { acc: 12.5, vel: 36, cog: 271, alt: 90, vac: 3, batt: 55, bs: 1, conn: "w", t: "u", m: 1 };
    const rest = { inregions: ["home"], created_at: TST, topic: "owntracks/a/b", _id: "0815", image: "x" };
    expect(read({ ...GOOD, ...more, ...rest })).toEqual({
      points: [{ ...POINT, accuracy: 12.5, speed: 10, heading: 271 }],
      invalid: 0,
      tid: "an",
    });
  });

  test.each([
    ["what an app does not know is -1", { acc: -1, vel: -1, cog: -1 }],
    ["or of another type", { acc: "5", vel: null, cog: [] }],
    ["or beyond a full circle", { cog: 361 }],
  ])("%s, and left out", (_, fields) => {
    expect(read({ ...GOOD, ...fields }).points).toEqual([POINT]);
  });

  test("without a tid of its own", () => {
    const { tid: _, ...anonymous } = GOOD;
    expect(read(anonymous)).toEqual({ points: [POINT], invalid: 0 });
  });

  test.each([
    { lat: undefined },
    { lon: undefined },
    { lat: 90.000_001 },
    { lat: -91 },
    { lon: 180.000_001 },
    { lat: "37.7" },
    { lat: null },
    { tst: undefined },
    { tst: 0 },
    { tst: 0.5 },
    { tst: -1 },
    { tst: "1764000000" },
    { tst: 946_684_799 },
    { tst: TST * 1000 },
    { tst: NOW_MS / 1000 + 86_401 },
    { tst: 1e308 },
  ])("%j is of no use", (fields) => {
    expect(read({ ...GOOD, ...fields })).toEqual(JUNK);
  });

  test.each([{ lat: 90, lon: 180 }, { lat: -90, lon: -180 }, { tst: 946_684_800 }, { tst: NOW_MS / 1000 + 86_400 }])(
    "%j is the last good one",
    (fields) => {
      expect(read({ ...GOOD, ...fields })).toMatchObject({ points: [{}], invalid: 0 });
    },
  );
});

describe("[PHONE2] other messages", () => {
  const types = "beacon card cmd configuration lwt request status steps transition waypoint waypoints something".split(
    " ",
  );
  test.each(types)("a %s is good, and says nothing", (type) => {
    expect(read({ ...GOOD, _type: type })).toEqual(NOTHING);
  });

  test.each([["an empty body", new Uint8Array()]])("%s is how a friend is removed from the app", (_, bytes) => {
    expect(read(parseMessage(bytes))).toEqual(NOTHING);
  });

  test.each(['{"_type":', "", " ", "{'a':1}", "\u0000", "NaN"])("%j is no JSON", (text) => {
    const bytes = text === "" ? Uint8Array.of(0xff, 0xfe) : new TextEncoder().encode(text);
    expect(read(parseMessage(bytes))).toEqual(JUNK);
  });

  test.each([[7], ["location"], [true], [{}], [{ _type: 7 }], [{ _type: null }], [{ type: "location" }]])(
    "%j is none",
    (message) => {
      expect(read(message)).toEqual(JUNK);
    },
  );

  test("an envelope that nobody has opened, or that was in another one, is of no use", () => {
    const sealed = { _type: "encrypted", data: "YWJj" };
    expect(isEncrypted(sealed)).toBe(true);
    for (const other of [{ _type: "encrypted" }, { _type: "encrypted", data: 7 }, [sealed], null, "x", GOOD]) {
      expect(isEncrypted(other)).toBe(false);
    }
    expect(read(sealed)).toEqual(JUNK);
  });
});

describe("[PHONE2] a list", () => {
  test("is several messages, and a bad one spoils no other", () => {
    const later = { ...GOOD, tst: TST + 1, tid: "ignored" };
    expect(read([GOOD, { _type: "lwt", tst: TST }, { ...GOOD, lat: 91 }, later, null, [GOOD]])).toEqual({
      points: [POINT, { ...POINT, ts: POINT.ts + 1000 }],
      invalid: 3,
      tid: "an",
    });
    expect(read([])).toEqual(NOTHING);
  });

  test("of 99 and 100 messages is read, one of 101 is not", () => {
    const list = (length: number) => Array.from({ length }, (_, n) => ({ ...GOOD, tst: TST - n }));
    expect(read(list(99)).points).toHaveLength(99);
    expect(read(list(100)).points).toHaveLength(100);
    expect(read(list(101))).toEqual(JUNK);
  });
});
