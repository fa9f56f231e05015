import type { Meter } from "../observe/meter.ts";

/** A user who is active, and shares. */
export interface Announcement {
  readonly user: string;
  /** The newest rev of the user: who has heard a later word of them knows better than this entry. */
  readonly rev: number;
  /** How long the entry is true without being renewed, ms. */
  readonly ttlMs: number;
}

export interface Entries {
  /** There was an entry of the user already. */
  readonly wasListed: boolean;
  /** Of those who were asked for: id to the rev of their entry. Who is missing has none. */
  readonly revs: ReadonlyMap<string, number>;
}

/**
 * The index of active friends: who of 400 friends is awake, without waking the others to ask them.
 *
 * It is a hint, never shown to anybody: entries may be lost, late or too old, and all that this may cost is a call too
 * many, or a friend who is found one renewal later (src/nearby/wake.ts).
 */
export interface Presence {
  /** It failed, and is not asked for a while; absent where nobody keeps account of it. */
  readonly isDown?: boolean;
  /**
   * Enters the user, and then looks for the friends: of two who wake at the same time at least one finds the other. Never
   * rejects and never takes much longer than `ANSWER_MAX_MS`.
   *
   * @returns null when it cannot tell: then everybody has to be asked
   */
  announce(me: Announcement, friends: readonly string[], meter: Pick<Meter, "redisCommands">): Promise<Entries | null>;
}

/** An index that takes longer is slower than asking the friends. `nearby` waits for 2 s in all. */
export const ANSWER_MAX_MS = 1_000;
