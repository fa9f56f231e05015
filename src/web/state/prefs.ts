/** How the app looks on this device. Nothing here is about the user. */
import { effect, signal } from "@preact/signals";

import { keep, kept } from "./storage.ts";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const LANGS = ["en", "ko"] as const;
export type Lang = (typeof LANGS)[number];

export const theme = signal<Theme>(oneOf(THEMES, kept("theme")) ?? "auto");
export const lang = signal<Lang>(oneOf(LANGS, kept("lang")) ?? browserLang());

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isSystemDark = signal(systemDark.matches);
systemDark.addEventListener("change", ({ matches }) => (isSystemDark.value = matches));

/** Whether what is drawn now is dark. */
export function isDark(): boolean {
  return theme.value === "auto" ? isSystemDark.value : theme.value === "dark";
}

effect(() => {
  const { dataset } = document.documentElement;
  if (theme.value === "auto") delete dataset["theme"];
  else dataset["theme"] = theme.value;
  keep("theme", theme.value);
});
effect(() => {
  document.documentElement.lang = lang.value;
  keep("lang", lang.value);
});

function browserLang(): Lang {
  for (const tag of navigator.languages) {
    const found = oneOf(LANGS, tag.split("-")[0]);
    if (found !== undefined) return found;
  }
  return "en";
}

function oneOf<T extends string>(choices: readonly T[], text: string | undefined): T | undefined {
  return choices.find((choice) => choice === text);
}
