/**
 * Columns that text takes in a terminal. Names come from other people: what could move the cursor, change colours or
 * turn the direction of a line is taken out first, and wide characters count as two columns.
 */

/** Controls, format characters (bidi, joiners), separators, private use, lone surrogates; emoji modifiers. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]|\u{FE0F}|\p{Emoji_Modifier}/gu;

const ZERO_WIDTH = /^[\p{Mn}\p{Me}\u{1160}-\u{11FF}]$/u;

/** East Asian Wide and Fullwidth (UAX 11) and emoji; flags are two letters of one column each. */
const WIDE =
  /^(?:(?![\u{1F1E6}-\u{1F1FF}])\p{Emoji_Presentation}|[\u{1100}-\u{115F}\u{2E80}-\u{303E}\u{3041}-\u{A4CF}\u{A960}-\u{A97C}\u{AC00}-\u{D7A3}\u{F900}-\u{FAFF}\u{FE10}-\u{FE19}\u{FE30}-\u{FE6F}\u{FF00}-\u{FF60}\u{FFE0}-\u{FFE6}\u{16FE0}-\u{18DFF}\u{1AFF0}-\u{1B2FF}\u{20000}-\u{3FFFD}])$/u;

/** The text without anything that a terminal would obey instead of show. */
export function clean(text: string): string {
  return text.replace(UNSAFE, "");
}

/** Columns of one character: 0, 1 or 2. */
export function charColumns(char: string): 0 | 1 | 2 {
  if (char >= " " && char <= "~") return 1;
  if (ZERO_WIDTH.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}

/** Columns of clean text. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) columns += charColumns(char);
  return columns;
}

/** The text, cut to at most `columns`; what is cut shows as an ellipsis. */
export function clip(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 1) return "";
  let kept = "";
  let used = 0;
  for (const char of text) {
    used += charColumns(char);
    if (used > columns - 1) break;
    kept += char;
  }
  return `${kept}…`;
}

/** Exactly `columns`: cut, or filled with spaces after the text. */
export function padEnd(text: string, columns: number): string {
  const cut = clip(text, columns);
  return cut + " ".repeat(Math.max(0, columns - columnsOf(cut)));
}

/** Exactly `columns`: cut, or filled with spaces before the text. */
export function padStart(text: string, columns: number): string {
  const cut = clip(text, columns);
  return " ".repeat(Math.max(0, columns - columnsOf(cut))) + cut;
}
