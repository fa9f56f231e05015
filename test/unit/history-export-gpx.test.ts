import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseGpx } from "../../scripts/town/gpx.ts";
import { TRACK_GAP_MAX_MS, writeGpx } from "../../src/history/exports/gpx.ts";
import type { HistoryPoint } from "../../src/history/point.ts";

const T = Date.UTC(2026, 8, 18, 12, 0, 0, 7);
const HERE = { lat: 52.52, lng: 13.405 };

function gpx(points: readonly HistoryPoint[]): string {
  return [...writeGpx({ points, since: 0, next: "abc" })].join("");
}

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="nearby-friends" xmlns="http://www.topografix.com/GPX/1/1" xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.topografix.com/GPX/1/1 http://www.topografix.com/GPX/1/1/gpx.xsd http://www.garmin.com/xmlschemas/TrackPointExtension/v2 https://www8.garmin.com/xmlschemas/TrackPointExtensionv2.xsd">
`;

/** Elements in the order of their start tags; fails where an end tag does not fit, and where one is missing. */
function elements(xml: string): string[] {
  const open: string[] = [];
  const seen: string[] = [];
  for (const [, close, name = "", rest = ""] of xml.matchAll(/<(\/?)([A-Za-z][\w:]*)([^<>]*)>/g)) {
    if (close === "/") expect(open.pop()).toBe(name);
    else {
      seen.push(name);
      if (!rest.endsWith("/")) open.push(name);
    }
  }
  expect(open).toEqual([]);
  return seen;
}

describe("gpx", () => {
  test("a page without points has no track", () => {
    expect(gpx([])).toBe(`${HEAD}</gpx>\n`);
  });

  test("writes every field that GPX has a place for, in the order of its schema", () => {
    const points: HistoryPoint[] = [
      { ...HERE, ts: T },
      { lat: -0.0000001, lng: 0, ts: T + 1, accuracy: 5, speed: 1.25, heading: 271.5, outlier: true },
      { ...HERE, ts: T + 2, speed: 0 },
      { ...HERE, ts: T + 3, heading: 0 },
    ];
    const extension = (inner: string): string =>
      `<extensions><gpxtpx:TrackPointExtension>${inner}</gpxtpx:TrackPointExtension></extensions>`;
    expect(gpx(points)).toBe(
      `${HEAD}<trk>\n<trkseg>\n` +
        '<trkpt lat="52.5200000" lon="13.4050000"><time>2026-09-18T12:00:00.007Z</time></trkpt>\n' +
        '<trkpt lat="-0.0000001" lon="0.0000000"><time>2026-09-18T12:00:00.008Z</time><type>outlier</type>' +
        `${extension("<gpxtpx:speed>1.25</gpxtpx:speed><gpxtpx:course>271.5</gpxtpx:course>")}</trkpt>\n` +
        '<trkpt lat="52.5200000" lon="13.4050000"><time>2026-09-18T12:00:00.009Z</time>' +
        `${extension("<gpxtpx:speed>0</gpxtpx:speed>")}</trkpt>\n` +
        '<trkpt lat="52.5200000" lon="13.4050000"><time>2026-09-18T12:00:00.010Z</time>' +
        `${extension("<gpxtpx:course>0</gpxtpx:course>")}</trkpt>\n` +
        "</trkseg>\n</trk>\n</gpx>\n",
    );
  });

  test("a new segment begins after more than ten minutes, not after ten", () => {
    const at = [0, TRACK_GAP_MAX_MS - 1, 2 * TRACK_GAP_MAX_MS - 1, 3 * TRACK_GAP_MAX_MS];
    const names = elements(gpx(at.map((ms) => ({ ...HERE, ts: T + ms }))));
    const shape = names.filter((name) => name.startsWith("trk")).join(" ");
    expect(shape).toBe("trk trkseg trkpt trkpt trkpt trkseg trkpt");
  });

  test("longitude and course end before 180 and 360, as the schemas ask for", () => {
    const edges = [180, -180, 179.9999999].map((lng, n) => ({ lat: 90, lng, ts: T + n, heading: 360 }));
    const text = gpx(edges);
    expect([...text.matchAll(/ lon="([^"]+)"/g)].map((match) => match[1])).toEqual([
      "-180.0000000",
      "-180.0000000",
      "179.9999999",
    ]);
    for (const [heading, course] of [
      [360, "0"],
      [359.9996, "0"],
      [359.999, "359.999"],
      [0.0000001, "0"],
    ] as const) {
      expect(gpx([{ ...HERE, ts: T, heading }])).toContain(`<gpxtpx:course>${course}</gpxtpx:course>`);
    }
  });

  test("every point can be read back, and nothing else comes along", () => {
    const degrees = (max: number) => fc.integer({ min: -max * 1e7, max: max * 1e7 }).map((units) => units / 1e7);
    const point = fc.record(
      {
        lat: degrees(90),
        lng: degrees(179),
        accuracy: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
        speed: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
        heading: fc.double({ min: 0, max: 360, noNaN: true }),
        outlier: fc.constant(true as const),
      },
      { requiredKeys: ["lat", "lng"] },
    );
    const gap = fc.integer({ min: 1, max: 3 * TRACK_GAP_MAX_MS });
    fc.assert(
      fc.property(fc.array(fc.tuple(point, gap), { minLength: 1, maxLength: 30 }), (steps) => {
        let ts = T;
        const stored = steps.map(([fields, gapMs]) => ({ ...fields, ts: (ts += gapMs) }));
        const text = gpx(stored);
        expect(parseGpx(text)).toEqual(stored.map(({ lat, lng, ts: atMs }) => ({ lat, lng, atMs })));
        expect(elements(text).filter((name) => name === "type")).toHaveLength(
          stored.filter(({ outlier }) => outlier === true).length,
        );
        expect(text).not.toMatch(/undefined|NaN|hdop/);
      }),
    );
  });
});
