/** One screen of a list and some more; about 20 KB. */
export const PAGE_DEFAULT = 100;

/** Entries in one page: it is built and sent in one go, by an object that has positions to deliver, too. */
export const PAGE_MAX = 1000;

export const LIMIT_RULE = `\`limit\` must be a whole number from 1 to ${PAGE_MAX}.`;

/** @returns undefined for what is no limit */
export function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined) return PAGE_DEFAULT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= PAGE_MAX ? limit : undefined;
}
