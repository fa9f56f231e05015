/** The contacts in an attachment: the part of its format that changes most often (durable-objects/user/attachment.ts). */
import { type Contact, newContact } from "../../src/nearby/contact.ts";
import type { CircleState } from "../../src/nearby/state.ts";

const FAR_BYTES = 4 + 1 + 8 + 8 + 4 + 4 + 4;
const NEAR_BYTES = 4 + 1 + 8 + 8 + 4 + 4 + 4 + 4 + 8 + 8 + 8;
const UNKNOWN_BYTES = 4 + 1;
const COUNTS_BYTES = 2 + 2;

const DEGREE_SCALE = 1e7;
const SLACK_SCALE = 10;

const MUTED = 1;
const SHOWN = 2;
const NEAR = 4;
const COARSE = 8;

export interface Chosen {
  readonly pacts: readonly Contact[];
  readonly unknown: readonly Contact[];
  /** All of them are there. */
  readonly fits: boolean;
  /** Nobody keeps pacts current where this is kept. */
  readonly forget: boolean;
}

/** Which contacts are written with their pact, and which are forgotten: as unknown, or, when not even that fits, all. */
export function choose(circle: CircleState, forget: boolean, roomBytes: number): Chosen {
  const kept: Contact[] = [];
  for (const contact of circle.contacts) {
    const isAway = contact.pact.kind === "away" && contact.call === null;
    if (!isAway && contact.visibility !== "hidden") kept.push(contact);
  }
  let bytes = kept.length * UNKNOWN_BYTES;
  // Who is left out is read from the friend table again, and every client gets a new snapshot.
  if (bytes > roomBytes) return { pacts: [], unknown: [], fits: false, forget };
  const pacts: Contact[] = [];
  const unknown: Contact[] = [];
  for (const contact of kept) {
    const moreBytes = forget ? 0 : pactBytes(contact, circle.keepsNear === true) - UNKNOWN_BYTES;
    if (moreBytes > 0 && bytes + moreBytes <= roomBytes) {
      bytes += moreBytes;
      pacts.push(contact);
    } else unknown.push(contact);
  }
  return { pacts, unknown, fits: true, forget };
}

/** 0 for a contact that is written as unknown. */
function pactBytes({ pact, call, seen }: Contact, keepsNear: boolean): number {
  if (call !== null) return 0;
  if (pact.kind === "far") return FAR_BYTES;
  if (pact.kind !== "near") return 0;
  // The record of a near friend has no place for an error: a coarse position would come back as an exact one.
  const isWhole = seen !== null && seen.rev === pact.theirs && seen.errorM === 0;
  return keepsNear && isWhole ? NEAR_BYTES : 0;
}

function writePact(view: DataView, start: number, { no, muted, shown, pact, seen, visibility }: Contact): number {
  if (pact.kind !== "far" && pact.kind !== "near") throw new Error(`contact ${no} has no pact`);
  view.setUint32(start, no, true);
  const flags = flagsOf({ muted, shown, visibility }) | (pact.kind === "near" ? NEAR : 0);
  view.setUint8(start + 4, flags);
  view.setFloat64(start + 5, pact.mine, true);
  view.setFloat64(start + 13, pact.theirs, true);
  let at = writePlace(view, start + 21, pact.anchor);
  if (pact.kind === "far") {
    view.setUint32(at, Math.round(pact.slackM * SLACK_SCALE), true);
    return at + 4;
  }
  if (seen === null) throw new Error(`near contact ${no} has no position`);
  at = writePlace(view, at, seen);
  view.setFloat64(at, seen.ts, true);
  view.setFloat64(at + 8, seen.activeUntil, true);
  view.setFloat64(at + 16, pact.toldUntil, true);
  return at + 24;
}

/** @returns the offset after it */
export function writeContacts(view: DataView, start: number, { pacts, unknown, forget }: Chosen): number {
  view.setUint16(start, pacts.length, true);
  view.setUint16(start + 2, unknown.length, true);
  let at = start + COUNTS_BYTES;
  for (const contact of pacts) at = writePact(view, at, contact);
  for (const { no, muted, shown, visibility } of unknown) {
    view.setUint32(at, no, true);
    view.setUint8(at + 4, flagsOf({ muted, shown: shown && !forget, visibility }));
    at += UNKNOWN_BYTES;
  }
  return at;
}

