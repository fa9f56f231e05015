/** Below it a number is seconds, from it on milliseconds: 2038 in the one unit, January 1970 in the other. */
const SECONDS_BELOW = 2 ** 31;

const WHOLE = /^\d{1,16}$/;
/** UTC, as Traccar's own protocol has it. */
const SPACED = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d+)?)$/;
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$/;
/** A plus sign that nobody has escaped arrives as a space. */
const LOST_PLUS = /^(\S+T\S+) (\d{2}:?\d{2})$/;

/**
 * The moment that a `timestamp` means, ms since the epoch: seconds or milliseconds, ISO 8601, or `yyyy-MM-dd HH:mm:ss` in UTC.
 *
 * @returns NaN for anything else
 */
export function readTime(text: string): number {
  if (WHOLE.test(text)) {
    const number = Number(text);
    return number < SECONDS_BELOW ? number * 1000 : number;
  }
  const spaced = SPACED.exec(text);
  if (spaced !== null) return Date.parse(`${spaced[1]}T${spaced[2]}Z`);
  const iso = text.replace(LOST_PLUS, "$1+$2");
  if (!ISO.test(iso)) return Number.NaN;
  // Without a zone a browser's rule would be local time, which here is nobody's.
  return Date.parse(/(?:Z|[+-]\d{2}:?\d{2})$/.test(iso) ? iso : `${iso}Z`);
}
