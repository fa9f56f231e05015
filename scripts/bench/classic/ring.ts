/** Which Redis server holds a user's channel and last position: consistent hashing, so that one more moves few of them. */
import { createHash } from "node:crypto";

/**
 * Points of one server on the ring. The share of a server is a mean of so many arcs: with 160 the largest of a few is some
 * 10 to 20 % above the mean (test/unit/classic-ring.test.ts), and a ring of 100 servers is still built in milliseconds.
 */
const POINTS_PER_SERVER = 160;

/** Points that one digest gives: SHA-1 has five words of 32 bits. */
const WORDS_PER_DIGEST = 5;
const WORD_BYTES = 4;

interface Point {
  readonly at: number;
  readonly server: string;
}

/** The packages for this on npm have not been touched for years; it is a sorted list and a binary search. */
export class Ring {
  readonly servers: readonly string[];
  readonly #points: readonly Point[];

  /** @param servers addresses, at least one, each once; their order does not matter */
  constructor(servers: readonly string[]) {
    if (servers.length === 0) throw new RangeError("a ring needs a server");
    this.servers = [...servers];
    this.#points = servers.flatMap(pointsOf).toSorted((a, b) => a.at - b.at || (a.server < b.server ? -1 : 1));
  }

  /** The server whose point is the next one clockwise. */
  ownerOf(key: string): string {
    const at = createHash("sha1").update(key).digest().readUInt32BE(0);
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#points[middle]?.at ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    const point = this.#points[low] ?? this.#points[0];
    if (point === undefined) throw new Error("a ring has points");
    return point.server;
  }
}

function pointsOf(server: string): Point[] {
  return Array.from({ length: POINTS_PER_SERVER }, (_, n) => {
    const digest = createHash("sha1")
      .update(`${server} ${Math.floor(n / WORDS_PER_DIGEST)}`)
      .digest();
    return { at: digest.readUInt32BE((n % WORDS_PER_DIGEST) * WORD_BYTES), server };
  });
}
