import type { Visibility } from "../protocol/resources.ts";
import type { GoneReason } from "../protocol/messages/gone.ts";
import { Calls, isLeftOut, missed, owesAnswer, reachable, skips } from "./calls.ts";
import { type Contact, type FriendNo, HIDDEN, mayBeCopy, mustMeet, UNKNOWN } from "./contact.ts";
import { Contacts } from "./contacts.ts";
import { isWorthTelling } from "./economy.ts";
import type { Effect } from "./effects.ts";
import { exchanged, type Ground, placed, takeAnswer } from "./exchange.ts";
import { farewell } from "./leaving.ts";
import { Own } from "./own.ts";
import type { Answer, AwayReason, Sighting } from "./sighting.ts";
import type { Approach, CircleOptions, CircleState, Listing, LiveFix, Met, RosterEntry, Self, Shown } from "./state.ts";
import { absenceOf, shownTo } from "./view.ts";
import { Wake } from "./wake.ts";

/**
 * One person and the friends around: the rules of `meet` as a pure core. Events go in with the object's clock, effects
 * come out; no I/O, no timer, no randomness. docs/architecture.md explains the four rules (rev, pair, look again, forget).
 */
export class Circle {
  readonly #options: CircleOptions;
  readonly own: Own;
  #sharing: boolean;
  readonly #contacts: Contacts;
  readonly #calls = new Calls();
  readonly #wake: Wake;

  constructor(options: CircleOptions, state: CircleState) {
    this.#options = options;
    this.own = new Own(state.rev, state.self);
    this.#sharing = state.sharing;
    const { radiusM, hasIndex = false } = options;
    this.#wake = new Wake(hasIndex);
    this.#contacts = new Contacts({ radiusM, keepsNear: this.keepsNear, hasIndex }, state);
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
    return this.#contacts.complete;
  }
  get contacts(): ReadonlyMap<FriendNo, Readonly<Contact>> {
    return this.#contacts.byNo;
  }
  get keepsNear(): boolean {
    return this.#options.quietMs !== undefined;
  }
  /** Changes whenever a copy of the state (see `CircleState`) would have to be written again. */
  get version(): number {
    return this.#contacts.version + this.urgency;
  }
  /** The same for what a copy may not be late with: the own user, and who is on the own screens. */
  get urgency(): number {
    return this.own.changes + this.#contacts.cameOrWent;
  }

  /** Counts the friends who were away and are not any more: a copy that has them as away is dangerous from then on. */
  get roused(): number {
    return this.#contacts.roused;
  }
  /** What has changed since the last copy, beside what `urgency` counts. */
  get changed(): Pick<Contacts, "onlyChanged" | "copied"> {
    return this.#contacts;
  }

  /** No friend of whom nothing is known still owes an answer: the moment for a snapshot. */
  get settled(): boolean {
    return !this.#wake.isPending && this.#calls.waiting === 0 && !owesAnswer(this.#contacts.all);
  }

