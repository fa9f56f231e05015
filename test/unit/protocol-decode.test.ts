import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ERROR_CODE_LIST } from "../../src/protocol/errors.ts";
import { POINTS_PER_FRAME_MAX, TS_AHEAD_MAX_MS, TS_MIN_MS, USER_ID_MAX_CHARS } from "../../src/protocol/limits.ts";
import type { ErrorDown } from "../../src/protocol/messages/error.ts";
import { decodeUp } from "../../src/protocol/up.ts";
import type { Up } from "../../src/protocol/up.ts";

const NOW_MS = 1_790_000_000_000;
const POINT = { lat: 37.7749, lng: -122.4194, ts: NOW_MS };
const LOCATION = { type: "location", ...POINT };

function message(frame: unknown): Up {
  const decoded = decodeUp(JSON.stringify(frame), NOW_MS);
  if (!decoded.ok) throw new Error(`refused: ${JSON.stringify(decoded.error)}`);
  return decoded.message;
}

function refusalOf(text: string): ErrorDown {
  const decoded = decodeUp(text, NOW_MS);
  if (decoded.ok) throw new Error(`accepted: ${text}`);
  return decoded.error;
}

function refusal(frame: unknown): ErrorDown {
  return refusalOf(JSON.stringify(frame));
}

/** JSON text of a location with one field's value given as text: JSON.stringify cannot write 1e400. */
function locationText(field: string, value: string): string {
  const rest = Object.entries(LOCATION).filter(([name]) => name !== field);
  return `{${rest.map(([name, is]) => `"${name}":${JSON.stringify(is)}`).join()},"${field}":${value}}`;
}

function without(field: string, frame: object): object {
  return Object.fromEntries(Object.entries(frame).filter(([name]) => name !== field));
}

describe("shape of a frame", () => {
  test.each([
    "",
    " ",
    "{",
    "ping ",
    "PING",
    "NaN",
    "{'type':'location'}",
    '{"type":"location",}',
    "\u{feff}{}",
    "\u0000",
  ])("[FRAME1] %j is bad_json", (text) => {
    expect(refusalOf(text).code).toBe("bad_json");
  });

  test.each([
    "null",
    "true",
    "3",
    '"location"',
    "[]",
    '[{"type":"location"}]',
    "{}",
    '{"type":null}',
    '{"type":["location"]}',
  ])("[FRAME1] %s is bad_message", (text) => {
    expect(refusalOf(text).code).toBe("bad_message");
  });

  test.each(["Location", "location ", "", "welcome", "constructor", "__proto__", "toString"])(
    "[FRAME1] the unknown type %j is bad_message",
    (type) => {
      expect(refusal({ ...LOCATION, type }).code).toBe("bad_message");
    },
  );

  test("[FRAME2] unknown fields are ignored and dropped", () => {
    const sent = { ...LOCATION, battery: 3, toString: 1, points: "no list" };
    expect(message(sent)).toEqual(LOCATION);
    expect(message({ type: "locations", points: [{ ...POINT, extra: {} }] })).toEqual({
      type: "locations",
      points: [POINT],
    });
    expect(message({ type: "subscribe", friend: "bob", more: [] })).toEqual({ type: "subscribe", friend: "bob" });
  });

  test("[FRAME2] a field named __proto__ changes no prototype", () => {
    const text = `{"__proto__":{"lat":1},${JSON.stringify(LOCATION).slice(1)}`;
    expect(decodeUp(text, NOW_MS)).toEqual({ ok: true, message: LOCATION });
    expect(refusalOf('{"__proto__":{"type":"discover","on":true}}').code).toBe("bad_message");
  });
});

