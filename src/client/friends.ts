import { distanceM } from "../geo/distance.ts";
import type { Place } from "../geo/place.ts";
import type { Friend } from "../protocol/down.ts";

/** Distances are kept to 0.1 m, as the server sends them. */
const DISTANCE_STEPS_PER_M = 10;

/**
 * The friends that are near, as one snapshot at a time.
 *
 * Entries and snapshots are never changed in place: what a caller holds stays what it was when it was read.
 */
export class FriendsNear {
  readonly #byId = new Map<string, Friend>();
  #place: Place | undefined;
  #sorted: readonly Friend[] | undefined;

  /** Nearest first; equal distances by id, so that lists do not flicker. */
  get list(): readonly Friend[] {
    this.#sorted ??= [...this.#byId.values()].toSorted((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1));
    return this.#sorted;
  }

  get(id: string): Friend | undefined {
    return this.#byId.get(id);
  }

  /** The whole set: whoever is not in it has left while nobody was listening. */
  replace(friends: readonly Friend[]): void {
    this.#byId.clear();
    for (const friend of friends) this.#byId.set(friend.id, this.#measured(friend));
    this.#sorted = undefined;
  }

  /** New or moved. An absent name or avatar means "as before". */
  put(friend: Friend): { friend: Friend; isNew: boolean } {
    const before = this.#byId.get(friend.id);
    const after = this.#measured({
      ...(before?.name === undefined ? {} : { name: before.name }),
      ...(before?.avatar === undefined ? {} : { avatar: before.avatar }),
      ...friend,
    });
    this.#byId.set(friend.id, after);
    this.#sorted = undefined;
    return { friend: after, isNew: before === undefined };
  }

  /** The entry that left, or undefined when it was not there. */
  remove(id: string): Friend | undefined {
    const before = this.#byId.get(id);
    if (before !== undefined) {
      this.#byId.delete(id);
      this.#sorted = undefined;
    }
    return before;
  }

  /** The server sends nothing when only the viewer moves: distances are measured again here. */
  moveTo(place: Place): void {
    this.#place = place;
    for (const [id, friend] of this.#byId) this.#byId.set(id, this.#measured(friend));
    this.#sorted = undefined;
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