  /** A live position. One with a `ts` older than the current one's never overwrites it: `live` is false. */
  position(fix: LiveFix, now: number): { live: boolean; effects: Effect[] } {
    const effects = this.sweep(now);
    if (this.self.kind === "active" && fix.ts < this.self.sighting.ts) return { live: false, effects };
    // Not after a memory was lost: who was far or near then may rely on it that this user says something.
    const wakes = this.self.kind === "inactive";
    this.own.moveTo(fix, now);
    if (!this.#sharing) return { live: true, effects };
    if (this.#contacts.enroll(this.#options.roster) && wakes) this.#wake.start(this.#contacts.all, effects);
    const when = { moved: false, now };
    for (const contact of this.#contacts.all) {
      // Nine friends in ten: neither shown nor met.
      if (contact.pact.kind === "away" && contact.seen === null && contact.skip === 0) continue;
      this.#look(contact, when, effects);
      if (!skips(contact, now)) this.#meetIfDue(contact, effects);
    }
    return { live: true, effects };
  }

  /** Own clients want to see who is near: whoever is unknown is met, without a new position. */
  watch(now: number, wakes = false): Effect[] {
    const out = this.sweep(now);
    if (this.self.kind !== "active" || !this.#sharing) return out;
    if (this.#contacts.enroll(this.#options.roster) && wakes) this.#wake.start(this.#contacts.all, out);
    for (const contact of this.#contacts.all) {
      if (contact.pact.kind === "unknown" && !isLeftOut(contact, now)) this.#meetIfDue(contact, out);
    }
    return out;
  }

  /** Expiry, decided by the stored times: the own activity, and positions of friends that are too old to show. */
  sweep(now: number): Effect[] {
    const out = this.#lapse(now);
    for (const contact of this.#contacts.all) {
      if (contact.seen === null || contact.seen.activeUntil > now) continue;
      contact.seen = null;
      this.#contacts.agree(contact, UNKNOWN);
      this.#contacts.hide(contact, "inactive", out);
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
    if (this.self.kind !== "inactive") this.#contacts.enroll(this.#options.roster);
    this.#leaveCircle("paused", now, out);
    return out;
  }

  /** The user is gone for good: nobody is shown or remembered, and nobody is told anything here. */
  retire(now: number): void {
    this.#sharing = true;
    if (this.self.kind !== "inactive") this.#leaveCircle("inactive", now, []);
    this.own.rest(now);
  }

  /** Share again: a wake, so everyone is met. */
  resume(now: number): Effect[] {
    if (this.#sharing) return this.#lapse(now);
    this.#sharing = true;
    this.own.repeat(now);
    return this.watch(now, true);
  }

  /** The user is still active: time to say so in the index, and to look who was missed. */
  renew(now: number): Effect[] {
    const out = this.#lapse(now);
    if (this.self.kind === "active" && this.#sharing) this.#wake.renew(out);
    return out;
  }

  /** What the index says (effect `lookUp`); null when it cannot be asked. */
  listed(id: number, listing: Listing | null, now: number): Effect[] {
    const out = this.#lapse(now);
    for (const contact of this.#wake.settle(id, listing, this.#contacts)) this.#meetIfDue(contact, out);
    return out;
  }

  befriend({ no, muted, visibility = "exact" }: RosterEntry, now: number): Effect[] {
    const out = this.#lapse(now);
    if (this.self.kind !== "active" || !this.#sharing) return out;
    const contact = this.#contacts.getOrAdd(no);
    contact.muted = muted;
    contact.visibility = visibility;
    if (visibility === "hidden") return out;
    // The friend may have met this user already, when it learnt of the friendship first.
    if (contact.pact.kind === "away") this.#contacts.agree(contact, UNKNOWN);
    this.#meetIfDue(contact, out);
    return out;
  }

  unfriend(no: FriendNo): Effect[] {
    const out: Effect[] = [];
    const contact = this.#contacts.byNo.get(no);
    if (contact === undefined) return out;
    this.#calls.forget(contact);
    this.#contacts.hide(contact, "unfriended", out);
    this.#contacts.delete(no);
    this.#fillCalls(out);
    return out;
  }

  /** Muting changes only what the own clients get: the friend still sees this user, and is still met. */
  mute(no: FriendNo, muted: boolean, now: number): Effect[] {
    const out: Effect[] = [];
    const contact = this.#contacts.byNo.get(no);
    if (contact === undefined || contact.muted === muted) return out;
    contact.muted = muted;
    this.#contacts.touch();
    if (muted) this.#contacts.hide(contact, "unsubscribed", out);
    else {
      this.#look(contact, { moved: false, now }, out);
      this.#meetIfDue(contact, out);
    }
    return out;
  }

  /**
   * What a friend may know of this user has changed. Less than before has to arrive (`withdraw`): a lost word would leave
   * more on a screen than may be there. More is a wake for this friend.
   */
  reveal({ no, muted, visibility = "exact" }: RosterEntry, now: number): Effect[] {
    const out = this.#lapse(now);
    if (this.self.kind === "inactive" || !this.#sharing) return out;
    if (this.self.kind === "unsure") {
      // Who restarted without a memory may still be on this friend's screen.
      this.own.next(now);
      if (visibility !== "exact") out.push({ kind: "withdraw", no });
      return out;
    }
    const contact = this.#contacts.getOrAdd(no);
    contact.muted = muted;
    contact.visibility = visibility;
    // Newer than everything that this friend has heard, whether it is a place or that there is none.
    this.own.repeat(now);
    if (visibility === "hidden") {
      this.#calls.forget(contact);
      this.#contacts.agree(contact, HIDDEN);
      contact.seen = null;
      this.#contacts.hide(contact, "paused", out);
    } else this.#contacts.agree(contact, UNKNOWN);
    if (visibility !== "exact") out.push({ kind: "withdraw", no });
    this.#meetIfDue(contact, out);
    this.#fillCalls(out);
    return out;
  }

  /** What a friend of this visibility may know now: a position, or that there is none; null when there is nothing to say. */
  told(visibility: Visibility): Sighting | { readonly rev: number; readonly reason: AwayReason } | null {
    if (!this.#sharing || visibility === "hidden") return { rev: this.rev, reason: "paused" };
    if (this.self.kind === "active") return this.own.tell(this.self.sighting, visibility);
    // Restarted without a memory: a more exact place may still be shown.
    return this.self.kind === "unsure" && visibility === "coarse" ? { rev: this.rev, reason: "inactive" } : null;
  }

  // Events from friends' objects. The shell has checked that the friend is accepted.

  /** A friend tells where it is; answers what that friend may know of this user. */
  meet({ no, muted, visibility = "exact", sighting: theirs, heard }: Approach, now: number): Met {
    const effects = this.#lapse(now);
    this.own.stepOver(heard, now);
    if (!this.#sharing || visibility === "hidden")
      return { answer: { kind: "away", rev: this.rev, reason: "paused" }, effects };
    if (this.self.kind === "unsure") return { answer: { kind: "unsure", rev: this.rev }, effects };
    if (this.self.kind === "inactive") {
      return { answer: { kind: "away", rev: this.rev, reason: "inactive" }, effects };
    }
    const mine = this.own.tell(this.self.sighting, visibility);
    const known = this.#contacts.byNo.get(no);
    const contact = this.#contacts.getOrAdd(no);
    contact.muted = muted;
    contact.visibility = visibility;
    if (known === undefined) this.#contacts.rouse();
    if (theirs.rev < contact.theirRev) return { answer: { kind: "stale", rev: contact.theirRev }, effects };
    const isCopy = mayBeCopy(contact, mine, theirs);
    reachable(contact);
    exchanged(this.#ground(now), contact, { mine, theirs }, effects);
    if (isCopy && contact.pact.kind === "far") this.#contacts.agree(contact, UNKNOWN);
    return { answer: { kind: "active", sighting: mine }, effects };
  }

  /** A friend's position has come with a word: it is not answered. */
  placed({ no, muted, visibility = "exact" }: RosterEntry, theirs: Sighting, now: number): Effect[] {
    const out = this.#lapse(now);
    if (this.self.kind !== "active" || !this.#sharing) return out;
    if (!this.#contacts.byNo.has(no)) this.#contacts.rouse();
    const contact = this.#contacts.getOrAdd(no);
    Object.assign(contact, { muted, visibility });
    // Not seen, but remembered: an older and more exact one may still be on its way.
    if (visibility === "hidden") contact.theirRev = Math.max(contact.theirRev, theirs.rev);
    else placed(this.#ground(now), contact, theirs, out);
    return out;
  }

  /** A friend left: inactive, or stopped sharing. */
  left(no: FriendNo, rev: number, reason: AwayReason): Effect[] {
    const out: Effect[] = [];
    if (this.self.kind !== "active" || !this.#sharing) return out;
    // Also of a friend who was away already: a position that is still on its way must find that it is too old.
    const known = this.#contacts.byNo.get(no);
    const contact = this.#contacts.recallByNo(no, this.#options.roster);
    if (rev < contact.theirRev) return out;
    // With nothing to compare it to, this may be a word of an earlier spell: no silence may rest on it.
    if (known?.theirRev === 0) contact.forgotten = true;
    this.#contacts.away(contact, rev, reason, out);
    // Only of an own call can be told that it is heard: but who is hidden from this friend makes none.
    if (contact.forgotten && contact.visibility !== "hidden") this.#contacts.agree(contact, UNKNOWN);
    return out;
  }

  answered(no: FriendNo, callId: number, answer: Answer, now: number): Effect[] {
    const out = this.#lapse(now);
    const contact = this.#contacts.byNo.get(no);
    const call = this.#calls.end(contact, callId);
    if (contact !== undefined && call !== null && this.self.kind === "active") {
      reachable(contact);
      this.#noteCall(contact);
      takeAnswer(this.#ground(now), contact, call, answer, out);
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
    const contact = this.#contacts.byNo.get(no);
    const call = this.#calls.end(contact, callId);
    if (contact !== undefined && call !== null && this.self.kind === "active") {
      this.#contacts.agree(contact, UNKNOWN);
      contact.forgotten = true;
      missed(contact, now);
      if (contact.skip === 0 && this.self.sighting.rev !== call.told.rev) this.#meetIfDue(contact, out);
      // Shown before a restart and not heard of since: its age cannot be told, so it may not stay.
      if (contact.seen === null) this.#contacts.hide(contact, "inactive", out);
    }
    this.#fillCalls(out);
    return out;
  }

  /** Friends whom the own clients show, unsorted. */
  shown(): Shown[] {
    return this.self.kind === "active" ? shownTo(this.self.sighting, this.#contacts.all) : [];
  }

  /** Why a friend is not shown, as well as this object knows. */
  absence(no: FriendNo): GoneReason {
    return this.#sharing ? absenceOf(this.#contacts.byNo.get(no)?.pact) : "paused";
  }

  #lapse(now: number): Effect[] {
    const out: Effect[] = [];
    if (this.self.kind === "active" && this.self.sighting.activeUntil <= now) {
      this.#leaveCircle("inactive", now, out);
      this.own.rest(now);
    }
    return out;
  }

  #meetIfDue(contact: Contact, out: Effect[]): void {
    const { pact, seen, visibility } = contact;
    if (this.self.kind !== "active" || contact.call !== null || visibility === "hidden") return;
    if (this.#wake.holds(contact)) return;
    const mine = this.own.tell(this.self.sighting, visibility);
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
    if (pact.kind !== "unknown" && (pact.kind !== "near" || this.keepsNear)) this.#contacts.touch();
  }

  #fillCalls(out: Effect[]): void {
    if (this.#calls.waiting === 0 || this.self.kind !== "active") return;
    for (const no of this.#calls.next()) {
      const contact = this.#contacts.byNo.get(no);
      if (contact !== undefined) this.#meetIfDue(contact, out);
    }
  }

  #ground(now: number): Ground {
    return { contacts: this.#contacts, own: this.own, radiusM: this.#options.radiusM, now };
  }

  #look(contact: Contact, when: { moved: boolean; now: number }, out: Effect[]): void {
    if (this.self.kind === "active") this.#contacts.look(contact, this.self.sighting, when, out);
  }

  /** Nothing is told from now on: friends who may show this user learn it, and nobody is shown or remembered. */
  #leaveCircle(reason: AwayReason, now: number, out: Effect[]): void {
    const rev = this.own.next(now);
    for (const contact of this.#contacts.all) {
      farewell(contact, { reason, rev }, out);
      this.#contacts.hide(contact, reason, out);
    }
    this.#contacts.clear();
    this.#calls.clear();
    this.#wake.cancel();
  }
}
