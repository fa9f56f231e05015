import type { GoneReason } from "../protocol/messages/gone.ts";
import { type Contact, type FriendNo, HIDDEN, newContact, type Pact } from "./contact.ts";
import type { Effect } from "./effects.ts";
import type { AwayReason, Sighting } from "./sighting.ts";
import type { RosterEntry } from "./state.ts";
import { hide, look } from "./view.ts";

/** The friends of one active spell, and what has changed about them since a copy was made (`CircleState`). */
export class Contacts {
  readonly #keepsNear: boolean;
  readonly #radiusM: number;
  readonly #hasIndex: boolean;
  readonly #byNo = new Map<FriendNo, Contact>();
  #complete: boolean;
  #version = 0;
  #cameOrWent = 0;
  #roused = 0;
  #changed: Contact | "some" | null = null;

  constructor(
    { radiusM, keepsNear, hasIndex }: { radiusM: number; keepsNear: boolean; hasIndex: boolean },
    { complete, contacts }: { complete: boolean; contacts: Iterable<Contact> },
  ) {
    this.#radiusM = radiusM;
    this.#keepsNear = keepsNear;
    this.#hasIndex = hasIndex;
    this.#complete = complete;
    for (const contact of contacts) this.#byNo.set(contact.no, contact);
  }

  get byNo(): ReadonlyMap<FriendNo, Contact> {
    return this.#byNo;
  }
  get all(): Iterable<Contact> {
    return this.#byNo.values();
  }
  /** Whoever is not here is away. */
  get complete(): boolean {
    return this.#complete;
  }
  /** Changes that a copy may be late with. */
  get version(): number {
    return this.#version;
  }
  /** Changes that it may not: who is on the own screens. */
  get cameOrWent(): number {
    return this.#cameOrWent;
  }
  /** Counts the friends who were away and are not any more. */
  get roused(): number {
    return this.#roused;
  }

  /** The one contact that has changed since the last copy; null when more has, or nothing. */
  get onlyChanged(): Contact | null {
    return this.#changed === "some" ? null : this.#changed;
  }

  /** A copy holds everything as it is now. */
  copied(): void {
    this.#changed = null;
  }

  /** Something that a copy holds has changed: about this contact, or, without one, about more. */
  touch(contact?: Contact): void {
    this.#version += 1;
    this.#changed = contact !== undefined && (this.#changed ?? contact) === contact ? contact : "some";
  }

  /**
   * Makes the list speak for every friend: those who were not known become unknown, and unknown is met.
   *
   * @returns whether it did not before
   */
  enroll(roster: () => Iterable<RosterEntry>): boolean {
    if (this.#complete) return false;
    for (const { no, muted, visibility = "exact" } of roster()) {
      const contact = this.#byNo.get(no);
      if (contact === undefined) {
        this.#byNo.set(no, newContact(no, muted, visibility));
        continue;
      }
      Object.assign(contact, { muted, visibility });
      if (visibility === "hidden") contact.pact = HIDDEN;
    }
    this.#complete = true;
    this.touch();
    return true;
  }

  getOrAdd(no: FriendNo): Contact {
    const known = this.#byNo.get(no);
    if (known !== undefined) return known;
    const contact = newContact(no, false);
    // Whoever is missing from a list that is not whole may have been met and forgotten; from a whole one, with an index,
    // may have been presumed inactive and never asked.
    contact.forgotten = !this.#complete || this.#hasIndex;
    this.#byNo.set(no, contact);
    this.touch();
    return contact;
  }

  /** The contact of a friend who may be missing because they are away, as the friend list has it. */
  recall({ no, muted, visibility = "exact" }: RosterEntry): Contact {
    const isNew = !this.#byNo.has(no);
    const contact = this.getOrAdd(no);
    Object.assign(contact, { muted, visibility });
    if (isNew) contact.pact = { kind: "away", reason: "inactive" };
    return contact;
  }

  /** The same where only the number is known. Without an index nobody is told anything before they are heard. */
  recallByNo(no: FriendNo, roster: () => Iterable<RosterEntry>): Contact {
    if (this.#hasIndex && this.#complete && !this.#byNo.has(no)) {
      for (const entry of roster()) if (entry.no === no) return this.recall(entry);
    }
    return this.getOrAdd(no);
  }

  /** Who was taken for away has been heard. */
  rouse(): void {
    this.#roused += 1;
  }

  delete(no: FriendNo): void {
    this.#byNo.delete(no);
    this.touch();
  }

  clear(): void {
    this.#byNo.clear();
    this.#complete = false;
  }

  /** In mode `exact` a near pact is in no copy: what is restored as unknown meets at the same moments. */
  agree(contact: Contact, pact: Pact): void {
    const isSame = pact.kind === "near" && contact.pact.kind === "near" && !this.#keepsNear;
    if (pact !== contact.pact && !isSame) this.touch(contact);
    if (contact.pact.kind === "away" && pact.kind !== "away") this.#roused += 1;
    contact.pact = pact;
  }

  look(contact: Contact, mine: Sighting, { moved, now }: { moved: boolean; now: number }, out: Effect[]): void {
    if (look(contact, mine, { radiusM: this.#radiusM, moved, now }, out)) this.#cameOrWent += 1;
  }

  hide(contact: Contact, reason: GoneReason, out: Effect[]): void {
    if (hide(contact, reason, out)) this.#cameOrWent += 1;
  }

  away(contact: Contact, rev: number, reason: AwayReason | "unfriended", out: Effect[]): void {
    contact.theirRev = rev;
    this.agree(contact, { kind: "away", reason });
    contact.seen = null;
    this.hide(contact, reason, out);
  }
}
