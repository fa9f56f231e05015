/** A row of bars, one column each. */

const BARS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/**
 * The newest `columns` values from zero to the largest of them; fewer are filled with spaces on the left. What is not
 * known (undefined) is a space.
 */
export function spark(values: readonly (number | undefined)[], columns: number): string {
  const shown = columns < 1 ? [] : values.slice(-columns);
  const top = Math.max(0, ...shown.filter((value) => value !== undefined));
  const bars = shown.map((value) => {
    if (value === undefined) return " ";
    return BARS[top > 0 ? Math.min(BARS.length - 1, Math.floor((value / top) * BARS.length)) : 0] ?? BARS[0];
  });
  return bars.join("").padStart(Math.max(0, columns));
}
