import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FORMAT_NAMES, FORMATS, isFormatName } from "../../src/history/exports/formats.ts";
import type { FormatName } from "../../src/history/exports/formats.ts";
import type { ExportPage } from "../../src/history/exports/page.ts";
import type { HistoryPoint } from "../../src/history/point.ts";

const T = Date.UTC(2026, 8, 18, 12, 0, 0, 7);

function textOf(format: FormatName, page: Partial<ExportPage>): string {
  return [...FORMATS[format].write({ points: [], since: 5, ...page })].join("");
}

/** On the grid of 7 decimals, as points are stored; the smallest steps are where a number would be written as 1e-7. */
const degrees = (max: number) =>
  fc
    .oneof(fc.integer({ min: -max * 1e7, max: max * 1e7 }), fc.constantFrom(0, 1, -1, max * 1e7, -max * 1e7))
    .map((units) => units / 1e7);
const some = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
const points: fc.Arbitrary<HistoryPoint[]> = fc.array(
  fc.record(
    {
      lat: degrees(90),
      lng: degrees(180),
      ts: fc.integer({ min: 946_684_800_000, max: 4_102_444_800_000 }),
      accuracy: some,
      speed: some,
      heading: fc.integer({ min: 0, max: 360_000 }).map((milli) => milli / 1000),
      outlier: fc.constant(true as const),
    },
    { requiredKeys: ["lat", "lng", "ts"] },
  ),
  { maxLength: 30 },
);

const ONE: HistoryPoint = { lat: 52.52, lng: -0.0000001, ts: T, accuracy: 4.5, speed: 0, heading: 360, outlier: true };
const BARE: HistoryPoint = { lat: -90, lng: 180, ts: T + 1 };

describe("json", () => {
  test("a page with and without a next one", () => {
    expect(textOf("json", {})).toBe('{"points":[],"since":5}');
    expect(textOf("json", { points: [BARE, BARE], next: "abc" })).toBe(
      `{"points":[{"lat":-90,"lng":180,"ts":${T + 1}},{"lat":-90,"lng":180,"ts":${T + 1}}],"since":5,"next":"abc"}`,
    );
  });

  test("gives back what was stored, whatever it is", () => {
    fc.assert(
      fc.property(points, (stored) => {
        expect(JSON.parse(textOf("json", { points: stored }))).toEqual({ points: stored, since: 5 });
      }),
    );
  });

  test("writes nothing of a point but its fields", () => {
    const odd = { ...BARE, storedAt: 7 };
    expect(textOf("json", { points: [odd] })).not.toContain("storedAt");
    expect(textOf("geojson", { points: [odd] })).not.toContain("storedAt");
  });
});

describe("geojson", () => {
  test("is a collection of points, longitude first", () => {
    expect(JSON.parse(textOf("geojson", { points: [ONE, BARE], next: "abc" }))).toEqual({
      type: "FeatureCollection",
      features: [
        {
          type: "Feature",
          geometry: { type: "Point", coordinates: [-0.0000001, 52.52] },
          properties: {
            ts: T,
            time: "2026-09-18T12:00:00.007Z",
            accuracy: 4.5,
            speed: 0,
            heading: 360,
            outlier: true,
          },
        },
        {
          type: "Feature",
          geometry: { type: "Point", coordinates: [180, -90] },
          properties: { ts: T + 1, time: "2026-09-18T12:00:00.008Z" },
        },
      ],
      since: 5,
      next: "abc",
    });
    expect(JSON.parse(textOf("geojson", {}))).toEqual({ type: "FeatureCollection", features: [], since: 5 });
  });

  test("gives back what was stored, whatever it is", () => {
    interface Feature {
      readonly geometry: { readonly coordinates: readonly number[] };
      readonly properties: Record<string, unknown>;
    }
    fc.assert(
      fc.property(points, (stored) => {
        const { features }: { features: Feature[] } = JSON.parse(textOf("geojson", { points: stored }));
        const read = features.map(({ geometry, properties: { time, ...rest } }) => {
          expect(Date.parse(String(time))).toBe(rest["ts"]);
          return { lng: geometry.coordinates[0], lat: geometry.coordinates[1], ...rest };
        });
        expect(read).toEqual(stored);
      }),
    );
  });
});

describe("csv", () => {
  const HEADER = "ts,time,lat,lng,accuracy,speed,heading,outlier\r\n";

  test("has a header row, and empty fields for what is not known", () => {
    expect(textOf("csv", {})).toBe(HEADER);
    expect(textOf("csv", { points: [ONE, BARE], next: "abc" })).toBe(
      `${HEADER}${T},2026-09-18T12:00:00.007Z,52.5200000,-0.0000001,4.5,0,360,true\r\n` +
        `${T + 1},2026-09-18T12:00:00.008Z,-90.0000000,180.0000000,,,,\r\n`,
    );
  });

  test("gives back what was stored, whatever it is", () => {
    const optional = (name: string, text: string | undefined) =>
      text === undefined || text === "" ? {} : { [name]: text === "true" ? true : Number(text) };
    fc.assert(
      fc.property(points, (stored) => {
        const [header, ...rows] = textOf("csv", { points: stored }).split("\r\n");
        expect(`${header}\r\n`).toBe(HEADER);
        expect(rows.pop()).toBe("");
        const read = rows.map((row) => {
          const [ts, time, lat, lng, accuracy, speed, heading, outlier, ...more] = row.split(",");
          expect([more, Date.parse(time ?? "")]).toEqual([[], Number(ts)]);
          // Spreadsheets and databases differ in what they make of exponents.
          expect([lat, lng].join()).toMatch(/^-?\d+\.\d{7},-?\d+\.\d{7}$/);
          return {
            lat: Number(lat),
            lng: Number(lng),
            ts: Number(ts),
            ...optional("accuracy", accuracy),
            ...optional("speed", speed),
            ...optional("heading", heading),
            ...optional("outlier", outlier),
          };
        });
        expect(read).toEqual(stored);
      }),
    );
  });
});

test("every format comes in pieces, about one for each point", () => {
  const page = { points: Array.from({ length: 50 }, (_, n) => ({ ...ONE, ts: T + n })), since: 0 };
  for (const { write } of Object.values(FORMATS)) expect([...write(page)].length).toBeGreaterThan(50);
});

test("formats are known by their names only", () => {
  expect(FORMAT_NAMES.filter(isFormatName)).toEqual(["json", "geojson", "gpx", "csv"]);
  for (const name of ["", "JSON", "kml", "toString", "__proto__"]) expect(isFormatName(name)).toBe(false);
});
