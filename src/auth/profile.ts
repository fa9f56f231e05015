import { AVATAR_MAX_CHARS, NAME_MAX_CHARS } from "../protocol/limits.ts";

/**
 * Control characters and line separators: a name is drawn on one line of a list and of a terminal, where an escape
 * sequence would be carried out.
 */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** What an https URL never has unescaped and what would end an attribute of a page; the URL parser drops some of it silently. */
const NOT_IN_URL = /[\s\p{Cc}"<>`\\]/u;

/**
 * A display name as it is stored: trimmed.
 *
 * @returns undefined when nothing is left, or when it is not one line of well-formed text. Length is not looked at.
 */
export function cleanName(text: string): string | undefined {
  const name = text.trim();
  return name === "" || UNPRINTABLE.test(name) || !name.isWellFormed() ? undefined : name;
}

/** Characters as people count them at least roughly: an emoji outside the basic plane is one, not two. */
export function charCount(text: string): number {
  return Array.from(text).length;
}

/** The first `NAME_MAX_CHARS` characters, never half of a surrogate pair. */
export function clipName(name: string): string {
  return Array.from(name).slice(0, NAME_MAX_CHARS).join("").trim();
}

/** Whether the text can be shown as an avatar: an absolute https URL of at most `AVATAR_MAX_CHARS` without a user. */
export function isAvatarUrl(text: string): boolean {
  if (text.length > AVATAR_MAX_CHARS || NOT_IN_URL.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return url.protocol === "https:" && url.username === "" && url.password === "";
}
