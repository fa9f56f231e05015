import { EARTH_RADIUS_M } from "./distance.ts";
import { encodeGeohash } from "./geohash.ts";
import type { Place } from "./place.ts";

/**
 * Cells of the globe, so large that a circle of the radius meets at most four of them: whoever asks these four misses
 * nobody, and nobody is asked who cannot know.
 *
 * A cell is a box of 20 bits of geohash (precision 4: 19.5 km high, 31 km wide at 37 degrees), or of two bits less for each
 * doubling of the radius beyond 9.7 km. Columns narrow towards the poles: there as many of them as a circle needs are one
 * cell, and around the pole itself all of them.
 */

const RADIANS = Math.PI / 180;

/** Halvings of the globe in each direction: precision 4 for every radius up to 9.7 km. A smaller cell would only mean moving between cells more often. */
const FINEST_BITS = 10;

/** Cells around the poles begin here, or further away from them for a radius of more than half a degree. */
const CAP_LAT_DEG = 89;

/** A distance is good to a micrometre; a circle may not miss a cell for less than that. */
const MARGIN_M = 0.1;

/** Characters of the names: those of the finest cells. */
const NAME_CHARS = 4;

/** The cell that a place belongs to, by a name that no other cell of the same radius has. */
export function cellOf({ lat, lng }: Place, radiusM: number): string {
  const reachDeg = reachOf(radiusM);
  const bits = bitsFor(reachDeg);
  const rows = 2 ** bits;
  const heightDeg = 180 / rows;
  const row = Math.min(rows - 1, Math.floor((lat + 90) / heightDeg));
  const capRows = Math.ceil((90 - capLatOf(reachDeg)) / heightDeg);
  const fromPole = Math.min(row, rows - 1 - row);
  const columns = fromPole < capRows ? 1 : columnsAt(90 - fromPole * heightDeg, reachDeg, bits);
  // All rows of a cap are one cell.
  const firstRow = fromPole >= capRows ? row : row < rows / 2 ? 0 : rows - capRows;
  // 180 and -180 are the same meridian.
  const column = Math.floor(((lng + 180) / 360) * columns) % columns;
  const widthDeg = 360 / columns;
  const corner = { lat: firstRow * heightDeg - 90, lng: column * widthDeg - 180 };
  const name = encodeGeohash(corner, NAME_CHARS);
  // A setting that changes makes other cells of the same corner.
  return bits === FINEST_BITS ? name : `${name}.${bits}`;
}

/** The cells in which people within the radius of a place can be, the place's own one first: one to four. */
export function cellsAround(place: Place, radiusM: number): string[] {
  const reachDeg = reachOf(radiusM);
  const own = cellOf(place, radiusM);
  const [south, north] = [place.lat - reachDeg, place.lat + reachDeg];
  // A circle around a pole lies within its cap.
  if (north >= 90 || south <= -90) return [own];
  const halfWidthDeg = halfWidthOf(place.lat, reachDeg);
  const cells = new Set([own]);
  // No cell is smaller than the circle's bounding box: it meets those that its corners lie in.
  for (const lat of [south, north]) {
    for (const lng of [place.lng - halfWidthDeg, place.lng + halfWidthDeg]) {
      cells.add(cellOf({ lat, lng: wrapLng(lng) }, radiusM));
    }
  }
  return [...cells];
}

function reachOf(radiusM: number): number {
  return (radiusM + MARGIN_M) / EARTH_RADIUS_M / RADIANS;
}

/** Rows at least as high as a circle. */
function bitsFor(reachDeg: number): number {
  return Math.min(FINEST_BITS, Math.floor(Math.log2(180 / (2 * reachDeg))));
}

/** A circle that holds a pole reaches twice its radius away from it. */
function capLatOf(reachDeg: number): number {
  return Math.min(CAP_LAT_DEG, 90 - 2 * reachDeg);
}

/** How many columns a row has whose edge towards the pole is `edgeLat`: a power of two, each as wide as a circle. */
function columnsAt(edgeLat: number, reachDeg: number, bits: number): number {
  // Of the circles that meet the row, those around a place beyond its edge are the widest in degrees.
  const widthDeg = 2 * halfWidthOf(edgeLat + reachDeg, reachDeg);
  return 2 ** Math.min(bits, Math.floor(Math.log2(360 / widthDeg)));
}

/** Half of the longitudes that a circle takes, degrees; its meridians touch it north (south) of its centre. */
function halfWidthOf(lat: number, reachDeg: number): number {
  return Math.asin(Math.sin(reachDeg * RADIANS) / Math.cos(lat * RADIANS)) / RADIANS;
}

function wrapLng(lng: number): number {
  return lng < -180 ? lng + 360 : lng >= 180 ? lng - 360 : lng;
}
