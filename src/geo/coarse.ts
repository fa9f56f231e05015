import { type Place, roundPlace } from "./place.ts";

/** Height of a cell of the coarse grid: 1.112 km everywhere. */
const COARSE_DEG = 0.01;

/** Height of a cell of the grid for strangers: 222 m everywhere. */
const BLUR_DEG = 0.002;

/**
 * Upper bound of the distance between a place and its cell's centre, metres: half of the diagonal of the largest cell (see
 * test/unit/geo-coarse.test.ts). One figure for the whole globe, because a figure of its own for each cell would have to
 * grow and shrink while somebody moves.
 */
export const COARSE_ERROR_M = 800;

/** The same for `blurredPlace`. */
export const BLUR_ERROR_M = 160;

/**
 * The centre of the cell of about 1 km by 1 km that a place lies in. The grid is fixed: the same cell gives the same
 * answer every time and to everybody, so that neither averaging nor comparing narrows it down. Each row of latitude has
 * as many cells as keep them about square.
 */
export function coarsePlace(place: Place): Place {
  return snap(place, COARSE_DEG);
}

/** The same on a grid of about 200 m by 200 m: all that strangers, and the cells that they meet in, get to know. */
export function blurredPlace(place: Place): Place {
  return snap(place, BLUR_DEG);
}

function snap({ lat, lng }: Place, cellDeg: number): Place {
  const rows = Math.round(180 / cellDeg);
  const row = Math.min(rows - 1, Math.max(0, Math.floor((lat + 90) / cellDeg)));
  const centreLat = (row + 0.5) * cellDeg - 90;
  // By the edge towards the equator, which is the longer one: near the poles it is far longer than the middle.
  const edgeLat = Math.abs(centreLat) - cellDeg / 2;
  const columns = Math.ceil((360 * Math.cos((edgeLat * Math.PI) / 180)) / cellDeg);
  // 180 and -180 are the same meridian.
  const column = Math.floor(((lng + 180) / 360) * columns) % columns;
  return roundPlace({ lat: centreLat, lng: ((column + 0.5) / columns) * 360 - 180 });
}