describe("ref", () => {
  test.each([0, 1, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])("[FRAME5] %i is kept and repeated", (ref) => {
    expect(message({ ...LOCATION, ref })).toEqual({ ...LOCATION, ref });
    expect(refusal({ ...LOCATION, lat: 91, ref })).toMatchObject({ code: "bad_location", ref });
    expect(refusal({ type: "nonsense", ref })).toMatchObject({ code: "bad_message", ref });
    expect(refusal({ ref })).toMatchObject({ code: "bad_message", ref });
  });

  test.each(["0.5", "9007199254740992", "-9007199254740992", "1e400", '"1"', "null", "true", "[1]", "{}"])(
    "[FRAME5] %s is bad_message and not repeated",
    (ref) => {
      const error = refusalOf(`${JSON.stringify(LOCATION).slice(0, -1)},"ref":${ref}}`);
      expect(error.code).toBe("bad_message");
      expect(error).not.toHaveProperty("ref");
    },
  );

  test.each([
    { type: "locations", points: [POINT] },
    { type: "subscribe", friend: "bob" },
    { type: "unsubscribe", friend: "bob" },
    { type: "discover", on: true },
    { type: "token", token: "a.b.c" },
  ])("[FRAME5] $type keeps it", (frame) => {
    expect(message({ ...frame, ref: 7 })).toEqual({ ...frame, ref: 7 });
    expect(message(frame)).not.toHaveProperty("ref");
  });
});

describe("place", () => {
  test.each([
    ["lat", "90"],
    ["lat", "-90"],
    ["lat", "89.9999999"],
    ["lng", "180"],
    ["lng", "-180"],
    ["lng", "179.9999999"],
    ["lat", "0"],
    ["lng", "-0"],
  ])("[UP2] %s %s is accepted", (field, value) => {
    expect(decodeUp(locationText(field, value), NOW_MS).ok).toBe(true);
  });

  test.each(
    ["lat", "lng"].flatMap((field) => {
      const limit = field === "lat" ? 90 : 180;
      const over = ["0001", "0000001"].flatMap((more) => [`${limit}.${more}`, `-${limit}.${more}`]);
      const others = ["1e400", "-1e400", "null", '"37.7"', '"NaN"', "true", "[37.7]", "{}"];
      return [...over, ...others].map((value) => [field, value] as const);
    }),
  )("[UP2] %s %s is bad_location", (field, value) => {
    expect(refusalOf(locationText(field, value)).code).toBe("bad_location");
  });

  test.each(["lat", "lng"])("[UP2] a missing %s is bad_location", (field) => {
    expect(refusal(without(field, LOCATION)).code).toBe("bad_location");
  });

  test("[UP5] a position is rounded to 7 decimals after the check", () => {
    expect(message({ ...LOCATION, lat: 37.774_929_54, lng: -122.419_415_56 })).toEqual({
      ...LOCATION,
      lat: 37.774_929_5,
      lng: -122.419_415_6,
    });
    // It would round to 90.
    expect(refusal({ ...LOCATION, lat: 90.000_000_01 }).code).toBe("bad_location");
  });
});

describe("time", () => {
  test.each([TS_MIN_MS, TS_MIN_MS + 1, NOW_MS, NOW_MS + TS_AHEAD_MAX_MS - 1, NOW_MS + TS_AHEAD_MAX_MS])(
    "[UP3] ts %i is accepted",
    (ts) => {
      expect(message({ ...LOCATION, ts })).toEqual({ ...LOCATION, ts });
    },
  );

  test.each([
    String(TS_MIN_MS - 1),
    String(NOW_MS + TS_AHEAD_MAX_MS + 1),
    `${NOW_MS}.5`,
    String(NOW_MS / 1_000),
    String(NOW_MS * 1_000),
    "0",
    "-1",
    "1e400",
    "null",
    "true",
    `"${NOW_MS}"`,
    '"2026-11-20T00:00:00Z"',
  ])("[UP3] ts %s is bad_timestamp", (ts) => {
    expect(refusalOf(locationText("ts", ts)).code).toBe("bad_timestamp");
  });

  test("[UP3] a missing ts is bad_timestamp", () => {
    expect(refusal(without("ts", LOCATION)).code).toBe("bad_timestamp");
  });
});

