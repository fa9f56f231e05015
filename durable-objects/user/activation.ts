import type { ListedFriend, Listing } from "../../src/nearby/state.ts";
import type { Meter } from "../../src/observe/meter.ts";
import { traced } from "../../src/observe/trace.ts";
import { openPresence } from "../../src/presence/open.ts";
import type { Presence } from "../../src/presence/presence.ts";
import type { Settings } from "../../src/settings.ts";
import type { Agenda } from "./agenda.ts";
import type { Friends } from "./friends.ts";
import { Renewals } from "./renewals.ts";

export interface ActivationParts {
  readonly user: string;
  readonly settings: Settings;
  readonly friends: Friends;
  readonly agenda: Agenda;
  readonly meter: Meter;
}

/** The user's part in the index of active friends: performs `lookUp` of the core, and knows when it is time for the next. */
export class Activation {
  readonly #parts: ActivationParts;
  readonly #presence: Presence;
  readonly #renewals: Renewals;

  constructor(parts: ActivationParts) {
    this.#parts = parts;
    this.#presence = openPresence(parts.settings);
    this.#renewals = new Renewals(parts.settings);
  }

  /** Whether there is an index. */
  get isOn(): boolean {
    return this.#parts.settings.index !== null;
  }

  /** In a trace. */
  get state(): "off" | "up" | "down" {
    if (!this.isOn) return "off";
    return this.#presence.isDown === true ? "down" : "up";
  }

  isDue(now: number): boolean {
    return this.isOn && this.#renewals.isDue(now);
  }

  /** When the alarm of somebody who is active until `activeUntil` has to ring. */
  deadline(activeUntil: number): number {
    return this.#renewals.deadline(activeUntil);
  }

  /** Enters the user and looks for the friends. Null when the index cannot tell. */
  @traced
  async lookUp(rev: number, now: number): Promise<Listing | null> {
    const { user, friends, agenda, meter } = this.#parts;
    const renewals = this.#renewals;
    renewals.started(now);
    const entries = await this.#presence.announce({ user, rev, ttlMs: renewals.ttlMs }, friends.visibleIds(), meter);
    if (entries === null) renewals.failed(now);
    // While the alarm rings none is set, and what it sets at its end covers a renewal: one before it would be a row too many.
    if (entries === null || agenda.alarmAt !== null) agenda.cover(renewals.at, Date.now());
    if (entries === null) return null;
    const listed: ListedFriend[] = [];
    for (const [id, theirRev] of entries.revs) {
      const row = friends.byId(id);
      // The friendship may have ended meanwhile.
      if (row?.standing !== "friend") continue;
      listed.push({ no: row.no, muted: row.muted, visibility: row.visibility, rev: theirRev });
    }
    return { wasListed: entries.wasListed, friends: listed };
  }
}
