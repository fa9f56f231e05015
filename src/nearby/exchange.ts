import { type Call, type Contact, HIDDEN, settle, UNKNOWN } from "./contact.ts";
import type { Contacts } from "./contacts.ts";
import type { Effect } from "./effects.ts";
import type { Own } from "./own.ts";
import type { Answer, Sighting } from "./sighting.ts";

/** Where an exchange takes place. */
export interface Ground {
  readonly contacts: Contacts;
  readonly own: Own;
  readonly radiusM: number;
  /** ms. */
  readonly now: number;
}

/** Two positions were exchanged: `mine` as it was told, and the friend's. */
export function exchanged(
  { contacts, own, radiusM, now }: Ground,
  contact: Contact,
  { mine, theirs }: { mine: Sighting; theirs: Sighting },
  out: Effect[],
): void {
  contact.theirRev = theirs.rev;
  contacts.agree(contact, settle(contact.pact, mine, theirs, radiusM));
  const moved = contact.seen === null || theirs.rev > contact.seen.rev;
  if (moved) contact.seen = theirs;
  if (contact.pact.kind === "far") {
    // A far friend moves in silence: the position will be wrong when it could matter.
    contact.seen = null;
    contacts.hide(contact, "far", out);
  } else if (own.self.kind === "active") contacts.look(contact, own.self.sighting, { moved, now }, out);
}

/**
 * A friend's position that came without an answer being asked for. It may show the friend, but no silence may rest on it:
 * the friend does not know what this side has told.
 */
export function placed({ contacts, own, now }: Ground, contact: Contact, theirs: Sighting, out: Effect[]): void {
  if (theirs.rev < contact.theirRev) return;
  contact.theirRev = theirs.rev;
  contact.seen = theirs;
  contacts.agree(contact, UNKNOWN);
  if (own.self.kind === "active") contacts.look(contact, own.self.sighting, { moved: true, now }, out);
}

/** The answer to an own call. */
export function takeAnswer(
  at: Ground,
  contact: Contact,
  { told, heard, visibility }: Call,
  answer: Answer,
  out: Effect[],
): void {
  const { contacts, own, radiusM, now } = at;
  contact.forgotten = false;
  switch (answer.kind) {
    case "active":
      // After news that are newer than this answer (a `left` overtook it) only the pair is compared.
      if (answer.sighting.rev >= contact.theirRev) {
        exchanged(at, contact, { mine: told, theirs: answer.sighting }, out);
      } else if (contact.pact.kind === "near" || contact.pact.kind === "far") {
        contacts.agree(contact, settle(contact.pact, told, answer.sighting, radiusM));
      }
      break;
    case "away":
      if (answer.rev >= contact.theirRev) contacts.away(contact, answer.rev, answer.reason, out);
      break;
    case "unsure":
      contact.theirRev = Math.max(contact.theirRev, answer.rev);
      contacts.agree(contact, UNKNOWN);
      break;
    case "stale":
      contacts.agree(contact, UNKNOWN);
      own.stepOver(answer.rev, now);
      break;
    case "stranger":
      // Silenced, never deleted: the two halves of a friendship are the statements' business. A friend who was heard of
      // since the call began has become one in the meantime.
      if (contact.theirRev === heard) contacts.away(contact, heard, "unfriended", out);
      out.push({ kind: "restate", no: contact.no });
      break;
  }
  // What the friend may know has changed while the answer flew: no silence may be measured from what was told before.
  if (visibility !== contact.visibility) {
    contacts.agree(contact, contact.visibility === "hidden" ? HIDDEN : UNKNOWN);
  }
}