describe("accuracy, speed and heading", () => {
  test.each([
    ["accuracy", 0],
    ["accuracy", 4_000],
    ["speed", 0],
    ["speed", 250.5],
    ["heading", 0],
    ["heading", 360],
  ])("[UP4] %s %d is kept", (field, value) => {
    expect(message({ ...LOCATION, [field]: value })).toEqual({ ...LOCATION, [field]: value });
  });

  test.each(["accuracy", "speed", "heading"])("[UP4] %s null counts as absent", (field) => {
    expect(message({ ...LOCATION, [field]: null })).not.toHaveProperty(field);
  });

  test.each([
    ["accuracy", "-0.1"],
    ["accuracy", "1e400"],
    ["accuracy", '"5"'],
    ["speed", "-0.1"],
    ["speed", "1e400"],
    ["speed", "false"],
    ["heading", "-0.1"],
    ["heading", "360.1"],
    ["heading", "1e400"],
    ["heading", "[]"],
  ])("[UP4] %s %s is bad_message", (field, value) => {
    expect(refusalOf(locationText(field, value)).code).toBe("bad_message");
  });
});

describe("locations", () => {
  const points = (count: number): object[] =>
    Array.from({ length: count }, (_, back) => ({ ...POINT, ts: NOW_MS - back * 30_000 }));

  test.each([1, 2, POINTS_PER_FRAME_MAX - 1, POINTS_PER_FRAME_MAX])("[UP6] %i points are accepted", (count) => {
    const frame = { type: "locations", points: points(count) };
    expect(message(frame)).toEqual(frame);
  });

  test("[UP6] one point too many is too_many_points, also when a point is bad", () => {
    const many = points(POINTS_PER_FRAME_MAX + 1);
    expect(refusal({ type: "locations", points: many, ref: 3 })).toMatchObject({ code: "too_many_points", ref: 3 });
    expect(refusal({ type: "locations", points: [{}, ...many] }).code).toBe("too_many_points");
  });

  test.each(["[]", "null", "{}", '"x"', "3"])("[UP6] points %s is bad_message", (list) => {
    expect(refusalOf(`{"type":"locations","points":${list}}`).code).toBe("bad_message");
    expect(refusal({ type: "locations" }).code).toBe("bad_message");
  });

  test.each([
    ["bad_location", { ...POINT, lat: 91 }],
    ["bad_location", { ts: NOW_MS }],
    ["bad_timestamp", { ...POINT, ts: TS_MIN_MS - 1 }],
    ["bad_timestamp", { ...POINT, ts: NOW_MS + TS_AHEAD_MAX_MS + 1 }],
    ["bad_message", { ...POINT, speed: -1 }],
    ["bad_message", 7],
    ["bad_message", null],
  ])("[UP8] a bad point is %s with its index: %j", (code, bad) => {
    for (const index of [0, 5, POINTS_PER_FRAME_MAX - 1]) {
      const list: unknown[] = points(POINTS_PER_FRAME_MAX);
      list[index] = bad;
      expect(refusal({ type: "locations", points: list, ref: 9 })).toMatchObject({ code, index, ref: 9 });
    }
  });

  test("[UP8] the error of a single location has no index", () => {
    expect(refusal({ ...LOCATION, lat: 91 })).not.toHaveProperty("index");
  });
});

