import type { Place } from "../geo/place.ts";

/** Somebody in a cell, as the asking person's object gets to know: the user id goes no further than that object. */
export interface Seen extends Place {
  readonly user: string;
  /** Pseudonym. */
  readonly id: string;
  /** When the person was there, ms. */
  readonly ts: number;
  /** Where the person stands in the asking person's order, 0 to 1: the lowest are the sample. */
  readonly rank: number;
}

/*
 * A sample is the people of the lowest ranks, a rank being a number that chance has given to this pair of people (bottom-k
 * sampling: E. Cohen, H. Kaplan, "Summarizing data using bottom-k sketches", 2007). So it is uniform, and it stays the
 * same from one question to the next: dots do not flicker, and asking again does not tell more. The lowest of several
 * samples are the sample of all their people, whatever is left out of it afterwards.
 */

const RANKS = 2 ** 32;

/** 32 bits in which every bit of the text plays a part (FNV-1a, then the finalizer of MurmurHash3). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** @param viewerHash `hashText` of the viewer @param salt 32 random bits of the person seen, which nobody gets to know */
export function rankOf(viewerHash: number, salt: number): number {
  return mix(viewerHash ^ salt) / RANKS;
}

/**
 * Puts one more into a sample of at most `limit`, which is in the order of ranks.
 *
 * @param sample changed in place
 */
export function insert<T extends { readonly rank: number }>(sample: T[], one: T, limit: number): void {
  let at = sample.length;
  while (at > 0 && (sample[at - 1]?.rank ?? 0) > one.rank) at -= 1;
  if (at >= limit) return;
  sample.splice(at, 0, one);
  if (sample.length > limit) sample.pop();
}

/** The sample of all these samples together, of those who are let through. Somebody on the way between two cells may be in both. */
export function merge(samples: readonly (readonly Seen[])[], limit: number, lets: (user: string) => boolean): Seen[] {
  const newest = new Map<string, Seen>();
  for (const seen of samples.flat()) {
    const known = newest.get(seen.user);
    if (known === undefined || known.ts < seen.ts) newest.set(seen.user, seen);
  }
  const merged: Seen[] = [];
  for (const seen of [...newest.values()].toSorted((a, b) => a.rank - b.rank)) {
    if (merged.length === limit) break;
    if (lets(seen.user)) merged.push(seen);
  }
  return merged;
}

function mix(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
