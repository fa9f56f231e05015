/** Colours of what is drawn on a canvas, where style sheets do not reach. */

export interface Colours {
  readonly ground: string;
  readonly line: string;
  readonly text: string;
  readonly accent: string;
  readonly ringFill: string;
  readonly coarse: string;
  readonly stranger: string;
  readonly border: string;
  readonly shadow: string;
  readonly label: string;
  readonly halo: string;
}

export const LIGHT: Colours = {
  ground: "#e9eef2",
  line: "rgba(60, 84, 110, 0.13)",
  text: "rgba(48, 66, 86, 0.72)",
  accent: "#1259c9",
  ringFill: "rgba(255, 255, 255, 0.5)",
  coarse: "rgba(18, 89, 201, 0.1)",
  stranger: "#5f6b78",
  border: "#ffffff",
  shadow: "rgba(20, 32, 46, 0.35)",
  label: "#1a2430",
  halo: "rgba(255, 255, 255, 0.9)",
};

export const DARK: Colours = {
  ground: "#10151b",
  line: "rgba(150, 180, 210, 0.1)",
  text: "rgba(176, 194, 214, 0.75)",
  accent: "#7fb2ff",
  ringFill: "rgba(96, 140, 190, 0.07)",
  coarse: "rgba(127, 178, 255, 0.13)",
  stranger: "#98a4b1",
  border: "#1c242e",
  shadow: "rgba(0, 0, 0, 0.6)",
  label: "#e8eef5",
  halo: "rgba(12, 17, 22, 0.9)",
};

/** The same friend has the same colour everywhere and every day. White letters on it have a contrast of 4.5 and more. */
const AVATAR_COLOURS = [
  "#b3372f",
  "#a8501a",
  "#8a6100",
  "#4f7316",
  "#1b7a45",
  "#0c7775",
  "#13709c",
  "#2f62c4",
  "#5b51c8",
  "#7f44bd",
  "#a03a9c",
  "#b5336f",
] as const;

export function colourOf(id: string): string {
  let hash = 7;
  for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
  return AVATAR_COLOURS[hash % AVATAR_COLOURS.length] ?? AVATAR_COLOURS[0];
}

/** One or two letters that stand for a name; scripts without capitals give their first. */
export function initialsOf(name: string): string {
  const letters = name
    .split(/[\s.\-_]+/)
    .map((part) => /[\p{L}\p{N}]/u.exec(part)?.[0])
    .filter((letter) => letter !== undefined);
  const [first = "?", ...others] = letters;
  // Two syllables of Hangul or two ideographs are as wide as four letters.
  const isWide = /[\p{Script=Hangul}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(first);
  return (isWide ? first : first + (others.at(-1) ?? "")).toUpperCase();
}
