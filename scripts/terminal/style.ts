/** Colours of the view, as parameters of the terminal's SGR sequence; empty text stays empty. */
export const STYLES = {
  title: "1;7",
  bold: "1",
  dim: "2",
  ring: "36",
  trail: "90",
  viewer: "1;97;44",
  good: "32",
  warn: "33",
  bad: "31",
} as const;

export type StyleName = keyof typeof STYLES;

/** Marker colours of friends: told apart from each other on dark and on light backgrounds. */
const FRIEND_STYLES = ["1;31", "1;32", "1;33", "1;34", "1;35", "1;36"] as const;

/** Styles text when colour is on. */
export type Paint = (text: string, style: StyleName | { readonly friendId: string }) => string;

export function painter(color: boolean): Paint {
  if (!color) return (text) => text;
  return (text, style) => {
    if (text === "") return text;
    return `\u{1B}[${typeof style === "string" ? STYLES[style] : friendStyle(style.friendId)}m${text}\u{1B}[0m`;
  };
}

/** Always the same colour for the same friend, in the map and in the list. */
function friendStyle(id: string): string {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 1_000_003;
  return FRIEND_STYLES[hash % FRIEND_STYLES.length] ?? FRIEND_STYLES[0];
}
