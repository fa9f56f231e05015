import { describe, expect, test } from "vitest";

import { readOsmAnd } from "../../src/ingest/osmand/report.ts";
import { readTime } from "../../src/ingest/osmand/time.ts";

const NOW_MS = 1_764_000_000_000;
const TS = 1_763_999_990_000;
const ISO = new Date(TS).toISOString();

const PLACE = { lat: 37.42, lng: -122.08 };
const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

function read(query: string, body: string | undefined = "", contentType = "") {
  return readOsmAnd({ query: new URLSearchParams(query), contentType, body }, NOW_MS);
}

const readJson = (value: unknown, query = "") => read(query, JSON.stringify(value), JSON_TYPE);

describe("[PHONE3] parameters of the address", () => {
  test("with everything that is of use here", () => {
    const query = `id=pass&lat=37.42&lon=-122.08&timestamp=${TS / 1000}&speed=10&bearing=90&accuracy=5&altitude=3&batt=87`;
    expect(read(`${query}&charge=true&alarm=sos&hdop=6&valid=true&rpm=933`)).toEqual({
      id: "pass",
      points: [{ ...PLACE, ts: TS, accuracy: 5, speed: (10 * 1852) / 3600, heading: 90 }],
      invalid: 0,
    });
  });

  test.each([
    ["a place in one", "id=p&location=37.42,-122.08", { ...PLACE, ts: NOW_MS }],
    ["another name of the id", "deviceid=p&lat=37.42&lon=-122.08", { ...PLACE, ts: NOW_MS }],
    ["heading for bearing", "id=p&lat=37.42&lon=-122.08&heading=7", { ...PLACE, ts: NOW_MS, heading: 7 }],
    ["what is not known", "id=p&lat=37.42&lon=-122.08&speed=-1&bearing=-1&accuracy=-1", { ...PLACE, ts: NOW_MS }],
    ["no numbers", "id=p&lat=37.42&lon=-122.08&speed=fast&bearing=N&accuracy=", { ...PLACE, ts: NOW_MS }],
    ["an exponent", "id=p&lat=3.742e1&lon=-122.08", { ...PLACE, ts: NOW_MS }],
  ])("%s", (_, query, point) => {
    expect(read(query)).toEqual({ id: "p", points: [point], invalid: 0 });
  });

  test("without a position is fine", () => {
    expect(read("id=p&notificationToken=abc")).toEqual({ id: "p", points: [], invalid: 0 });
    expect(read("id=p&cell=257,02,16,2224&timestamp=1763999990")).toEqual({ id: "p", points: [], invalid: 0 });
    expect(read("id=p")).toEqual({ id: "p", points: [], invalid: 0 });
    expect(read("")).toEqual({ points: [], invalid: 0 });
    expect(read("id=&lat=1&lon=2")).toMatchObject({ points: [{}] });
  });

  test.each([
    "lat=91&lon=0",
    "lat=0&lon=-180.1",
    "lat=0",
    "lon=0",
    "lat=NaN&lon=0",
    "lat=0x10&lon=0",
    "lat=Infinity&lon=0",
    "lat=,&lon=",
    "location=1",
    "location=1,2,3",
    "location=a,b",
    "lat=1&lon=2&timestamp=yesterday",
    "lat=1&lon=2&timestamp=1",
    `lat=1&lon=2&timestamp=${NOW_MS + 86_400_001}`,
    "lat=1&lon=2&valid=false",
    "lat=1&lon=2&valid=0",
  ])("%s is of no use", (query) => {
    expect(read(`id=p&${query}`)).toEqual({ id: "p", points: [], invalid: 1 });
  });
});

