/** A line of values as the path of an SVG. Pure. */

export interface SparkSize {
  readonly widthPx: number;
  readonly heightPx: number;
  /** Room for so many values; fewer end at the right edge, where the newest one is. */
  readonly slots: number;
}

export interface Spark {
  /** Strokes; a gap where a value is not known. */
  readonly line: string;
  /** The same, closed at the bottom. */
  readonly area: string;
}

/** Half a stroke: a line along the edge would be cut. */
const INSET_PX = 1.5;

/** From zero to the largest value, so that a flat line is not blown up into noise. */
export function sparkOf(values: readonly (number | undefined)[], size: SparkSize): Spark {
  const { widthPx, heightPx, slots } = size;
  const shown = values.slice(-slots);
  const known = shown.filter((value) => value !== undefined && Number.isFinite(value));
  const top = Math.max(0, ...known.map((value) => value ?? 0));
  const stepPx = slots > 1 ? (widthPx - 2 * INSET_PX) / (slots - 1) : 0;
  const x = (i: number): number => widthPx - INSET_PX - (shown.length - 1 - i) * stepPx;
  const y = (value: number): number => heightPx - INSET_PX - (top > 0 ? (value / top) * (heightPx - 2 * INSET_PX) : 0);
  const parts = runsOf(shown).map((run) => {
    const points = run.map(({ at, value }) => `${round(x(at))} ${round(y(value))}`);
    // A run of one value would be a line of no length, which is not drawn.
    const line = points.length === 1 ? `M${points[0]}h.01` : `M${points.join("L")}`;
    const [first, last] = [run[0]?.at ?? 0, run.at(-1)?.at ?? 0];
    return { line, area: `M${round(x(first))} ${heightPx}L${points.join("L")}L${round(x(last))} ${heightPx}Z` };
  });
  return { line: parts.map(({ line }) => line).join(""), area: parts.map(({ area }) => area).join("") };
}

interface Dot {
  readonly at: number;
  readonly value: number;
}

/** What is known, in stretches without a gap. */
function runsOf(values: readonly (number | undefined)[]): Dot[][] {
  const runs: Dot[][] = [];
  let isGap = true;
  for (const [at, value] of values.entries()) {
    const isKnown = value !== undefined && Number.isFinite(value);
    if (isKnown && isGap) runs.push([]);
    if (isKnown) runs.at(-1)?.push({ at, value });
    isGap = !isKnown;
  }
  return runs;
}

function round(px: number): number {
  return Math.round(px * 10) / 10;
}
