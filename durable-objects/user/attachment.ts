import { CHUNK_CODEC_VERSION } from "../../src/history/chunk.ts";
import type { Track, Waypoint } from "../../src/nearby/jumps.ts";
import type { CircleState, Self } from "../../src/nearby/state.ts";
import { type Counts, countsBytes, readCounts, writeCounts } from "../../src/observe/tally.ts";
import type { FramePace } from "../../src/protocol/pace.ts";
import { choose, readContacts, readPlace, writeContacts, writePlace } from "./attachment-contacts.ts";

/*
 * A socket's attachment: the only memory that survives hibernation, free of charge, and gone with its socket. Version 4,
 * little endian. Every socket has the connection part; one of them, the carrier, also has the state of the object.
 *
 *   connection  u8 version, u8 flags (1 carrier, 2 snapshot sent, 4 device, 8 discover, 16 people shown), f64 lastHeard,
 *               f64 tokenUntil, f64 pace.tat, u16 pace.refused, u16 pace.badInARow, u32 sent, u32 saved, f64 newestTs,
 *               [u8 length, ASCII device], with discover: u16 levels of cells
 *   state       u8 flags (1 sharing, 2 complete, 4 active, 8 unsure, 16 rough, 32 held, 64 before, 128 counts), f64 rev,
 *               f64 positionTat, f64 alarmAt (0 = none),
 *               [f64 rev, i32 lat, i32 lng (1e-7 degrees), f64 ts, f64 activeUntil],
 *               [held: i32 lat, i32 lng, f64 ts, f64 pointTs], [before: i32 lat, i32 lng, f64 ts],
 *               [counts: src/observe/tally.ts],
 *               f64 since (0 = none), u16 length and bytes of the unsaved points (a chunk, src/history/chunk.ts),
 *               u16 pacts, u16 unknown,
 *               then contacts with a pact: u32 no, u8 flags (1 muted, 2 shown, 4 near, 8 coarse), f64 mine, f64 theirs, i32 lat and
 *               i32 lng of the anchor; far ones go on with u32 slack (dm), near ones with i32 lat, i32 lng, f64 ts,
 *               f64 activeUntil of the friend, f64 toldUntil,
 *               then unknown ones: u32 no, u8 flags (1 muted, 2 shown, 8 coarse)
 *
 * In mode `exact` a near contact is written as unknown: both meet at the same moments, so a near friend who moves costs no
 * write. A contact with a call in flight is, too: its answer may change the pact there before it is known here.
 */

const VERSION = 4;
/** The earlier ones are the same without some flags: an update must not cost every client its connection. */
const VERSIONS_READ: ReadonlySet<unknown> = new Set([2, 3, VERSION]);

/** 16,370 bytes of Uint8Array are what the platform's 16,384 bytes of serialized value leave. */
export const ATTACHMENT_MAX_BYTES = 16_370;

const CONNECTION_BYTES = 2 + 8 + 8 + 8 + 2 + 2 + 4 + 4 + 8;
const STATE_HEAD_BYTES = 1 + 8 + 8 + 8 + (8 + 4 + 4 + 8 + 8) + (8 + 2) + 2 + 2;
const BEFORE_BYTES = 4 + 4 + 8;
const HELD_BYTES = BEFORE_BYTES + 8;

/** A client has opted in to nearby strangers. */
export interface Discovery {
  /** Its list of them is not empty. */
  readonly shown: boolean;
  /** Levels of the cells around the user, four bits each (durable-objects/user/strangers.ts). */
  readonly levels: number;
}

export interface ConnectionRecord {
  readonly device: string | null;
  /** When this socket last sent anything, ms. */
  readonly lastHeard: number;
  /** When its token expires, ms. */
  readonly tokenUntil: number;
  readonly snapshotSent: boolean;
  readonly discovery: Discovery | null;
  readonly pace: FramePace;
  /** Points sent on it, how many of them are known to be stored, and their newest `ts` (ms, 0 for none). */
  readonly sent: number;
  readonly saved: number;
  readonly newestTs: number;
}

/** Points that are in no chunk yet, as a chunk, and since when they wait, ms; both null for none. */
export interface Unsaved {
  readonly since: number | null;
  readonly points: Uint8Array | null;
}

/** The state of the object, beside its tables. */
export interface ObjectRecord {
  readonly circle: CircleState;
  /** Pace of live positions over all devices (`admit` of src/protocol/pace.ts). */
  readonly positionTat: number;
  readonly track: Track;
  /** When the alarm is set to fire, ms, or null. */
  readonly alarmAt: number | null;
  readonly unsaved: Unsaved;
  /** What the monitor was not told yet; absent: nothing. */
  readonly counts?: Counts;
}

