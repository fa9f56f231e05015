import { Redis } from "@upstash/redis/cloudflare";
import type { IndexSettings } from "../index-settings.ts";
import type { Meter } from "../observe/meter.ts";
import { type Announcement, ANSWER_MAX_MS, type Entries } from "./presence.ts";

/**
 * Keys of one MGET: Redis serves nobody else meanwhile, and 1,000 of the longest ids are 75 KB. All of 5,000 friends in
 * one request stay below the 1 MB that Upstash's smallest plan takes.
 */
export const MGET_KEYS_MAX = 1_000;

const KEY_PREFIX = "active:";
/** A rev is a time in ms, or a few more. */
const REV_PATTERN = /^\d{1,16}$/;

/** The answer is none that Redis could have given. It is not repeated: it may name users. */
export class GarbageError extends Error {
  override readonly name = "GarbageError";
}

/** Entries in Redis, over REST: `SET active:{id} rev EX` and one MGET for up to 1,000 friends, in this order and one request. */
export class Upstash {
  readonly #settings: IndexSettings;

  constructor(settings: IndexSettings) {
    this.#settings = settings;
  }

  /** As `Presence`, but rejects when it fails or takes longer than `ANSWER_MAX_MS`. */
  async announce(
    { user, rev, ttlMs }: Announcement,
    friends: readonly string[],
    meter: Pick<Meter, "redisCommands">,
  ): Promise<Entries> {
    const batches: string[][] = [];
    for (let i = 0; i < friends.length; i += MGET_KEYS_MAX) batches.push(friends.slice(i, i + MGET_KEYS_MAX));
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ANSWER_MAX_MS);
    try {
      const pipeline = this.#client(late.signal).pipeline();
      // Whoever wakes in between finds the entry; so would nobody if the others were looked for first.
      pipeline.set(keyOf(user), String(rev), { ex: Math.ceil(ttlMs / 1000), get: true });
      for (const batch of batches) pipeline.mget(...batch.map(keyOf));
      meter.redisCommands += 1 + batches.length;
      return readAnswer(await pipeline.exec(), batches);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * One per question: it holds the signal of a request, and what belongs to a request of one object cannot be used by
   * another. For the same reason commands of several objects must not be collected into one request.
   */
  #client(signal: AbortSignal): Redis {
    const { url, token } = this.#settings;
    return new Redis({
      url,
      token,
      signal: () => signal,
      // Whoever asks has no time for a second try.
      retry: { retries: 0 },
      enableAutoPipelining: false,
      enableTelemetry: false,
      automaticDeserialization: false,
      readYourWrites: false,
    });
  }
}

function keyOf(user: string): string {
  return `${KEY_PREFIX}${user}`;
}

function readAnswer(answer: unknown, batches: readonly string[][]): Entries {
  if (!Array.isArray(answer) || answer.length !== 1 + batches.length) throw new GarbageError("not as many answers");
  const [before, ...values]: unknown[] = answer;
  const revs = new Map<string, number>();
  for (const [i, batch] of batches.entries()) {
    const found: unknown = values[i];
    if (!Array.isArray(found) || found.length !== batch.length) throw new GarbageError("not as many values");
    for (const [j, user] of batch.entries()) {
      const rev = readRev(found[j]);
      if (rev !== null) revs.set(user, rev);
    }
  }
  return { wasListed: readRev(before) !== null, revs };
}

function readRev(value: unknown): number | null {
  if (value === null) return null;
  if (typeof value !== "string" || !REV_PATTERN.test(value)) throw new GarbageError("no rev");
  return Number(value);
}
