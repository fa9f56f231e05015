/** Characters that initials may be made of: what both apps draw in a circle, and what can stand in an MQTT topic. */
const SIGNS = /[\p{L}\p{N}]/gu;

const INITIALS_MAX = 2;

/**
 * What OwnTracks shall know a friend by: initials, with a number where another friend has them already. Both apps know a
 * friend by nothing else, so it must be nobody else's; the app draws it where there is no picture, so it is short.
 *
 * @param taken all that are given away, those of former friends included: a phone may still show them
 */
export function chooseTid({ id, name }: { id: string; name?: string }, taken: ReadonlySet<string>): string {
  const initials = initialsOf(name ?? "") || initialsOf(id) || "F";
  if (!taken.has(initials)) return initials;
  let number = 2;
  while (taken.has(`${initials}${number}`)) number += 1;
  return `${initials}${number}`;
}

/** Of two words the first letter of each, of one word its first two. Empty where there is no letter at all. */
function initialsOf(text: string): string {
  const words = text
    .split(/\s+/)
    .map((word) => word.match(SIGNS) ?? [])
    .filter((signs) => signs.length > 0);
  const [first = [], second = []] = words;
  const signs = words.length > 1 ? [...first.slice(0, 1), ...second.slice(0, 1)] : first.slice(0, INITIALS_MAX);
  // Upper case may be longer: "ß" becomes "SS".
  return Array.from(signs.join("").toUpperCase()).slice(0, INITIALS_MAX).join("");
}