export interface Attachment {
  readonly connection: ConnectionRecord;
  readonly object: ObjectRecord | null;
}

export const NO_POINTS: Unsaved = { since: null, points: null };

const scratch = new DataView(new ArrayBuffer(ATTACHMENT_MAX_BYTES));

/** Where the contacts are in what was encoded last. */
let contactsAt = 0;

/** The carrier's attachment, in which a single contact can be written anew. */
export interface Carried {
  readonly bytes: Uint8Array;
  /** Offset of the contacts. */
  readonly contactsAt: number;
}

export function encodeCarried(connection: ConnectionRecord, object: ObjectRecord): Carried {
  return { bytes: encodeAttachment({ connection, object }), contactsAt };
}

/** At most `ATTACHMENT_MAX_BYTES`; contacts that do not fit are forgotten, which costs a meeting and nothing else. */
export function encodeAttachment({ connection, object }: Attachment): Uint8Array {
  const { device, discovery, pace } = connection;
  scratch.setUint8(0, VERSION);
  const flags = (object ? 1 : 0) | (connection.snapshotSent ? 2 : 0) | (device === null ? 0 : 4);
  scratch.setUint8(1, flags | (discovery === null ? 0 : 8) | (discovery?.shown === true ? 16 : 0));
  scratch.setFloat64(2, connection.lastHeard, true);
  scratch.setFloat64(10, connection.tokenUntil, true);
  scratch.setFloat64(18, pace.tatMs, true);
  scratch.setUint16(26, pace.refused, true);
  scratch.setUint16(28, pace.badInARow, true);
  scratch.setUint32(30, connection.sent, true);
  scratch.setUint32(34, connection.saved, true);
  scratch.setFloat64(38, connection.newestTs, true);
  let at = CONNECTION_BYTES;
  if (device !== null) {
    scratch.setUint8(at++, device.length);
    for (let i = 0; i < device.length; i++) scratch.setUint8(at++, device.charCodeAt(i));
  }
  if (discovery !== null) {
    scratch.setUint16(at, discovery.levels, true);
    at += 2;
  }
  if (object !== null) at = writeObject(object, at, false);
  return new Uint8Array(scratch.buffer.slice(0, at));
}

/** Null for bytes of another version. */
export function decodeAttachment(value: unknown): Attachment | null {
  if (!(value instanceof Uint8Array) || !VERSIONS_READ.has(value[0])) return null;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const flags = view.getUint8(1);
  let at = CONNECTION_BYTES;
  let device: string | null = null;
  if ((flags & 4) !== 0) {
    const length = view.getUint8(at++);
    device = String.fromCharCode(...value.subarray(at, at + length));
    at += length;
  }
  let discovery: Discovery | null = null;
  if ((flags & 8) !== 0) {
    discovery = { shown: (flags & 16) !== 0, levels: view.getUint16(at, true) };
    at += 2;
  }
  const connection = {
    device,
    discovery,
    lastHeard: view.getFloat64(2, true),
    tokenUntil: view.getFloat64(10, true),
    snapshotSent: (flags & 2) !== 0,
    pace: {
      tatMs: view.getFloat64(18, true),
      refused: view.getUint16(26, true),
      badInARow: view.getUint16(28, true),
    },
    sent: view.getUint32(30, true),
    saved: view.getUint32(34, true),
    newestTs: view.getFloat64(38, true),
  };
  const object = (flags & 1) === 0 ? null : readObject(view, at);
  if (object !== null && !isReadable(object.unsaved)) return null;
  return { connection, object };
}

/** Points that only a newer version of this code can read make no buffer. */
export function isReadable({ points }: Unsaved): boolean {
  return points === null || points[0] === CHUNK_CODEC_VERSION;
}

/**
 * The state as it may be kept in a row, without a socket: nobody keeps near and far contacts current then. The unsaved
 * points stand beside it (durable-objects/user/kept.ts).
 */
export function encodeKept(object: ObjectRecord): Uint8Array {
  scratch.setUint8(0, VERSION);
  return new Uint8Array(scratch.buffer.slice(0, writeObject({ ...object, unsaved: NO_POINTS }, 1, true)));
}

export function decodeKept(bytes: Uint8Array): ObjectRecord | null {
  if (!VERSIONS_READ.has(bytes[0])) return null;
  return readObject(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 1);
}

