import { type Place, roundPlace } from "./place.ts";

/** Height of a cell of the coarse grid: 1.112 km everywhere. */
const CELL_DEG = 0.01;

const ROWS = Math.round(180 / CELL_DEG);

/**
 * Upper bound of the distance between a place and its cell's centre, metres: half of the diagonal of the largest cell (see
 * test/unit/geo-coarse.test.ts). One figure for the whole globe, because a figure of its own for each cell would have to
 * grow and shrink while somebody moves.
 */
export const COARSE_ERROR_M = 800;

/**
 * The centre of the cell of about 1 km by 1 km that a place lies in. The grid is fixed: the same cell gives the same
 * answer every time and to everybody, so that neither averaging nor comparing narrows it down. Each row of latitude has
 * as many cells as keep them about square.
 */
export function coarsePlace({ lat, lng }: Place): Place {
  const row = Math.min(ROWS - 1, Math.max(0, Math.floor((lat + 90) / CELL_DEG)));
  const centreLat = (row + 0.5) * CELL_DEG - 90;
  // By the edge towards the equator, which is the longer one: near the poles it is far longer than the middle.
  const edgeLat = Math.abs(centreLat) - CELL_DEG / 2;
  const columns = Math.ceil((360 * Math.cos((edgeLat * Math.PI) / 180)) / CELL_DEG);
  // 180 and -180 are the same meridian.
  const column = Math.floor(((lng + 180) / 360) * columns) % columns;
  return roundPlace({ lat: centreLat, lng: ((column + 0.5) / columns) * 360 - 180 });
}
