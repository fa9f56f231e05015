/** Tables of figures, in Markdown that is padded: a terminal shows the same as docs/benchmarks.md. */
import { type Ratio, type Round, type Spread, spreadOf } from "./rounds.ts";

export interface Column<F> {
  /** In the document of `--json`. */
  readonly key: string;
  readonly heading: string;
  readonly read: (figures: F) => number | null;
  readonly digits: number;
}

export type Summary = Readonly<Record<string, Spread | null>>;

/** The spread of each column over the rounds, by target. */
export function summarise<F>(
  rounds: readonly Round<F>[],
  labels: readonly string[],
  columns: readonly Column<F>[],
): Record<string, Summary> {
  return Object.fromEntries(
    labels.map((label) => {
      const figures = rounds.flatMap((each) => each.get(label) ?? []);
      const spreads = columns.map(({ key, read, digits }) => [key, spreadOf(figures.map(read), digits)] as const);
      return [label, Object.fromEntries(spreads)];
    }),
  );
}

/** A row per column and a column per target: medians, and how far the rounds were from each other. */
export function summaryTable<F>(summaries: Readonly<Record<string, Summary>>, columns: readonly Column<F>[]): string {
  const labels = Object.keys(summaries);
  const rows = columns.map(({ key, heading, digits }) => [
    heading,
    ...labels.map((label) => spreadText(summaries[label]?.[key] ?? null, digits)),
  ]);
  return markdownTable(["", ...labels], rows);
}

export function spreadText(spread: Spread | null, digits: number): string {
  if (spread === null) return "-";
  const [middle, min, max] = [spread.median, spread.min, spread.max].map((value) => grouped(value, digits));
  return min === max ? String(middle) : `${middle} (${min} - ${max})`;
}

export function ratioText({ what, of, to, median, min, max }: Ratio): string {
  return `${what}, ${of} / ${to}: ${median} (${min} - ${max})`;
}

/** `ours 4, classic 64`. */
export function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

/** 12345.6 as 12,346: as the prose of this project writes figures. */
function grouped(value: number, digits: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The first column to the left, the others to the right. */
export function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) =>
    Math.max(3, heading.length, ...rows.map((row) => (row[at] ?? "").length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, at) => (at === 0 ? (cells[at] ?? "").padEnd(width) : (cells[at] ?? "").padStart(width))).join(" | ")} |`;
  const rule = `| ${widths.map((width, at) => (at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(headings), rule, ...rows.map(line)].join("\n");
}
