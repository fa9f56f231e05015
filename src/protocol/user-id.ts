import { USER_ID_MAX_CHARS } from "./limits.ts";

/**
 * 1-64 characters of `A-Z a-z 0-9 . _ : @ -`, not `.` or `..`: clients and proxies drop these two from a URL path,
 * so that `/v1/friends/..` would name another resource.
 */
export const USER_ID_PATTERN = new RegExp(String.raw`^(?!\.{1,2}$)[A-Za-z0-9._:@-]{1,${USER_ID_MAX_CHARS}}$`);

/** Whether the text is a user id. Device ids follow the same rule. */
export function isUserId(text: string): boolean {
  return USER_ID_PATTERN.test(text);
}