describe("the other messages", () => {
  const longest = "u".repeat(USER_ID_MAX_CHARS);

  test.each(["subscribe", "unsubscribe"])("[UP11] %s takes a user id", (type) => {
    for (const friend of ["a", longest.slice(1), longest, "Ann.B_c:d@e-9", "..."]) {
      expect(message({ type, friend })).toEqual({ type, friend });
    }
    for (const friend of ["", `${longest}u`, ".", "..", "a b", "a/b", "ä", 7, null, ["a"], undefined]) {
      expect(refusal({ type, friend, ref: 1 })).toMatchObject({ code: "bad_message", ref: 1 });
    }
  });

  test("[FRAME1] discover needs a boolean, token a text", () => {
    expect(message({ type: "discover", on: false })).toEqual({ type: "discover", on: false });
    expect(message({ type: "token", token: "" })).toEqual({ type: "token", token: "" });
    for (const bad of [1, "true", null, undefined]) {
      expect(refusal({ type: "discover", on: bad }).code).toBe("bad_message");
    }
    for (const bad of [1, true, null, undefined])
      expect(refusal({ type: "token", token: bad }).code).toBe("bad_message");
  });
});

describe("properties", () => {
  const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
  const double = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });
  const fix = {
    lat: double(-90, 90),
    lng: double(-180, 180),
    ts: fc.integer({ min: TS_MIN_MS, max: NOW_MS + TS_AHEAD_MAX_MS }),
    accuracy: maybe(double(0, 1e5)),
    speed: maybe(double(0, 1e3)),
    heading: maybe(double(0, 360)),
  };
  const ref = maybe(fc.maxSafeInteger());
  const friend = fc.stringMatching(/^[A-Za-z0-9_:@-][A-Za-z0-9._:@-]{0,63}$/);
  const valid = fc.oneof(
    fc.record({ type: fc.constant("location"), ref, ...fix }),
    fc.record({
      type: fc.constant("locations"),
      ref,
      points: fc.array(fc.record(fix), { minLength: 1, maxLength: POINTS_PER_FRAME_MAX }),
    }),
    fc.record({ type: fc.constantFrom("subscribe", "unsubscribe"), ref, friend }),
    fc.record({ type: fc.constant("discover"), ref, on: fc.boolean() }),
    fc.record({ type: fc.constant("token"), ref, token: fc.string() }),
  );
  const types = fc.constantFrom("location", "locations", "subscribe", "unsubscribe", "discover", "token", "other");
  const nonsense = fc.record(
    {
      type: types,
      ref: fc.jsonValue(),
      lat: fc.jsonValue(),
      lng: fc.jsonValue(),
      ts: fc.jsonValue(),
      points: fc.oneof(fc.jsonValue(), fc.array(fc.oneof(fc.jsonValue(), fc.record(fix)))),
      friend: fc.jsonValue(),
      on: fc.jsonValue(),
      token: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );

  /** Within half a unit of the 7th decimal, plus what a double cannot hold. */
  const isClose = (a: number, b: number): boolean => Math.abs(a - b) <= 0.5e-7 + 1e-12;

  test("[FRAME1] no text makes it throw; a refusal has a code of the list", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.json(),
      nonsense.map((it) => JSON.stringify(it)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const decoded = decodeUp(text, NOW_MS);
        if (!decoded.ok) expect(ERROR_CODE_LIST).toContain(decoded.error.code);
      }),
      { numRuns: 2_000 },
    );
  });

  test("[UP5] a valid message comes back as it was sent, positions within the rounding", () => {
    fc.assert(
      fc.property(valid, (sent) => {
        const got = message(sent);
        // A message that was decoded is on the grid already: a second pass changes nothing.
        expect(message(got)).toEqual(JSON.parse(JSON.stringify(got)));

        const before = "points" in sent ? sent.points : "lat" in sent ? [sent] : [];
        const after = "points" in got ? got.points : "lat" in got ? [got] : [];
        expect(after).toHaveLength(before.length);
        for (const [at, place] of after.entries()) {
          const { lat = NaN, lng = NaN } = before[at] ?? {};
          expect(isClose(place.lat, lat) && isClose(place.lng, lng)).toBe(true);
        }
        const rest = (it: unknown): unknown =>
          JSON.parse(JSON.stringify(it, (key, value: unknown) => (key === "lat" || key === "lng" ? 0 : value)));
        expect(rest(got)).toEqual(rest(sent));
      }),
      { numRuns: 500 },
    );
  });
});
