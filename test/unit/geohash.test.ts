import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { decodeGeohash, encodeGeohash, GEOHASH_MAX_CHARS, geohashNeighbours } from "../../src/geo/geohash.ts";

const places = fc.record({
  lat: fc.oneof(fc.double({ min: -90, max: 90, noNaN: true }), fc.constantFrom(-90, 90, 0, 45, 89.9)),
  lng: fc.oneof(fc.double({ min: -180, max: 180, noNaN: true }), fc.constantFrom(-180, 180, 0, 90, 179.999_999_9)),
});
const lengths = fc.integer({ min: 1, max: GEOHASH_MAX_CHARS });

describe("geohash", () => {
  test.for([
    { lat: 57.648, lng: 10.41, hash: "u4pruy" },
    { lat: -25.38262, lng: -49.26561, hash: "6gkzwgjz" },
    { lat: 37.7749, lng: -122.4194, hash: "9q8yyk8ytpxr" },
    { lat: 0, lng: 0, hash: "s00000000000" },
    { lat: -90, lng: -180, hash: "000000000000" },
    { lat: 90, lng: 180, hash: "zzzzzzzzzzzz" },
    { lat: 90, lng: -180, hash: "bpbpbpbpbpbp" },
    { lat: -90, lng: 180, hash: "pbpbpbpbpbpb" },
  ])("$lat, $lng is $hash", ({ lat, lng, hash }) => {
    expect(encodeGeohash({ lat, lng }, hash.length)).toBe(hash);
    // Each of its beginnings is the box around it.
    for (let chars = 1; chars <= hash.length; chars += 1) {
      expect(encodeGeohash({ lat, lng }, chars)).toBe(hash.slice(0, chars));
    }
  });

  test("a place lies in the box of its geohash, and the middle of a box in the same box", () => {
    fc.assert(
      fc.property(places, lengths, ({ lat, lng }, chars) => {
        const hash = encodeGeohash({ lat, lng }, chars);
        const { south, north, west, east } = decodeGeohash(hash);
        expect(lat >= south && (lat < north || north === 90)).toBe(true);
        expect(lng >= west && (lng < east || east === 180)).toBe(true);
        expect(encodeGeohash({ lat: (south + north) / 2, lng: (west + east) / 2 }, chars)).toBe(hash);
        // The corner that belongs to it is not its neighbour's.
        expect(encodeGeohash({ lat: south, lng: west }, chars)).toBe(hash);
      }),
      { numRuns: 2_000 },
    );
  });

  test("neighbours touch: across the antimeridian too, and at a pole three are missing", () => {
    expect(geohashNeighbours("ezzz")).toEqual("gbpb u000 spbp spbn ezzy ezzw ezzx gbp8".split(" "));
    expect(geohashNeighbours("21202").slice(5)).toEqual(["rcrbp", "rcrbr", "rcrbx"]);
    expect(geohashNeighbours("b")).toEqual([undefined, undefined, "c", "9", "8", "x", "z", undefined]);
    fc.assert(
      fc.property(places, lengths, (place, chars) => {
        const hash = encodeGeohash(place, chars);
        const opposite = [4, 5, 6, 7, 0, 1, 2, 3];
        for (const [at, neighbour] of geohashNeighbours(hash).entries()) {
          if (neighbour === undefined) continue;
          expect(geohashNeighbours(neighbour)[opposite[at] ?? -1]).toBe(hash);
        }
      }),
    );
  });

  test("no geohash: no character of it, none at all, or more than 12", () => {
    for (const bad of ["", "a", "9q8i", "9Q8Y", "9q8yyk8ytpxr0"]) {
      expect(() => decodeGeohash(bad), bad).toThrow(RangeError);
      expect(() => geohashNeighbours(bad), bad).toThrow(RangeError);
    }
    for (const chars of [0, 13, 1.5, Number.NaN]) {
      expect(() => encodeGeohash({ lat: 0, lng: 0 }, chars), String(chars)).toThrow(RangeError);
    }
    expect(encodeGeohash({ lat: 0, lng: 0 }, 12)).toHaveLength(12);
  });
});
