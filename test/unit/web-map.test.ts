/** What the map is drawn by: its plane, the way of friends on it, and what stands for a name. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { distanceM } from "../../src/geo/distance.ts";
import { colourOf, initialsOf } from "../../src/web/map/colours.ts";
import { circleAround, latOf, lngOf, planePerMetre, screenX, xOf, yOf } from "../../src/web/map/mercator.ts";
import { sendTo, stand, xAt, yAt } from "../../src/web/map/motion.ts";

const place = fc.record({
  lat: fc.double({ min: -80, max: 80, noNaN: true }),
  lng: fc.double({ min: -180, max: 180, noNaN: true }),
});

describe("the plane", () => {
  test("a place comes back from it", () => {
    fc.assert(
      fc.property(place, ({ lat, lng }) => {
        expect(latOf(yOf(lat))).toBeCloseTo(lat, 9);
        expect(lngOf(xOf(lng))).toBeCloseTo(lng, 9);
      }),
    );
  });

  test("every point of a circle is as far from its middle as it should be", () => {
    fc.assert(
      fc.property(place, fc.double({ min: 10, max: 100_000, noNaN: true }), (center, radiusM) => {
        const points = circleAround(center, radiusM, 16);
        for (let i = 0; i < points.length; i += 2) {
          const at = { lat: latOf(points[i + 1] ?? 0), lng: lngOf(points[i] ?? 0) };
          expect(distanceM(center, at) / radiusM).toBeCloseTo(1, 4);
        }
      }),
    );
  });

  test("a metre is as long as the sphere says", () => {
    const here = { lat: 37.5512, lng: 126.9882 };
    const east = { lat: here.lat, lng: lngOf(xOf(here.lng) + 100 * planePerMetre(here.lat)) };
    expect(distanceM(here, east)).toBeCloseTo(100, 1);
  });

  test("the copy of the world that is nearest is the one that is drawn", () => {
    const view = { centerX: xOf(179.9), centerY: 0.5, worldPx: 36_000, widthPx: 100, heightPx: 100 };
    expect(screenX(view, xOf(-179.9))).toBeCloseTo(50 + 20, 6);
    expect(screenX(view, xOf(179.9))).toBeCloseTo(50, 6);
  });
});

describe("the way of a friend", () => {
  const [lat, lng] = [37.55, 126.98];

  test("is never left: from where it is shown, to where the friend is", () => {
    const way = stand(lat, lng, 0);
    sendTo(way, lat + 0.001, lng + 0.002, 1_000);
    expect([xAt(way, 1_000), yAt(way, 1_000)]).toEqual([xOf(lng), yOf(lat)]);
    const half = [xAt(way, 1_500), yAt(way, 1_500)];
    expect(half[0]).toBeCloseTo((xOf(lng) + xOf(lng + 0.002)) / 2, 12);
    // A move in the middle of one begins where the friend is seen.
    sendTo(way, lat, lng, 1_500);
    expect([xAt(way, 1_500), yAt(way, 1_500)]).toEqual(half);
    expect([xAt(way, 9_999), yAt(way, 9_999)]).toEqual([xOf(lng), yOf(lat)]);
  });

  test("takes as long as moves are apart, within bounds", () => {
    const took = (afterMs: number): number => {
      const way = stand(lat, lng, 0);
      sendTo(way, lat + 0.001, lng, afterMs);
      return way.endMs - way.startMs;
    };
    expect([10, 250, 1_000, 3_000, 60_000].map(took)).toEqual([250, 250, 1_000, 3_000, 3_000]);
  });

  test("has no flight over the city: who comes from far away is there", () => {
    const way = stand(lat, lng, 0);
    sendTo(way, lat + 1, lng, 1_000);
    expect(yAt(way, 1_000)).toBe(yOf(lat + 1));
  });

  test("is not begun anew by the same place", () => {
    const way = stand(lat, lng, 0);
    sendTo(way, lat + 0.001, lng, 1_000);
    sendTo(way, lat + 0.001, lng, 1_200);
    expect(way.startMs).toBe(1_000);
  });
});

describe("what stands for somebody", () => {
  test.for([
    ["Ana Pereira", "AP"],
    ["ana", "A"],
    ["Liam O'Shea", "LO"],
    ["이도윤", "이"],
    ["<b>Bold</b> & Co", "BC"],
    ["zoë maria martin", "ZM"],
    ["🙂", "?"],
    ["", "?"],
  ])("%s: %s", ([name, initials]) => {
    expect(initialsOf(name ?? "")).toBe(initials);
  });

  test("letters can be read on every colour", () => {
    const light = (channel: number): number =>
      channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
    const colours = new Set(Array.from({ length: 500 }, (_, i) => colourOf(`user${i}`)));
    expect(colours.size).toBe(12);
    for (const colour of colours) {
      const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => light(Number.parseInt(colour.slice(at, at + 2), 16) / 255));
      expect(1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05), colour).toBeGreaterThanOrEqual(4.5);
    }
  });
});
