import type { Place } from "./place.ts";

/** Geohash (G. Niemeyer, 2008): bits of longitude and latitude in turn, longitude first, five to a character. */
const ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz";

const CHAR_BITS = 5;

/** 30 bits each way: 2 cm by 4 cm. Beyond it a column would not fit into the integers that are computed with here. */
export const GEOHASH_MAX_CHARS = 12;

/** Degrees; the southern and western edges belong to it, the others only where the globe ends. */
export interface Box {
  readonly south: number;
  readonly north: number;
  readonly west: number;
  readonly east: number;
}

/** A box by its place in the grid of its precision, counted from the south pole and from the antimeridian. */
interface Cell {
  readonly row: number;
  readonly column: number;
}

/** The geohash of the box that a place lies in. 90° N and 180° E lie in the last box, as in all other implementations. */
export function encodeGeohash({ lat, lng }: Place, chars: number): string {
  const { latBits, lngBits } = bitsOf(chars);
  return write({ row: indexOf(lat, 90, latBits), column: indexOf(lng, 180, lngBits) }, chars);
}

/** @throws RangeError for a text that is no geohash of 1 to 12 characters */
export function decodeGeohash(hash: string): Box {
  const { latBits, lngBits } = bitsOf(hash.length);
  const { row, column } = read(hash);
  const [heightDeg, widthDeg] = [180 / 2 ** latBits, 360 / 2 ** lngBits];
  return {
    south: row * heightDeg - 90,
    north: (row + 1) * heightDeg - 90,
    west: column * widthDeg - 180,
    east: (column + 1) * widthDeg - 180,
  };
}

/** Rows up and columns right of each neighbour: N, NE, E, SE, S, SW, W, NW. */
const AROUND = [
  [1, 0],
  [1, 1],
  [0, 1],
  [-1, 1],
  [-1, 0],
  [-1, -1],
  [0, -1],
  [1, -1],
] as const;

/**
 * The boxes around one, from the north clockwise. East and west go round the globe; beyond a pole there is nothing, so at
 * a pole three of them are undefined.
 *
 * @throws RangeError for a text that is no geohash of 1 to 12 characters
 */
export function geohashNeighbours(hash: string): (string | undefined)[] {
  const { latBits, lngBits } = bitsOf(hash.length);
  const { row, column } = read(hash);
  const [rows, columns] = [2 ** latBits, 2 ** lngBits];
  return AROUND.map(([up, right]) => {
    const next = { row: row + up, column: (column + right + columns) % columns };
    return next.row < 0 || next.row >= rows ? undefined : write(next, hash.length);
  });
}

function bitsOf(chars: number): { latBits: number; lngBits: number } {
  if (!Number.isInteger(chars) || chars < 1 || chars > GEOHASH_MAX_CHARS) {
    throw new RangeError(`a geohash has 1 to ${GEOHASH_MAX_CHARS} characters`);
  }
  const bits = chars * CHAR_BITS;
  return { latBits: Math.floor(bits / 2), lngBits: Math.ceil(bits / 2) };
}

/** By halving: an edge of a box is a number that binary fractions hold exactly, so no place lands beside its box. */
function indexOf(degrees: number, endDeg: number, bits: number): number {
  let [low, high] = [-endDeg, endDeg];
  let index = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const middle = (low + high) / 2;
    const isUpper = degrees >= middle;
    index = index * 2 + (isUpper ? 1 : 0);
    if (isUpper) low = middle;
    else high = middle;
  }
  return index;
}

function write({ row, column }: Cell, chars: number): string {
  const { latBits, lngBits } = bitsOf(chars);
  let text = "";
  let [latBit, lngBit] = [latBits, lngBits];
  for (let char = 0; char < chars; char += 1) {
    let digit = 0;
    for (let i = 0; i < CHAR_BITS; i += 1) {
      const isLng = (char * CHAR_BITS + i) % 2 === 0;
      digit = digit * 2 + (isLng ? (column >>> --lngBit) & 1 : (row >>> --latBit) & 1);
    }
    text += ALPHABET.charAt(digit);
  }
  return text;
}

function read(hash: string): Cell {
  let [row, column] = [0, 0];
  for (let char = 0; char < hash.length; char += 1) {
    const digit = ALPHABET.indexOf(hash.charAt(char));
    if (digit === -1) throw new RangeError("a geohash has no such character");
    for (let i = 0; i < CHAR_BITS; i += 1) {
      const bit = (digit >>> (CHAR_BITS - 1 - i)) & 1;
      if ((char * CHAR_BITS + i) % 2 === 0) column = column * 2 + bit;
      else row = row * 2 + bit;
    }
  }
  return { row, column };
}
