import { type Contact, type FriendNo, type Pact, UNKNOWN } from "./contact.ts";
import type { Contacts } from "./contacts.ts";
import type { Effect } from "./effects.ts";
import type { Listing } from "./state.ts";

/** What a friend counts as whom the index does not list: silent, as if the friend's object had said so. */
const PRESUMED: Pact = { kind: "away", reason: "inactive" };

/**
 * Where there is an index of who is active (src/presence): whom a wake does not have to call, and whom a renewal has to.
 *
 * The index is a hint. A friend whom it leaves out is only presumed to be inactive, and no silence of theirs may rest on
 * anything but the answer to an own call; each renewal looks at everybody again who is silent for that reason or another.
 */
export class Wake {
  readonly #hasIndex: boolean;
  #lastId = 0;
  /** The question whose answer counts; the friends who wait for it are null in a renewal. */
  #asked: { readonly id: number; readonly held: ReadonlySet<FriendNo> | null } | null = null;

  constructor(hasIndex: boolean) {
    this.#hasIndex = hasIndex;
  }

  /** Friends of whom nothing is known may turn out to be inactive: nobody needs to call them before that is clear. */
  get isPending(): boolean {
    return this.#asked !== null && this.#asked.held !== null;
  }

  holds({ no, pact }: Contact): boolean {
    return this.#asked?.held?.has(no) === true && pact.kind === "unknown";
  }

  /** The user has woken: asks for everybody of whom nothing has been heard. */
  start(contacts: Iterable<Contact>, out: Effect[]): void {
    if (!this.#hasIndex) return;
    const held = new Set<FriendNo>();
    for (const contact of contacts) {
      if (contact.pact.kind !== "unknown" || contact.call !== null || contact.theirRev > 0) continue;
      contact.forgotten = true;
      held.add(contact.no);
    }
    if (held.size > 0) this.#ask(held, out);
  }

  /** The user goes on being active: says so, and asks for those who are silent. */
  renew(out: Effect[]): void {
    // A wake that is under way says and asks the same.
    if (this.#hasIndex && !this.isPending) this.#ask(null, out);
  }

  cancel(): void {
    this.#asked = null;
  }

  /**
   * Takes the answer to the question with this id.
   *
   * @param listing null when there is none: then it is as if there were no index
   * @returns whom to call now
   */
  settle(id: number, listing: Listing | null, contacts: Contacts): Contact[] {
    if (this.#asked?.id !== id) return [];
    const { held } = this.#asked;
    this.#asked = null;
    if (listing === null) return everybody(held, contacts);
    const listed = new Set<FriendNo>();
    for (const { no } of listing.friends) listed.add(no);
    const due: Contact[] = [];
    for (const no of held ?? []) {
      const contact = contacts.byNo.get(no);
      if (contact?.pact.kind !== "unknown") continue;
      if (listed.has(no) || contact.theirRev > 0) due.push(contact);
      else contacts.agree(contact, PRESUMED);
    }
    // Whoever woke while the own entry was missing has presumed this user inactive, and may be known as far here.
    const wasHidden = held === null && !listing.wasListed;
    for (const friend of listing.friends) {
      if (friend.visibility === "hidden") continue;
      const contact = contacts.recall(friend);
      if (!isMissed(contact, friend.rev, wasHidden)) continue;
      contacts.agree(contact, UNKNOWN);
      due.push(contact);
    }
    return due;
  }

  #ask(held: ReadonlySet<FriendNo> | null, out: Effect[]): void {
    this.#lastId += 1;
    this.#asked = { id: this.#lastId, held };
    out.push({ kind: "lookUp", id: this.#lastId });
  }
}

/** Nobody can tell who is active. Then no presumption of an earlier answer counts either: it may have been wrong. */
function everybody(held: ReadonlySet<FriendNo> | null, contacts: Contacts): Contact[] {
  const due: Contact[] = [];
  for (const contact of contacts.all) {
    if (held?.has(contact.no) === true) due.push(contact);
    else if (isPresumed(contact)) {
      contacts.agree(contact, UNKNOWN);
      due.push(contact);
    }
  }
  return due;
}

/** An absence that the friend's object has not told. */
function isPresumed({ pact, forgotten, visibility }: Contact): boolean {
  return pact.kind === "away" && pact.reason === "inactive" && forgotten && visibility !== "hidden";
}

/**
 * Whether a friend is silent here who is listed. An entry outlives the activity that it stands for: one from before the
 * friend's last word says nothing.
 *
 * @param rev of the friend when the entry was made
 */
function isMissed({ pact, theirRev }: Contact, rev: number, wasHidden: boolean): boolean {
  if (pact.kind === "away") return pact.reason !== "unfriended" && rev > theirRev;
  return wasHidden && pact.kind === "far";
}
