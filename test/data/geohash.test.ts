import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import * as v from "valibot";
import { decodeGeohash, encodeGeohash, GEOHASH_MAX_CHARS, geohashNeighbours } from "../../src/geo/geohash.ts";
import { readData } from "./data-folder.ts";

/** Integers of 64 bits are beyond what JSON numbers hold here; the text of the geohash says the same. */
const encodes = v.array(v.tuple([v.number(), v.string(), v.number(), v.number()]));
const boxes = v.array(v.tuple([v.string(), v.array(v.number())]));
const neighbourRows = v.array(
  v.tuple([v.number(), v.number(), v.number(), v.number(), v.array(v.number()), v.string(), v.array(v.string())]),
);
const small = v.object({
  encode: v.array(
    v.object({
      lat: v.number(),
      lng: v.number(),
      precision: v.number(),
      geohash: v.string(),
      redis_11th_char_padded: v.optional(v.boolean()),
    }),
  ),
  neighbours: v.array(v.looseObject({ geohash: v.string() })),
});

const DIRECTIONS = ["n", "ne", "e", "se", "s", "sw", "w", "nw"] as const;

/** Edges in the data are written with 12 digits. */
const WRITTEN_DIGITS = 9;

function packed(name: string): unknown {
  return JSON.parse(gunzipSync(readData(`geo/${name}.json.gz`)).toString("utf8"));
}

describe("geohash against other implementations", () => {
  test("pyinterp's 4,096 encodes", () => {
    const rows = v.parse(encodes, packed("pyinterp_geohash"));
    expect(rows).toHaveLength(4_096);
    for (const [, hash, lat, lng] of rows) expect(encodeGeohash({ lat, lng }, hash.length), hash).toBe(hash);
  });

  test("pyinterp's 4,096 boxes, of which the last was cut off", () => {
    const rows = v.parse(boxes, packed("pyinterp_geohash_bbox"));
    expect(rows).toHaveLength(4_096);
    const cut = rows.at(-1);
    expect(cut?.[0]).toBe("suj");
    for (const [hash, edges] of rows.slice(0, -1)) {
      const { south, north, west, east } = decodeGeohash(hash);
      for (const [at, edge] of [south, north, west, east].entries()) {
        expect(edge, `${hash} ${at}`).toBeCloseTo(edges[at] ?? Number.NaN, WRITTEN_DIGITS);
      }
    }
    const box = decodeGeohash("suj");
    expect([box.south, box.north, box.west]).toEqual(cut?.[1].slice(0, 3));
    expect(String(box.east).startsWith(String(cut?.[1][3]))).toBe(true);
  });

  test("pyinterp's 1,000 sets of neighbours", () => {
    const rows = v.parse(neighbourRows, packed("pyinterp_geohash_neighbors"));
    expect(rows).toHaveLength(1_000);
    for (const [lat, lng, , , , hash, neighbours] of rows) {
      expect(encodeGeohash({ lat, lng }, hash.length), hash).toBe(hash);
      expect(geohashNeighbours(hash), hash).toEqual(neighbours);
    }
  });

  test("latlon-geohash, node-geohash and Redis", () => {
    const { encode, neighbours } = v.parse(
      small,
      JSON.parse(readData("geo/geohash_small_vectors.json").toString("utf8")),
    );
    expect([encode.length, neighbours.length]).toEqual([17, 4]);
    for (const { lat, lng, precision, geohash, redis_11th_char_padded: isPadded = false } of encode) {
      // A 13th character, of one of them, is beyond what is computed here; Redis keeps 52 bits, and fills up with zeros.
      const chars = Math.min(isPadded ? precision - 1 : precision, GEOHASH_MAX_CHARS);
      expect(encodeGeohash({ lat, lng }, chars), geohash).toBe(geohash.slice(0, chars));
    }
    for (const row of neighbours) {
      for (const [at, direction] of DIRECTIONS.entries()) {
        if (row[direction] === undefined) continue;
        expect(geohashNeighbours(row.geohash)[at], `${row.geohash} ${direction}`).toBe(row[direction]);
      }
    }
  });
});
