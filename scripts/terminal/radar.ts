/**
 * The map block: the viewer in the middle, the radius as a ring, friends as initials. The ring and the trails are drawn
 * in Braille dots, 2 x 4 to a character cell: cells are about twice as high as wide, so dots are square and the ring
 * is round.
 */
import type { Place } from "../../src/geo/place.ts";
import { nameOf, type ViewState } from "./state.ts";
import type { Paint } from "./style.ts";
import { charColumns, clean, columnsOf } from "./width.ts";
import { bearingDeg } from "./words.ts";
import { distanceM } from "../../src/geo/distance.ts";

const DOTS_PER_COLUMN = 2;
const DOTS_PER_ROW = 4;
const BRAILLE_BASE = 0x2800;
/** Bit of each dot of a Braille cell, by row and column (Unicode, block 2800). */
const DOT_BITS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
/** Dots between the ring and the edge of the block. */
const MARGIN_DOTS = 1;
/** Keeps the outermost points, which lie exactly between two dots, with the dots inside. */
const RING_INSET_DOTS = 0.01;
/** Angle between two dots of the inner ring at half the radius: sparse, it is only for reading distances. */
const HALF_RING_STEP_DEG = 9;

type Ink = "ring" | "trail" | "viewer" | { readonly friendId: string };

interface Cell {
  bits: number;
  /** A character on top of the dots; "" is the right half of a wide one. */
  char: string | undefined;
  ink: Ink;
}

/** The block as `rows` lines of exactly `columns`. */
export function drawRadar(state: ViewState, size: { columns: number; rows: number }, paint: Paint): string[] {
  const canvas = new Canvas(size.columns, size.rows);
  canvas.drawRing(1, 1, "ring");
  canvas.drawRing(0.5, HALF_RING_STEP_DEG, "trail");
  const { place } = state;
  if (place !== undefined) {
    for (const friend of state.friends) {
      for (const past of state.trails.get(friend.id) ?? []) {
        const [x, y] = canvas.spot(place, past, distanceM(place, past), state.radiusM);
        canvas.dot(x, y, "trail");
      }
    }
    // Farthest first: where two share a cell, the nearer one is on top.
    for (const friend of state.friends.toReversed()) {
      const [x, y] = canvas.spot(place, friend, friend.distance, state.radiusM);
      canvas.put(x, y, initial(nameOf(friend)), { friendId: friend.id });
    }
    canvas.put(canvas.centreX, canvas.centreY, "@", "viewer");
  }
  return canvas.lines(paint);
}

/** The first character of a name that can stand alone. */
export function initial(name: string): string {
  for (const char of clean(name)) {
    if (char === " " || charColumns(char) === 0) continue;
    // Some capitals are longer: "ß" becomes "SS".
    const capital = char.toUpperCase();
    return columnsOf(capital) === charColumns(char) ? capital : char;
  }
  return "?";
}

class Canvas {
  readonly #columns: number;
  readonly #cells: Cell[][];
  readonly centreX: number;
  readonly centreY: number;
  readonly #radiusDots: number;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#cells = Array.from({ length: rows }, () =>
      Array.from({ length: columns }, (): Cell => ({ bits: 0, char: undefined, ink: "trail" })),
    );
    // The middle of a cell, so that the viewer's character is in the middle of the ring.
    this.centreX = (Math.floor(columns / 2) + 0.5) * DOTS_PER_COLUMN;
    this.centreY = (Math.floor(rows / 2) + 0.5) * DOTS_PER_ROW;
    const roomX = columns * DOTS_PER_COLUMN - this.centreX;
    const roomY = rows * DOTS_PER_ROW - this.centreY;
    this.#radiusDots = Math.max(1, Math.min(roomX, roomY) - MARGIN_DOTS);
  }

  /** Where a place is on the canvas, in dots. */
  spot(centre: Place, place: Place, distance: number, radiusM: number): [x: number, y: number] {
    const bearing = (bearingDeg(centre, place) * Math.PI) / 180;
    const dots = (distance / radiusM) * this.#radiusDots;
    return [this.centreX + Math.sin(bearing) * dots, this.centreY - Math.cos(bearing) * dots];
  }

  drawRing(share: number, stepDeg: number, ink: Ink): void {
    const dots = this.#radiusDots * share - RING_INSET_DOTS;
    for (let angle = 0; angle < 360; angle += stepDeg) {
      const radians = (angle * Math.PI) / 180;
      this.dot(this.centreX + Math.sin(radians) * dots, this.centreY - Math.cos(radians) * dots, ink);
    }
  }

  dot(x: number, y: number, ink: Ink): void {
    const cell = this.#cell(x, y);
    if (cell === undefined) return;
    const bit = DOT_BITS[Math.floor(y) % DOTS_PER_ROW]?.[Math.floor(x) % DOTS_PER_COLUMN] ?? 0;
    cell.bits |= bit;
    // A cell has one colour: the ring must not break where a trail crosses it.
    if (cell.ink !== "ring") cell.ink = ink;
  }

  /** Puts a character over the dots; a wide one takes the cell to its right as well. */
  put(x: number, y: number, char: string, ink: Ink): void {
    const row = this.#cells[Math.floor(y / DOTS_PER_ROW)];
    const isWide = charColumns(char) === 2;
    const column = Math.min(Math.floor(x / DOTS_PER_COLUMN), this.#columns - (isWide ? 2 : 1));
    if (row === undefined || row[column] === undefined) return;
    // Half of a wide character that is written over would shift the rest of the line.
    if (row[column].char === "") this.#erase(row[column - 1]);
    const last = row[column + (isWide ? 1 : 0)];
    if (last !== undefined && isWideChar(last)) this.#erase(row[column + (isWide ? 2 : 1)]);
    if (!isWide && isWideChar(row[column])) this.#erase(row[column + 1]);
    row[column].char = char;
    row[column].ink = ink;
    if (isWide && last !== undefined) {
      last.char = "";
      last.ink = ink;
    }
  }

  lines(paint: Paint): string[] {
    return this.#cells.map((row) => {
      let line = "";
      for (const cell of row) {
        if (cell.char === "") continue;
        const char = cell.char ?? (cell.bits === 0 ? " " : String.fromCodePoint(BRAILLE_BASE + cell.bits));
        line += char === " " ? char : paint(char, cell.ink);
      }
      return line;
    });
  }

  #erase(cell: Cell | undefined): void {
    if (cell !== undefined) cell.char = undefined;
  }

  #cell(x: number, y: number): Cell | undefined {
    return this.#cells[Math.floor(y / DOTS_PER_ROW)]?.[Math.floor(x / DOTS_PER_COLUMN)];
  }
}

function isWideChar(cell: Cell): boolean {
  return cell.char !== undefined && cell.char !== "" && charColumns(cell.char) === 2;
}
