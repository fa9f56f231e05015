/** A frame of the view as an SVG picture: looks the same wherever it is shown, whatever fonts are there. */
import { charColumns, columnsOf } from "./width.ts";

const CELL_WIDTH = 8;
const CELL_HEIGHT = 16;
const FONT_SIZE = 13;
/** From the top of a cell to the line that letters stand on. */
const BASELINE = 12;
const MARGIN = 10;
const BACKGROUND = "#0d1117";
const FOREGROUND = "#d0d7de";

/** Parameters of SGR sequences, as the view uses them. */
const COLORS: Readonly<Record<string, string>> = {
  "31": "#ff7b72",
  "32": "#7ee787",
  "33": "#e3b341",
  "34": "#79c0ff",
  "35": "#d2a8ff",
  "36": "#56d4dd",
  "90": "#6e7681",
  "97": "#ffffff",
};
const BACKGROUNDS: Readonly<Record<string, string>> = { "44": "#1f6feb" };
const DIM = "#8b949e";

const SGR_BEGIN = "\u{1B}[";
const SGR_END = "m";
const BRAILLE_BASE = 0x2800;
const BRAILLE_LAST = 0x28ff;
/** Column and row of each bit of a Braille cell. */
const DOTS = [
  [0, 0],
  [0, 1],
  [0, 2],
  [1, 0],
  [1, 1],
  [1, 2],
  [0, 3],
  [1, 3],
] as const;

interface Look {
  readonly fill: string;
  readonly back: string | undefined;
  readonly bold: boolean;
}

const PLAIN: Look = { fill: FOREGROUND, back: undefined, bold: false };

/** @param frame lines joined by "\n", styled with SGR sequences */
export function frameToSvg(frame: string, columns: number, title: string): string {
  const lines = frame.split("\n");
  const drawing = new Drawing();
  for (const [row, line] of lines.entries()) drawing.line(line, row);
  const width = columns * CELL_WIDTH + 2 * MARGIN;
  const height = lines.length * CELL_HEIGHT + 2 * MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    `<g transform="translate(${MARGIN} ${MARGIN})" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_SIZE}" xml:space="preserve">`,
    ...drawing.elements(),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

class Drawing {
  readonly #backs: string[] = [];
  readonly #texts: string[] = [];
  readonly #dots = new Map<string, string[]>();

  line(text: string, row: number): void {
    let look = PLAIN;
    let column = 0;
    // All but the first part begin with the parameters of a sequence.
    for (const [i, part] of text.split(SGR_BEGIN).entries()) {
      const end = i === 0 ? -1 : part.indexOf(SGR_END);
      if (end >= 0) look = lookOf(part.slice(0, end), look);
      column = this.#run(part.slice(end + 1), { row, column, look });
    }
  }

  elements(): string[] {
    const dots = [...this.#dots].map(
      ([color, moves]) => `<path d="${moves.join("")}" stroke="${color}" stroke-width="2.2" stroke-linecap="round"/>`,
    );
    return [...this.#backs, ...dots, ...this.#texts];
  }

  /** @returns the column after the run */
  #run(text: string, at: { row: number; column: number; look: Look }): number {
    const { row, look } = at;
    let { column } = at;
    let pending = { text: "", column };
    const flush = () => {
      this.#text(pending.text, { row, column: pending.column, look });
      pending = { text: "", column };
    };
    for (const char of text) {
      const code = char.codePointAt(0) ?? 0;
      const isDots = code >= BRAILLE_BASE && code <= BRAILLE_LAST;
      const columns = charColumns(char);
      // Every stretch of ordinary letters gets its own place: fonts disagree about the width of the others.
      if (isDots || columns === 2 || char === " ") flush();
      if (isDots) this.#braille(code - BRAILLE_BASE, { row, column, color: look.fill });
      else if (char !== " ") pending.text += char;
      this.#back({ row, column, columns, color: look.back });
      column += columns;
      if (isDots || columns === 2 || char === " ") flush();
    }
    flush();
    return column;
  }

  #text(text: string, { row, column, look }: { row: number; column: number; look: Look }): void {
    if (text === "") return;
    const x = column * CELL_WIDTH;
    const y = row * CELL_HEIGHT + BASELINE;
    const width = columnsOf(text) * CELL_WIDTH;
    const fit = `textLength="${width}" lengthAdjust="spacingAndGlyphs"`;
    const weight = look.bold ? ' font-weight="bold"' : "";
    this.#texts.push(`<text x="${x}" y="${y}" ${fit} fill="${look.fill}"${weight}>${escape(text)}</text>`);
  }

  #back({ row, column, columns, color }: { row: number; column: number; columns: number; color: string | undefined }) {
    if (color === undefined || columns === 0) return;
    const [x, y] = [column * CELL_WIDTH, row * CELL_HEIGHT];
    // A hair wider than its cell: neighbours must not show a seam.
    const width = columns * CELL_WIDTH + 0.3;
    this.#backs.push(`<rect x="${x}" y="${y}" width="${width}" height="${CELL_HEIGHT}" fill="${color}"/>`);
  }

  #braille(bits: number, { row, column, color }: { row: number; column: number; color: string }): void {
    const moves = this.#dots.get(color) ?? [];
    this.#dots.set(color, moves);
    for (const [bit, [dotColumn, dotRow]] of DOTS.entries()) {
      if ((bits & (1 << bit)) === 0) continue;
      const x = column * CELL_WIDTH + (dotColumn + 0.5) * (CELL_WIDTH / 2);
      const y = row * CELL_HEIGHT + (dotRow + 0.5) * (CELL_HEIGHT / 4);
      moves.push(`M${x} ${y}h0`);
    }
  }
}

function lookOf(parameters: string, before: Look): Look {
  let look = before;
  for (const code of parameters.split(";")) {
    const back = BACKGROUNDS[code];
    const fill = COLORS[code];
    if (code === "0" || code === "") look = PLAIN;
    else if (code === "1") look = { ...look, bold: true };
    else if (code === "2") look = { ...look, fill: DIM };
    else if (code === "7") look = { ...look, fill: BACKGROUND, back: look.fill };
    else if (back !== undefined) look = { ...look, back };
    else if (fill !== undefined) look = { ...look, fill };
  }
  return look;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
