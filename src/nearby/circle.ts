import type { GoneReason } from "../protocol/messages/gone.ts";
import { Calls, isLeftOut, missed, owesAnswer, reachable, skips } from "./calls.ts";
import {
  type Call,
  type Contact,
  type FriendNo,
  mayBeCopy,
  mustMeet,
  newContact,
  type Pact,
  settle,
  UNKNOWN,
} from "./contact.ts";
import { isWorthTelling } from "./economy.ts";
import type { Effect } from "./effects.ts";
import { farewell } from "./leaving.ts";
import { Own } from "./own.ts";
import type { Answer, AwayReason, Sighting } from "./sighting.ts";
import type { Approach, CircleOptions, CircleState, LiveFix, Met, Self, Shown } from "./state.ts";
import { absenceOf, hide, look, shownTo } from "./view.ts";

/**
 * One person and the friends around: the rules of `meet` as a pure core. Events go in with the object's clock, effects
 * come out; no I/O, no timer, no randomness. docs/architecture.md explains the four rules (rev, pair, look again, forget).
 */
export class Circle {
  readonly #options: CircleOptions;
  readonly own: Own;
  #sharing: boolean;
  #complete: boolean;
  readonly #contacts = new Map<FriendNo, Contact>();
  readonly #calls = new Calls();
  #version = 0;
  #cameOrWent = 0;
  #roused = 0;

  constructor(options: CircleOptions, state: CircleState) {
    this.#options = options;
    this.own = new Own(state.rev, state.self);
    this.#sharing = state.sharing;
    this.#complete = state.complete;
    for (const contact of state.contacts) this.#contacts.set(contact.no, contact);
  }

  get rev(): number {
    return this.own.rev;
  }
  get self(): Self {
    return this.own.self;
  }
  get sharing(): boolean {
    return this.#sharing;
  }
  get complete(): boolean {
    return this.#complete;
  }
  get contacts(): ReadonlyMap<FriendNo, Readonly<Contact>> {
    return this.#contacts;
  }
  get keepsNear(): boolean {
    return this.#options.quietMs !== undefined;
  }
  /** Changes whenever a copy of the state (see `CircleState`) would have to be written again. */
  get version(): number {
    return this.#version + this.urgency;
  }
  /** The same for what a copy may not be late with: the own user, and who is on the own screens. */
  get urgency(): number {
    return this.own.changes + this.#cameOrWent;
  }

  /** Counts the friends who were away and are not any more: a copy that has them as away is dangerous from then on. */
  get roused(): number {
    return this.#roused;
  }

  /** No friend of whom nothing is known still owes an answer: the moment for a snapshot. */
  get settled(): boolean {
    return this.#calls.waiting === 0 && !owesAnswer(this.#contacts.values());
  }

