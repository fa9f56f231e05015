import { type Contact, newContact } from "../../src/nearby/contact.ts";
import type { CircleState, Self } from "../../src/nearby/state.ts";
import type { FramePace } from "../../src/protocol/pace.ts";

/*
 * A socket's attachment: the only memory that survives hibernation, free of charge, and gone with its socket. Version 1,
 * little endian. Every socket has the connection part; one of them, the carrier, also has the state of the object.
 *
 *   connection  u8 version, u8 flags (1 carrier, 2 snapshot sent, 4 device), f64 lastHeard, f64 tokenUntil,
 *               f64 pace.tat, u16 pace.refused, u16 pace.badInARow, [u8 length, ASCII device]
 *   state       u8 flags (1 sharing, 2 complete, 4 active, 8 unsure), f64 rev, f64 positionTat, f64 alarmAt (0 = none),
 *               [f64 rev, i32 lat, i32 lng (1e-7 degrees), f64 ts, f64 activeUntil],
 *               u16 far, u16 unknown, then far contacts (u32 no, u8 flags, f64 mine, f64 theirs, i32 lat, i32 lng of the
 *               anchor, u32 slack in dm) and unknown ones (u32 no, u8 flags: 1 muted, 2 shown)
 *
 * A near contact is written as unknown: both meet at the same moments, so a near friend who moves costs no write. So is
 * one with a call in flight: its answer may change the pact there before it is known here.
 */

const VERSION = 1;

/** 16,370 bytes of Uint8Array are what the platform's 16,384 bytes of serialized value leave. */
export const ATTACHMENT_MAX_BYTES = 16_370;

const FAR_BYTES = 4 + 1 + 8 + 8 + 4 + 4 + 4;
const UNKNOWN_BYTES = 4 + 1;
const STATE_HEAD_BYTES = 1 + 8 + 8 + 8 + (8 + 4 + 4 + 8 + 8) + 2 + 2;

const DEGREE_SCALE = 1e7;
const SLACK_SCALE = 10;

export interface ConnectionRecord {
  readonly device: string | null;
  /** When this socket last sent anything, ms. */
  readonly lastHeard: number;
  /** When its token expires, ms. */
  readonly tokenUntil: number;
  readonly snapshotSent: boolean;
  readonly pace: FramePace;
}

/** The state of the object, beside its tables. */
export interface ObjectRecord {
  readonly circle: CircleState;
  /** Pace of live positions over all devices (`admit` of src/protocol/pace.ts). */
  readonly positionTat: number;
  /** When the alarm is set to fire, ms, or null. */
  readonly alarmAt: number | null;
}

export interface Attachment {
  readonly connection: ConnectionRecord;
  readonly object: ObjectRecord | null;
}

const scratch = new DataView(new ArrayBuffer(ATTACHMENT_MAX_BYTES));

/** At most `ATTACHMENT_MAX_BYTES`; contacts that do not fit are forgotten, which costs a meeting and nothing else. */
export function encodeAttachment({ connection, object }: Attachment): Uint8Array {
  const { device, pace } = connection;
  scratch.setUint8(0, VERSION);
  scratch.setUint8(1, (object ? 1 : 0) | (connection.snapshotSent ? 2 : 0) | (device === null ? 0 : 4));
  scratch.setFloat64(2, connection.lastHeard, true);
  scratch.setFloat64(10, connection.tokenUntil, true);
  scratch.setFloat64(18, pace.tatMs, true);
  scratch.setUint16(26, pace.refused, true);
  scratch.setUint16(28, pace.badInARow, true);
  let at = 30;
  if (device !== null) {
    scratch.setUint8(at++, device.length);
    for (let i = 0; i < device.length; i++) scratch.setUint8(at++, device.charCodeAt(i));
  }
  if (object !== null) at = writeObject(object, at, false);
  return new Uint8Array(scratch.buffer.slice(0, at));
}

/** Null for bytes of another version. */
export function decodeAttachment(value: unknown): Attachment | null {
  if (!(value instanceof Uint8Array) || value[0] !== VERSION) return null;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const flags = view.getUint8(1);
  let at = 30;
  let device: string | null = null;
  if ((flags & 4) !== 0) {
    const length = view.getUint8(at++);
    device = String.fromCharCode(...value.subarray(at, at + length));
    at += length;
  }
  const connection = {
    device,
    lastHeard: view.getFloat64(2, true),
    tokenUntil: view.getFloat64(10, true),
    snapshotSent: (flags & 2) !== 0,
    pace: {
      tatMs: view.getFloat64(18, true),
      refused: view.getUint16(26, true),
      badInARow: view.getUint16(28, true),
    },
  };
  return { connection, object: (flags & 1) === 0 ? null : readObject(view, at) };
}

/** The state as it may be kept in a row, without a socket: nobody keeps near and far contacts current then. */
export function encodeKept(object: ObjectRecord): Uint8Array {
  scratch.setUint8(0, VERSION);
  return new Uint8Array(scratch.buffer.slice(0, writeObject(object, 1, true)));
}

export function decodeKept(bytes: Uint8Array): ObjectRecord | null {
  if (bytes[0] !== VERSION) return null;
  return readObject(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 1);
}

