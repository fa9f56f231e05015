import { distanceM } from "../geo/distance.ts";
import type { Place } from "../geo/place.ts";
import type { Friend } from "../protocol/down.ts";
import type { StartTimer } from "./socket.ts";

/** Distances are kept to 0.1 m, as the server sends them. */
const DISTANCE_STEPS_PER_M = 10;

/**
 * A friend whose `ts` is older than this share of the deadline on arrival is active all the same, for the server just said
 * so: the clock of that phone is behind. From then on the arrival counts, or such friends would come and go with every
 * update.
 */
const TRUSTED_AGE_SHARE = 0.9;

export interface FriendsOptions {
  readonly nowMs: () => number;
  readonly serverNowMs: () => number;
  /** How long a friend is shown without news. */
  readonly inactiveAfterMs: () => number;
  readonly startTimer: StartTimer;
  /** A friend was dropped whom the server has not said to have left. */
  readonly onStale: (friend: Friend) => void;
}

interface Entry {
  readonly friend: Friend;
  /**
   * When it is too old to be shown, by this clock. Infinity once it is no longer shown: the server may believe that it
   * is, and does not repeat the name then.
   */
  readonly staleMs: number;
}

/**
 * The friends that are near, as one snapshot at a time.
 *
 * Entries and snapshots are never changed in place: what a caller holds stays what it was when it was read.
 */
export class FriendsNear {
  readonly #options: FriendsOptions;
  readonly #byId = new Map<string, Entry>();
  #place: Place | undefined;
  #sorted: readonly Friend[] | undefined;
  /** When the timer fires, by this clock. */
  #sweepMs = Infinity;
  #cancelSweep: (() => void) | undefined;

  constructor(options: FriendsOptions) {
    this.#options = options;
  }

  /** Nearest first; equal distances by id, so that lists do not flicker. */
  get list(): readonly Friend[] {
    this.#sorted ??= [...this.#byId.values()]
      .flatMap((entry) => (isShown(entry) ? this.#measured(entry.friend) : []))
      .toSorted((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1));
    return this.#sorted;
  }

  /** The whole set: whoever is not in it has left while nobody was listening. */
  replace(friends: readonly Friend[]): void {
    this.#byId.clear();
    this.#sorted = undefined;
    for (const friend of friends) this.#set(friend);
  }

  /** New or moved. An absent name or avatar means "as before". */
  put(friend: Friend): { friend: Friend; isNew: boolean } {
    const before = this.#byId.get(friend.id);
    // All that a friend may leave out is the name and the avatar; a deadline that is not repeated is over.
    const { activeUntil: _, ...known } = before?.friend ?? {};
    const after = { ...known, ...friend };
    this.#set(after);
    return { friend: this.#measured(after), isNew: !isShown(before) };
  }

  /** The entry that left, or undefined when it was not shown. */
  remove(id: string): Friend | undefined {
    const before = this.#byId.get(id);
    this.#byId.delete(id);
    this.#sorted = undefined;
    return isShown(before) ? this.#measured(before.friend) : undefined;
  }

  /** The server sends nothing when only the viewer moves: distances are measured again here. */
  moveTo(place: Place): void {
    this.#place = place;
    this.#sorted = undefined;
  }

  /** No timer is left; the snapshot stays as it is. */
  close(): void {
    this.#cancelSweep?.();
  }

  #set(friend: Friend): void {
    const { nowMs, serverNowMs, inactiveAfterMs } = this.#options;
    const limitMs = inactiveAfterMs();
    const { ts, activeUntil } = friend;
    const ageMs = serverNowMs() - ts;
    const isTrusted = ageMs >= 0 && ageMs <= limitMs * TRUSTED_AGE_SHARE;
    // A phone that lies still reports rarely: then the server says for how long that is in order.
    const leftMs = activeUntil === undefined ? limitMs - (isTrusted ? ageMs : 0) : activeUntil - serverNowMs();
    const staleMs = nowMs() + leftMs;
    this.#byId.set(friend.id, { friend, staleMs });
    this.#sorted = undefined;
    this.#sweepAt(staleMs);
  }

  /** One timer for all; it is only set again for somebody who is due before it. */
  #sweepAt(dueMs: number): void {
    if (dueMs >= this.#sweepMs) return;
    this.#cancelSweep?.();
    this.#sweepMs = dueMs;
    this.#cancelSweep = this.#options.startTimer(dueMs - this.#options.nowMs(), () => this.#sweep());
  }

  /** While offline nobody says who has become inactive; a place of an hour ago must not look like the present. */
  #sweep(): void {
    const { nowMs, onStale } = this.#options;
    const stale: Friend[] = [];
    let nextMs = Infinity;
    for (const { friend, staleMs } of this.#byId.values()) {
      if (staleMs <= nowMs()) stale.push(friend);
      else nextMs = Math.min(nextMs, staleMs);
    }
    for (const friend of stale) this.#byId.set(friend.id, { friend, staleMs: Infinity });
    this.#sorted = undefined;
    this.#sweepMs = Infinity;
    this.#sweepAt(nextMs);
    for (const friend of stale) onStale(this.#measured(friend));
  }

  /**
   * The server's figure is from the position it knew when it sent the frame; a newer one may be under way. Without an
   * own position (a device that only watches) the server's figure stands.
   */
  #measured(friend: Friend): Friend {
    if (this.#place === undefined) return friend;
    const distance = Math.round(distanceM(this.#place, friend) * DISTANCE_STEPS_PER_M) / DISTANCE_STEPS_PER_M;
    return { ...friend, distance };
  }
}

function isShown(entry: Entry | undefined): entry is Entry {
  return entry !== undefined && entry.staleMs < Infinity;
}
