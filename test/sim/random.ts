/*
 * Chance without a stream: each number depends on the seed and on what it decides, never on how many were drawn before.
 * So a scenario without some people or steps keeps the fate of everything else, which is what makes failures shrink.
 */

/** Mixes whole numbers into 32 bits (the finalizer of MurmurHash3 after each word). */
export function mix(...words: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const word of words) {
    hash = Math.imul(hash ^ (word | 0), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

/** Numbers in [0, 1) that belong to one decision (mulberry32). */
export class Chance {
  #state: number;

  constructor(...words: readonly number[]) {
    this.#state = mix(...words);
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  is(share: number): boolean {
    return this.next() < share;
  }
}