function writeObject({ circle, positionTat, alarmAt }: ObjectRecord, start: number, forget: boolean): number {
  const far: Contact[] = [];
  let others: Contact[] = [];
  for (const contact of circle.contacts) {
    const { kind } = contact.pact;
    if (kind === "far" && contact.call === null && !forget) far.push(contact);
    else if (kind !== "away" || contact.call !== null) others.push(contact);
  }
  const roomBytes = ATTACHMENT_MAX_BYTES - start - STATE_HEAD_BYTES;
  const fitting = Math.floor((roomBytes - (far.length + others.length) * UNKNOWN_BYTES) / (FAR_BYTES - UNKNOWN_BYTES));
  if (fitting < far.length) others = others.concat(far.splice(Math.max(0, fitting)));
  const complete = circle.complete && fitting >= 0;
  // Who is left out here is read from the friend table again, and every client gets a new snapshot.
  if (fitting < 0) others = [];

  const { self } = circle;
  let at = start;
  scratch.setUint8(
    at,
    (circle.sharing ? 1 : 0) | (complete ? 2 : 0) | (self.kind === "active" ? 4 : 0) | (self.kind === "unsure" ? 8 : 0),
  );
  scratch.setFloat64(at + 1, circle.rev, true);
  scratch.setFloat64(at + 9, positionTat, true);
  scratch.setFloat64(at + 17, alarmAt ?? 0, true);
  at += 25;
  if (self.kind === "active") {
    const { rev, ts, activeUntil } = self.sighting;
    scratch.setFloat64(at, rev, true);
    at = writePlace(at + 8, self.sighting);
    scratch.setFloat64(at, ts, true);
    scratch.setFloat64(at + 8, activeUntil, true);
    at += 16;
  }
  scratch.setUint16(at, far.length, true);
  scratch.setUint16(at + 2, others.length, true);
  at += 4;
  for (const contact of far) at = writeFar(at, contact);
  for (const { no, muted, shown } of others) {
    scratch.setUint32(at, no, true);
    scratch.setUint8(at + 4, (muted ? 1 : 0) | (shown && !forget ? 2 : 0));
    at += UNKNOWN_BYTES;
  }
  return at;
}

function writeFar(at: number, { no, muted, pact }: Contact): number {
  if (pact.kind !== "far") throw new Error(`contact ${no} is ${pact.kind}, not far`);
  scratch.setUint32(at, no, true);
  scratch.setUint8(at + 4, muted ? 1 : 0);
  scratch.setFloat64(at + 5, pact.mine, true);
  scratch.setFloat64(at + 13, pact.theirs, true);
  const end = writePlace(at + 21, pact.anchor);
  scratch.setUint32(end, Math.round(pact.slackM * SLACK_SCALE), true);
  return end + 4;
}

function writePlace(at: number, { lat, lng }: { lat: number; lng: number }): number {
  scratch.setInt32(at, Math.round(lat * DEGREE_SCALE), true);
  scratch.setInt32(at + 4, Math.round(lng * DEGREE_SCALE), true);
  return at + 8;
}

function readObject(view: DataView, start: number): ObjectRecord {
  const flags = view.getUint8(start);
  const alarmAt = view.getFloat64(start + 17, true);
  let at = start + 25;
  let self: Self = { kind: (flags & 8) === 0 ? "inactive" : "unsure" };
  if ((flags & 4) !== 0) {
    const place = readPlace(view, at + 8);
    const rev = view.getFloat64(at, true);
    const ts = view.getFloat64(at + 16, true);
    const activeUntil = view.getFloat64(at + 24, true);
    self = { kind: "active", sighting: { rev, ...place, ts, activeUntil, errorM: 0 } };
    at += 32;
  }
  const farCount = view.getUint16(at, true);
  const otherCount = view.getUint16(at + 2, true);
  at += 4;
  const contacts: Contact[] = [];
  for (let i = 0; i < farCount; i++, at += FAR_BYTES) contacts.push(readFar(view, at));
  for (let i = 0; i < otherCount; i++, at += UNKNOWN_BYTES) {
    const contactFlags = view.getUint8(at + 4);
    const contact = newContact(view.getUint32(at, true), (contactFlags & 1) !== 0);
    contact.shown = (contactFlags & 2) !== 0;
    contacts.push(contact);
  }
  return {
    circle: {
      rev: view.getFloat64(start + 1, true),
      sharing: (flags & 1) !== 0,
      complete: (flags & 2) !== 0,
      self,
      contacts,
    },
    positionTat: view.getFloat64(start + 9, true),
    alarmAt: alarmAt === 0 ? null : alarmAt,
  };
}

function readFar(view: DataView, at: number): Contact {
  const contact = newContact(view.getUint32(at, true), (view.getUint8(at + 4) & 1) !== 0);
  const mine = view.getFloat64(at + 5, true);
  const theirs = view.getFloat64(at + 13, true);
  const slackM = view.getUint32(at + 29, true) / SLACK_SCALE;
  contact.pact = { kind: "far", mine, theirs, anchor: readPlace(view, at + 21), slackM };
  contact.theirRev = theirs;
  return contact;
}

function readPlace(view: DataView, at: number): { lat: number; lng: number } {
  return { lat: view.getInt32(at, true) / DEGREE_SCALE, lng: view.getInt32(at + 4, true) / DEGREE_SCALE };
}