function writeObject(
  { circle, positionTat, track, alarmAt, unsaved, counts }: ObjectRecord,
  start: number,
  forget: boolean,
): number {
  const { since, points } = unsaved;
  const trackBytes = (track.held === null ? 0 : HELD_BYTES) + (track.before === null ? 0 : BEFORE_BYTES);
  const tallyBytes = counts === undefined ? 0 : countsBytes(counts);
  const roomBytes = ATTACHMENT_MAX_BYTES - start - STATE_HEAD_BYTES - trackBytes - tallyBytes - (points?.length ?? 0);
  const chosen = choose(circle, forget, roomBytes);
  const complete = circle.complete && chosen.fits;

  const { self } = circle;
  let at = start;
  const trackFlags = (track.held === null ? 0 : 32) | (track.before === null ? 0 : 64);
  scratch.setUint8(at, stateFlags(circle, complete) | trackFlags | (tallyBytes === 0 ? 0 : 128));
  scratch.setFloat64(at + 1, circle.rev, true);
  scratch.setFloat64(at + 9, positionTat, true);
  scratch.setFloat64(at + 17, alarmAt ?? 0, true);
  at += 25;
  if (self.kind === "active") {
    const { rev, ts, activeUntil } = self.sighting;
    scratch.setFloat64(at, rev, true);
    at = writePlace(scratch, at + 8, self.sighting);
    scratch.setFloat64(at, ts, true);
    scratch.setFloat64(at + 8, activeUntil, true);
    at += 16;
  }
  if (track.held !== null) {
    at = writeWaypoint(at, track.held);
    scratch.setFloat64(at, track.held.pointTs, true);
    at += 8;
  }
  if (track.before !== null) at = writeWaypoint(at, track.before);
  if (counts !== undefined && tallyBytes > 0) at = writeCounts(scratch, at, counts);
  scratch.setFloat64(at, since ?? 0, true);
  scratch.setUint16(at + 8, points?.length ?? 0, true);
  at += 10;
  if (points !== null) {
    new Uint8Array(scratch.buffer).set(points, at);
    at += points.length;
  }
  contactsAt = at;
  return writeContacts(scratch, at, chosen);
}

function stateFlags({ sharing, self }: CircleState, complete: boolean): number {
  const activity = self.kind === "active" ? 4 | (self.rough === true ? 16 : 0) : self.kind === "unsure" ? 8 : 0;
  return (sharing ? 1 : 0) | (complete ? 2 : 0) | activity;
}

function writeWaypoint(start: number, waypoint: Waypoint): number {
  const at = writePlace(scratch, start, waypoint);
  scratch.setFloat64(at, waypoint.ts, true);
  return at + 8;
}

function readObject(view: DataView, start: number): ObjectRecord {
  const flags = view.getUint8(start);
  const rev = view.getFloat64(start + 1, true);
  const alarmAt = view.getFloat64(start + 17, true);
  let at = start + 25;
  let self: Self = { kind: (flags & 8) === 0 ? "inactive" : "unsure" };
  if ((flags & 4) !== 0) {
    const times = { ts: view.getFloat64(at + 16, true), activeUntil: view.getFloat64(at + 24, true) };
    const sighting = { rev: view.getFloat64(at, true), ...readPlace(view, at + 8), ...times, errorM: 0 };
    self = { kind: "active", sighting, rough: (flags & 16) !== 0 };
    at += 32;
  }
  let held: Track["held"] = null;
  if ((flags & 32) !== 0) {
    held = { ...readWaypoint(view, at), pointTs: view.getFloat64(at + 16, true) };
    at += HELD_BYTES;
  }
  let before: Track["before"] = null;
  if ((flags & 64) !== 0) {
    before = readWaypoint(view, at);
    at += BEFORE_BYTES;
  }
  const counted = (flags & 128) === 0 ? null : readCounts(view, at);
  at = counted?.end ?? at;
  const since = view.getFloat64(at, true);
  const pointsLength = view.getUint16(at + 8, true);
  at += 10;
  // A copy: the view may be of a larger buffer that is written again.
  const points = pointsLength === 0 ? null : new Uint8Array(view.buffer, view.byteOffset + at, pointsLength).slice();
  at += pointsLength;
  const contacts = readContacts(view, at);
  return {
    circle: { rev, sharing: (flags & 1) !== 0, complete: (flags & 2) !== 0, self, contacts },
    positionTat: view.getFloat64(start + 9, true),
    track: { held, before },
    alarmAt: alarmAt === 0 ? null : alarmAt,
    unsaved: { since: since === 0 ? null : since, points },
    ...(counted === null ? {} : { counts: counted.counts }),
  };
}

function readWaypoint(view: DataView, at: number): Waypoint {
  return { ...readPlace(view, at), ts: view.getFloat64(at + 8, true) };
}