/**
 * Writes one contact anew where it was near and is near: of these there are several between two own positions in
 * `economy`, and each time all others would be written, too.
 *
 * @param start offset of the contacts
 * @returns false when that is not all that there is to do
 */
export function rewriteNear(view: DataView, start: number, contact: Contact): boolean {
  if (contact.pact.kind !== "near" || pactBytes(contact, true) === 0) return false;
  const count = view.getUint16(start, true);
  for (let i = 0, at = start + COUNTS_BYTES; i < count; i += 1) {
    const flags = view.getUint8(at + 4);
    const isNear = (flags & NEAR) !== 0;
    if (view.getUint32(at, true) === contact.no) {
      if (isNear) writePact(view, at, contact);
      return isNear;
    }
    at += isNear ? NEAR_BYTES : FAR_BYTES;
  }
  return false;
}

export function readContacts(view: DataView, start: number): Contact[] {
  const pactCount = view.getUint16(start, true);
  const unknownCount = view.getUint16(start + 2, true);
  let at = start + COUNTS_BYTES;
  const contacts: Contact[] = [];
  for (let i = 0; i < pactCount; i++) {
    const contact = readPact(view, at);
    contacts.push(contact);
    at += contact.pact.kind === "near" ? NEAR_BYTES : FAR_BYTES;
  }
  for (let i = 0; i < unknownCount; i++, at += UNKNOWN_BYTES) {
    const flags = view.getUint8(at + 4);
    const contact = newContact(view.getUint32(at, true), (flags & MUTED) !== 0, visibilityOf(flags));
    contact.shown = (flags & SHOWN) !== 0;
    contact.forgotten = true;
    contacts.push(contact);
  }
  return contacts;
}

function flagsOf({ muted, shown, visibility }: Pick<Contact, "muted" | "shown" | "visibility">): number {
  return (muted ? MUTED : 0) | (shown ? SHOWN : 0) | (visibility === "coarse" ? COARSE : 0);
}

function readPact(view: DataView, at: number): Contact {
  const flags = view.getUint8(at + 4);
  const contact = newContact(view.getUint32(at, true), (flags & MUTED) !== 0, visibilityOf(flags));
  contact.shown = (flags & SHOWN) !== 0;
  const mine = view.getFloat64(at + 5, true);
  const theirs = view.getFloat64(at + 13, true);
  const anchor = readPlace(view, at + 21);
  contact.theirRev = theirs;
  if ((flags & NEAR) === 0) {
    contact.pact = { kind: "far", mine, theirs, anchor, slackM: view.getUint32(at + 29, true) / SLACK_SCALE };
  } else {
    const [ts, activeUntil] = [view.getFloat64(at + 37, true), view.getFloat64(at + 45, true)];
    contact.pact = { kind: "near", mine, theirs, anchor, toldUntil: view.getFloat64(at + 53, true) };
    contact.seen = { rev: theirs, ...readPlace(view, at + 29), ts, activeUntil, errorM: 0 };
  }
  return contact;
}

/** A friend from whom the user is hidden is away, and in no copy. */
function visibilityOf(contactFlags: number): "exact" | "coarse" {
  return (contactFlags & COARSE) === 0 ? "exact" : "coarse";
}

export function writePlace(view: DataView, at: number, { lat, lng }: { lat: number; lng: number }): number {
  view.setInt32(at, Math.round(lat * DEGREE_SCALE), true);
  view.setInt32(at + 4, Math.round(lng * DEGREE_SCALE), true);
  return at + 8;
}

export function readPlace(view: DataView, at: number): { lat: number; lng: number } {
  return { lat: view.getInt32(at, true) / DEGREE_SCALE, lng: view.getInt32(at + 4, true) / DEGREE_SCALE };
}