  /** A live position. One with a `ts` older than the current one's never overwrites it: `live` is false. */
  position(fix: LiveFix, now: number): { live: boolean; effects: Effect[] } {
    const effects = this.sweep(now);
    if (this.self.kind === "active" && fix.ts < this.self.sighting.ts) return { live: false, effects };
    this.own.moveTo(fix, now);
    if (!this.#sharing) return { live: true, effects };
    this.#enroll();
    for (const contact of this.#contacts.values()) {
      this.#look(contact, { moved: false, now }, effects);
      if (!skips(contact, now)) this.#meetIfDue(contact, effects);
    }
    return { live: true, effects };
  }

  /** Own clients want to see who is near: whoever is unknown is met, without a new position. */
  watch(now: number): Effect[] {
    const out = this.sweep(now);
    if (this.self.kind !== "active" || !this.#sharing) return out;
    this.#enroll();
    for (const contact of this.#contacts.values()) {
      if (contact.pact.kind === "unknown" && !isLeftOut(contact, now)) this.#meetIfDue(contact, out);
    }
    return out;
  }

  /** Expiry, decided by the stored times: the own activity, and positions of friends that are too old to show. */
  sweep(now: number): Effect[] {
    const out = this.#lapse(now);
    for (const contact of this.#contacts.values()) {
      if (contact.seen === null || contact.seen.activeUntil > now) continue;
      contact.seen = null;
      this.#agree(contact, UNKNOWN);
      this.#hide(contact, "inactive", out);
    }
    return out;
  }

  /** The pending deadline of an object without memory has passed. */
  giveUpUnsure(now: number): void {
    if (this.self.kind === "unsure") this.own.rest(now);
  }

  /** Stop sharing: friends who may show this user have to learn it, and the user sees nobody (nobody watches unseen). */
  pause(now: number): Effect[] {
    const out = this.#lapse(now);
    if (!this.#sharing) return out;
    this.#sharing = false;
    // Whoever is not known here may be showing this user.
    if (this.self.kind !== "inactive") this.#enroll();
    this.#leaveCircle("paused", now, out);
    return out;
  }

  /** Share again: a wake, so everyone is met. */
  resume(now: number): Effect[] {
    if (this.#sharing) return this.#lapse(now);
    this.#sharing = true;
    this.own.repeat(now);
    return this.watch(now);
  }

  befriend(no: FriendNo, muted: boolean, now: number): Effect[] {
    const out = this.#lapse(now);
    if (this.self.kind !== "active" || !this.#sharing) return out;
    const contact = this.#contacts.get(no) ?? this.#add(no);
    contact.muted = muted;
    // The friend may have met this user already, when it learnt of the friendship first.
    if (contact.pact.kind === "away") this.#agree(contact, UNKNOWN);
    this.#meetIfDue(contact, out);
    return out;
  }

  unfriend(no: FriendNo): Effect[] {
    const out: Effect[] = [];
    const contact = this.#contacts.get(no);
    if (contact === undefined) return out;
    this.#calls.forget(contact);
    this.#hide(contact, "unfriended", out);
    this.#contacts.delete(no);
    this.#version += 1;
    this.#fillCalls(out);
    return out;
  }

  /** Muting changes only what the own clients get: the friend still sees this user, and is still met. */
  mute(no: FriendNo, muted: boolean, now: number): Effect[] {
    const out: Effect[] = [];
    const contact = this.#contacts.get(no);
    if (contact === undefined || contact.muted === muted) return out;
    contact.muted = muted;
    this.#version += 1;
    if (muted) this.#hide(contact, "unsubscribed", out);
    else {
      this.#look(contact, { moved: false, now }, out);
      this.#meetIfDue(contact, out);
    }
    return out;
  }

  // Events from friends' objects. The shell has checked that the friend is accepted.

  /** A friend tells where it is; answers what that friend may know of this user. */
  meet({ no, muted, sighting: theirs, heard }: Approach, now: number): Met {
    const effects = this.#lapse(now);
    this.own.stepOver(heard, now);
    if (!this.#sharing) return { answer: { kind: "away", rev: this.rev, reason: "paused" }, effects };
    if (this.self.kind === "unsure") return { answer: { kind: "unsure", rev: this.rev }, effects };
    if (this.self.kind === "inactive") {
      return { answer: { kind: "away", rev: this.rev, reason: "inactive" }, effects };
    }
    const mine = this.self.sighting;
    const known = this.#contacts.get(no);
    const contact = known ?? this.#add(no);
    contact.muted = muted;
    if (known === undefined) this.#roused += 1;
    if (theirs.rev < contact.theirRev) return { answer: { kind: "stale", rev: contact.theirRev }, effects };
    const isCopy = mayBeCopy(contact, mine, theirs);
    reachable(contact);
    this.#exchanged(contact, mine, theirs, now, effects);
    if (isCopy && contact.pact.kind === "far") this.#agree(contact, UNKNOWN);
    return { answer: { kind: "active", sighting: mine }, effects };
  }

  /** A friend left: inactive, or stopped sharing. */
  left(no: FriendNo, rev: number, reason: AwayReason): Effect[] {
    const out: Effect[] = [];
    if (this.self.kind !== "active" || !this.#sharing) return out;
    // Also of a friend who was away already: a position that is still on its way must find that it is too old.
    const known = this.#contacts.get(no);
    const contact = known ?? this.#add(no);
    if (rev < contact.theirRev) return out;
    // With nothing to compare it to, this may be a word of an earlier spell: no silence may rest on it.
    if (known?.theirRev === 0) contact.forgotten = true;
    this.#away(contact, rev, reason, out);
    if (contact.forgotten) this.#agree(contact, UNKNOWN);
    return out;
  }

  answered(no: FriendNo, callId: number, answer: Answer, now: number): Effect[] {
    const out = this.#lapse(now);
    const contact = this.#contacts.get(no);
    const call = this.#calls.end(contact, callId);
    if (contact !== undefined && call !== null && this.self.kind === "active") {
      reachable(contact);
      this.#noteCall(contact);
      this.#take(contact, call, answer, now, out);
      // Look again (rule 3): this user may have moved while the answer flew, or the pair may have crossed another one.
      const mine: Sighting = this.self.sighting;
      if (mine.rev !== call.told.rev || (answer.kind === "active" && contact.pact.kind === "unknown")) {
        this.#meetIfDue(contact, out);
      }
    }
    this.#fillCalls(out);
    return out;
  }

  /** A call timed out or threw. Its answer, if one still comes, is ignored. */
  failed(no: FriendNo, callId: number, now: number): Effect[] {
    const out = this.#lapse(now);
    const contact = this.#contacts.get(no);
    const call = this.#calls.end(contact, callId);
    if (contact !== undefined && call !== null && this.self.kind === "active") {
      this.#agree(contact, UNKNOWN);
      contact.forgotten = true;
      missed(contact, now);
      if (contact.skip === 0 && this.self.sighting.rev !== call.told.rev) this.#meetIfDue(contact, out);
      // Shown before a restart and not heard of since: its age cannot be told, so it may not stay.
      if (contact.seen === null) this.#hide(contact, "inactive", out);
    }
    this.#fillCalls(out);
    return out;
  }

  /** Friends whom the own clients show, unsorted. */
  shown(): Shown[] {
    return this.self.kind === "active" ? shownTo(this.self.sighting, this.#contacts.values()) : [];
  }

  /** Why a friend is not shown, as well as this object knows. */
  absence(no: FriendNo): GoneReason {
    return this.#sharing ? absenceOf(this.#contacts.get(no)?.pact) : "paused";
  }

  #lapse(now: number): Effect[] {
    const out: Effect[] = [];
    if (this.self.kind === "active" && this.self.sighting.activeUntil <= now) {
      this.#leaveCircle("inactive", now, out);
      this.own.rest(now);
    }
    return out;
  }

  /** Makes `#contacts` speak for every friend: those who were not known become unknown, and unknown is met. */
  #enroll(): void {
    if (this.#complete) return;
    for (const { no, muted } of this.#options.roster()) {
      const contact = this.#contacts.get(no);
      if (contact === undefined) this.#contacts.set(no, newContact(no, muted));
      else contact.muted = muted;
    }
    this.#complete = true;
    this.#version += 1;
  }

  #add(no: FriendNo): Contact {
    const contact = newContact(no, false);
    // Whoever is missing from a list that is not whole may have been met and forgotten.
    contact.forgotten = !this.#complete;
    this.#contacts.set(no, contact);
    this.#version += 1;
    return contact;
  }

  /** In mode `exact` a near pact is in no copy: what is restored as unknown meets at the same moments. */
  #agree(contact: Contact, pact: Pact): void {
    const isSame = pact.kind === "near" && contact.pact.kind === "near" && !this.keepsNear;
    if (pact !== contact.pact && !isSame) this.#version += 1;
    if (contact.pact.kind === "away" && pact.kind !== "away") this.#roused += 1;
    contact.pact = pact;
  }

  #meetIfDue(contact: Contact, out: Effect[]): void {
    const { pact, seen } = contact;
    if (this.self.kind !== "active" || contact.call !== null) return;
    const mine = this.self.sighting;
    if (!mustMeet(pact, mine)) return;
    const { radiusM, quietMs } = this.#options;
    if (quietMs !== undefined && pact.kind === "near") {
      if (!isWorthTelling(pact, mine, seen, { radiusM, quietMs })) return;
    }
    this.#calls.start(contact, mine, out);
    // The answer may change the pact there before it is known here, so no copy may hold it from now on.
    this.#noteCall(contact);
  }

  /** In a copy, a contact with a call in flight is unknown, whatever its pact. */
  #noteCall({ pact }: Contact): void {
    if (pact.kind !== "unknown" && (pact.kind !== "near" || this.keepsNear)) this.#version += 1;
  }

  #fillCalls(out: Effect[]): void {
    if (this.self.kind !== "active") return;
    for (const no of this.#calls.next()) {
      const contact = this.#contacts.get(no);
      if (contact !== undefined) this.#meetIfDue(contact, out);
    }
  }

  #take(contact: Contact, { told, heard }: Call, answer: Answer, now: number, out: Effect[]): void {
    contact.forgotten = false;
    switch (answer.kind) {
      case "active":
        // After news that are newer than this answer (a `left` overtook it) only the pair is compared.
        if (answer.sighting.rev >= contact.theirRev) this.#exchanged(contact, told, answer.sighting, now, out);
        else if (contact.pact.kind === "near" || contact.pact.kind === "far") {
          this.#agree(contact, settle(contact.pact, told, answer.sighting, this.#options.radiusM));
        }
        return;
      case "away":
        if (answer.rev >= contact.theirRev) this.#away(contact, answer.rev, answer.reason, out);
        return;
      case "unsure":
        contact.theirRev = Math.max(contact.theirRev, answer.rev);
        this.#agree(contact, UNKNOWN);
        return;
      case "stale":
        this.#agree(contact, UNKNOWN);
        this.own.stepOver(answer.rev, now);
        return;
      case "stranger":
        // Silenced, never deleted: the two halves of a friendship are the statements' business. A friend who was heard of
        // since the call began has become one in the meantime.
        if (contact.theirRev === heard) this.#away(contact, heard, "unfriended", out);
        out.push({ kind: "restate", no: contact.no });
        return;
    }
  }

  #exchanged(contact: Contact, mine: Sighting, theirs: Sighting, now: number, out: Effect[]): void {
    contact.theirRev = theirs.rev;
    this.#agree(contact, settle(contact.pact, mine, theirs, this.#options.radiusM));
    const moved = contact.seen === null || theirs.rev > contact.seen.rev;
    if (moved) contact.seen = theirs;
    if (contact.pact.kind === "far") {
      // A far friend moves in silence: the position will be wrong when it could matter.
      contact.seen = null;
      this.#hide(contact, "far", out);
    } else this.#look(contact, { moved, now }, out);
  }

  #look(contact: Contact, { moved, now }: { moved: boolean; now: number }, out: Effect[]): void {
    if (this.self.kind !== "active") return;
    if (look(contact, this.self.sighting, { radiusM: this.#options.radiusM, moved, now }, out)) this.#cameOrWent += 1;
  }

  #hide(contact: Contact, reason: GoneReason, out: Effect[]): void {
    if (hide(contact, reason, out)) this.#cameOrWent += 1;
  }

  #away(contact: Contact, rev: number, reason: AwayReason | "unfriended", out: Effect[]): void {
    contact.theirRev = rev;
    this.#agree(contact, { kind: "away", reason });
    contact.seen = null;
    this.#hide(contact, reason, out);
  }

  /** Nothing is told from now on: friends who may show this user learn it, and nobody is shown or remembered. */
  #leaveCircle(reason: AwayReason, now: number, out: Effect[]): void {
    const rev = this.own.next(now);
    for (const contact of this.#contacts.values()) {
      farewell(contact, { reason, rev }, out);
      this.#hide(contact, reason, out);
    }
    this.#contacts.clear();
    this.#calls.clear();
    this.#complete = false;
  }
}
