/** Cells with their counts, laid out on a plane of longitude and latitude. Pure. */
import { type Box, decodeGeohash } from "../../geo/geohash.ts";
import type { CellCount } from "../../protocol/admin.ts";

export interface CellBox {
  readonly cell: string;
  readonly users: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Of the fullest cell: from more than 0 to 1. */
  readonly share: number;
  /** In the middle of it, as "37.5 N, 127.0 E". */
  readonly place: string;
}

export interface GridLine {
  readonly at: number;
  readonly label: string;
}

export interface Chart {
  readonly boxes: readonly CellBox[];
  readonly meridians: readonly GridLine[];
  readonly parallels: readonly GridLine[];
}

export interface ChartSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** A cell of 40 km is nothing on a map of the world, and has to be seen. */
const CELL_MIN_PX = 9;
/** A single cell would fill everything. */
const SPAN_MIN_DEG = 3;
const MARGIN_SHARE = 0.08;
const STEPS_DEG = [0.5, 1, 2, 5, 10, 15, 30, 45] as const;
const LINES_MAX = 6;

export function chartOf(cells: readonly CellCount[], { widthPx, heightPx }: ChartSize): Chart {
  const known = cells.flatMap(({ cell, users }) => {
    const box = boxOf(cell);
    return box === undefined || users < 1 ? [] : [{ cell, users, box }];
  });
  if (known.length === 0) return { boxes: [], meridians: [], parallels: [] };
  const cutDeg = widestGap(known.map(({ box }) => box));
  const shifted = known.map(({ box, ...rest }) => ({ ...rest, box: eastOf(box, cutDeg) }));
  const west = Math.min(...shifted.map(({ box }) => box.west));
  const east = Math.max(...shifted.map(({ box }) => box.east));
  const south = Math.min(...shifted.map(({ box }) => box.south));
  const north = Math.max(...shifted.map(({ box }) => box.north));
  // East and west shrink with the latitude; one scale for both keeps cities where they are to each other.
  const stretch = Math.max(0.2, Math.cos((((south + north) / 2) * Math.PI) / 180));
  const inner = 1 - 2 * MARGIN_SHARE;
  const pxPerDeg = Math.min(
    (heightPx * inner) / Math.max(SPAN_MIN_DEG, north - south),
    (widthPx * inner) / (Math.max(SPAN_MIN_DEG, east - west) * stretch),
  );
  const x = (lng: number): number => widthPx / 2 + (lng - (west + east) / 2) * stretch * pxPerDeg;
  const y = (lat: number): number => heightPx / 2 - (lat - (south + north) / 2) * pxPerDeg;
  const most = Math.max(...known.map(({ users }) => users));
  const stepDeg = stepFor(Math.max(widthPx / stretch, heightPx) / pxPerDeg);
  return {
    boxes: shifted.map(({ cell, users, box }) => {
      const middle = { lng: (box.west + box.east) / 2, lat: (box.south + box.north) / 2 };
      const width = Math.max(CELL_MIN_PX, x(box.east) - x(box.west));
      const height = Math.max(CELL_MIN_PX, y(box.south) - y(box.north));
      const corner = { x: x(middle.lng) - width / 2, y: y(middle.lat) - height / 2 };
      return { cell, users, ...corner, width, height, share: users / most, place: placeText(middle) };
    }),
    meridians: linesOf(x, stepDeg, { to: widthPx, lowest: -360, highest: 720, label: meridian }),
    parallels: linesOf(y, stepDeg, { to: heightPx, lowest: -90, highest: 90, label: parallel }),
  };
}

/** A server of another version may say something else. */
function boxOf(cell: string): Box | undefined {
  try {
    return decodeGeohash(cell);
  } catch {
    return undefined;
  }
}

/** The longitude where the plane is cut: in the middle of the widest stretch without anybody. */
function widestGap(boxes: readonly Box[]): number {
  const sorted = boxes.toSorted((a, b) => a.west - b.west);
  let best = { gapDeg: -1, cutDeg: -180 };
  for (const [i, box] of sorted.entries()) {
    const next = sorted[(i + 1) % sorted.length] ?? box;
    const nextWest = next.west + (i + 1 === sorted.length ? 360 : 0);
    const gapDeg = nextWest - box.east;
    if (gapDeg > best.gapDeg) best = { gapDeg, cutDeg: turn(box.east + gapDeg / 2) };
  }
  return best.cutDeg;
}

/** The same box with longitudes that grow from the cut on. */
function eastOf(box: Box, cutDeg: number): Box {
  return box.west < cutDeg ? { ...box, west: box.west + 360, east: box.east + 360 } : box;
}

function turn(deg: number): number {
  return ((((deg + 180) % 360) + 360) % 360) - 180;
}

function stepFor(spanDeg: number): number {
  return STEPS_DEG.find((step) => spanDeg / step <= LINES_MAX) ?? 60;
}

interface Axis {
  readonly to: number;
  /** Degrees that there are. */
  readonly lowest: number;
  readonly highest: number;
  readonly label: (deg: number) => string;
}

const meridian = (deg: number): string => degreesText(turn(deg), "E", "W");
const parallel = (deg: number): string => degreesText(deg, "N", "S");

function linesOf(place: (deg: number) => number, stepDeg: number, { to, lowest, highest, label }: Axis): GridLine[] {
  const lines: GridLine[] = [];
  for (let deg = lowest; deg <= highest; deg += stepDeg) {
    const at = place(deg);
    if (at > 0 && at < to) lines.push({ at, label: label(deg) });
  }
  return lines;
}

function placeText({ lat, lng }: { readonly lat: number; readonly lng: number }): string {
  return `${degreesText(lat, "N", "S", 1)}, ${degreesText(turn(lng), "E", "W", 1)}`;
}

function degreesText(deg: number, positive: string, negative: string, digits = 0): string {
  const text = Number.isInteger(deg) ? Math.abs(deg).toFixed(digits) : Math.abs(deg).toFixed(1);
  return `${text}° ${deg < 0 ? negative : positive}`;
}