describe("[PHONE3] bodies", () => {
  test("a form, beside the address or alone", () => {
    expect(read("id=p", "lat=37.42&lon=-122.08", FORM)).toEqual({
      id: "p",
      points: [{ ...PLACE, ts: NOW_MS }],
      invalid: 0,
    });
    expect(read("", "id=p&lat=37.42&lon=-122.08")).toMatchObject({ id: "p", points: [PLACE] });
  });

  const client9 = {
    device_id: "p",
    location: {
      timestamp: ISO,
      coords: { latitude: 37.42, longitude: -122.08, accuracy: 5, speed: 2.5, heading: 63, altitude: 35.7 },
      is_moving: true,
      battery: { level: 0.79, is_charging: false },
      _: "&id=p&lat=37.42&lon=-122.08&",
    },
  };

  test("the JSON of Traccar Client 9, whose speed is in m/s", () => {
    const { points, ...rest } = readJson(client9);
    expect(rest).toEqual({ id: "p", invalid: 0 });
    expect(points).toEqual([{ ...PLACE, ts: TS, accuracy: 5, speed: expect.closeTo(2.5, 9), heading: 63 }]);
  });

  test("-1 is not known, and there need be no coordinates", () => {
    const coords = { latitude: 37.42, longitude: -122.08, accuracy: -1, speed: -1, heading: -1, floor: null };
    expect(readJson({ device_id: "p", location: { timestamp: ISO, coords } })).toEqual({
      id: "p",
      points: [{ ...PLACE, ts: TS }],
      invalid: 0,
    });
    expect(readJson({ device_id: "p", location: { timestamp: ISO } })).toEqual({ id: "p", points: [], invalid: 0 });
    expect(readJson({ device_id: "p" })).toEqual({ id: "p", points: [], invalid: 0 });
  });

  test("a list of flat objects, of which a bad one spoils no other", () => {
    const flat = { id: "p", lat: 37.42, lon: -122.08, timestamp: TS, speed: 1 };
    expect(
      readJson([flat, { ...flat, lat: 91 }, 7, { ...flat, timestamp: TS + 1000 }, { ...flat, id: "other" }]),
    ).toEqual({
      id: "p",
      points: [
        { ...PLACE, ts: TS, speed: 1852 / 3600 },
        { ...PLACE, ts: TS + 1000, speed: 1852 / 3600 },
      ],
      invalid: 3,
    });
    expect(readJson(flat)).toMatchObject({ id: "p", points: [PLACE], invalid: 0 });
  });

  test("a list of 99 and 100 is read, one of 101 is not", () => {
    const list = (length: number) =>
      Array.from({ length }, (_, n) => ({ id: "p", lat: 1, lon: 2, timestamp: TS - n * 1000 }));
    expect(readJson(list(99)).points).toHaveLength(99);
    expect(readJson(list(100)).points).toHaveLength(100);
    expect(readJson(list(101))).toEqual({ id: "p", points: [], invalid: 1 });
  });

  test("the password of the address goes for the body, too", () => {
    expect(readJson([{ lat: 37.42, lon: -122.08 }], "id=p")).toMatchObject({ id: "p", points: [PLACE], invalid: 0 });
    expect(readJson([{ id: "q", lat: 37.42, lon: -122.08 }], "id=p")).toEqual({ id: "p", points: [], invalid: 1 });
  });

  test.each(["{", "[1,2", "[null]", '[[{"id":"p"}]]', '{"device_id":{}}x'])("%s is of no use", (body) => {
    expect(read("id=p", body, JSON_TYPE)).toEqual({ id: "p", points: [], invalid: 1 });
  });

  test("one that is too long is of no use", () => {
    expect(readOsmAnd({ query: new URLSearchParams("id=p"), contentType: "", body: undefined }, NOW_MS)).toEqual({
      id: "p",
      points: [],
      invalid: 1,
    });
  });
});

describe("[PHONE3] times", () => {
  test.each([
    ["1763999990", TS],
    ["1763999990000", TS],
    ["2147483647", 2_147_483_647_000],
    ["2147483648", 2_147_483_648],
    [ISO, TS],
    ["2025-11-24T15:59:50Z", TS],
    ["2025-11-24T15:59:50", TS],
    ["2025-11-24T17:59:50+02:00", TS],
    ["2025-11-24T17:59:50 02:00", TS],
    ["2025-11-24T07:59:50-0800", TS],
    ["2025-11-24 15:59:50", TS],
    ["2025-11-24 15:59:50.500", TS + 500],
  ])("%s", (text, ms) => {
    expect(readTime(text)).toBe(ms);
  });

  test.each(["", "now", "-1", "1.5", "2025-13-01 00:00:00", "24.11.2025 15:59", "2025-11-24T15", "99999999999999999"])(
    "%j is none",
    (text) => {
      expect(readTime(text)).toBeNaN();
    },
  );
});
