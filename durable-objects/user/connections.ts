import { CLOSE, CLOSE_REASON, type CloseKind } from "../../src/protocol/errors.ts";
import { CONNECTIONS_PER_USER_MAX } from "../../src/protocol/limits.ts";
import { type FramePace, NEW_PACE } from "../../src/protocol/pace.ts";
import type { Contact } from "../../src/nearby/contact.ts";
import type { Meter } from "../../src/observe/meter.ts";
import {
  type Carried,
  decodeAttachment,
  type Discovery,
  encodeAttachment,
  encodeCarried,
  type ObjectRecord,
} from "./attachment.ts";
import { rewriteNear } from "./attachment-contacts.ts";

export interface Connection {
  readonly ws: WebSocket;
  readonly device: string | null;
  lastHeard: number;
  tokenUntil: number;
  /** `nearby` was sent: frames about friends may follow. */
  snapshotSent: boolean;
  /** Its client has opted in to nearby strangers. */
  discovery: Discovery | null;
  pace: FramePace;
  /** Points that its client has sent, and how many of them `saved` has told to be stored. */
  sent: number;
  saved: number;
  /** The newest `ts` among them, ms; 0 for none. */
  newestTs: number;
}

/** An object has two kinds of sockets, told apart by tag after a wake: its user's, and those of viewers of a share. */
export const OWN_TAG = "own";
export const SHARE_TAG = "share";

/** Close codes that may not be sent: they only report what happened (RFC 6455, 7.4.1). */
const NEVER_SENT: ReadonlySet<number> = new Set([1005, 1006, 1015]);

/** The sockets of one user. One of them, the carrier, holds the state of the object in its attachment. */
export class Connections {
  readonly #ctx: DurableObjectState;
  readonly #meter: Meter;
  readonly #all = new Map<WebSocket, Connection>();
  #carrier: Connection | null = null;
  #carrierStale = false;
  /** What the carrier's attachment is. */
  #carried: Carried | null = null;

  constructor(ctx: DurableObjectState, meter: Meter) {
    this.#ctx = ctx;
    this.#meter = meter;
  }

  get carrier(): Connection | null {
    return this.#carrier;
  }
  /** The carrier is new, or remembers something about itself that only comes with the state: `carry` is due. */
  get carrierStale(): boolean {
    return this.#carrierStale || (this.#carrier === null && this.#all.size > 0);
  }
  get size(): number {
    return this.#all.size;
  }
  get all(): Iterable<Connection> {
    return this.#all.values();
  }
  /** At least one client has opted in to strangers. */
  get discovering(): boolean {
    for (const { discovery } of this.#all.values()) if (discovery !== null) return true;
    return false;
  }
  get(ws: WebSocket): Connection | undefined {
    return this.#all.get(ws);
  }
  get earliestTokenEnd(): number | null {
    let earliest: number | null = null;
    for (const { tokenUntil } of this.#all.values()) earliest = Math.min(earliest ?? tokenUntil, tokenUntil);
    return earliest;
  }

  /** After a wake: takes over the sockets that stayed open. @returns the state that the carrier kept */
  restore(): ObjectRecord | null {
    let kept: ObjectRecord | null = null;
    for (const ws of this.#ctx.getWebSockets(OWN_TAG)) {
      const attachment = decodeAttachment(ws.deserializeAttachment());
      if (attachment === null) {
        // Written by another version of this code: the client comes back and gets a fresh one.
        close(ws, "restart");
        continue;
      }
      const connection = { ws, ...attachment.connection };
      this.#all.set(ws, connection);
      if (attachment.object === null) continue;
      kept = attachment.object;
      this.#carrier = connection;
    }
    return kept;
  }

  /** Takes a new socket in; the same device or, beyond the limit, the longest silent socket makes room. */
  accept(
    ws: WebSocket,
    { device, tokenUntil, now }: { device: string | null; tokenUntil: number; now: number },
  ): Connection {
    for (const other of [...this.#all.values()]) {
      if (device !== null && other.device === device) this.close(other, "replaced");
    }
    while (this.#all.size >= CONNECTIONS_PER_USER_MAX) this.close(this.#longestSilent(), "replaced");
    this.#ctx.acceptWebSocket(ws, [OWN_TAG]);
    const fresh = { snapshotSent: false, discovery: null, pace: NEW_PACE, sent: 0, saved: 0, newestTs: 0 };
    const connection = { ws, device, lastHeard: now, tokenUntil, ...fresh };
    this.#all.set(ws, connection);
    this.note(connection);
    return connection;
  }

  /** The connection is over, or is about to be: nothing is sent to it from now on. */
  drop(connection: Connection): void {
    this.#all.delete(connection.ws);
    if (this.#carrier !== connection) return;
    this.#carrier = null;
    this.#carried = null;
  }

  close(connection: Connection, kind: CloseKind): void {
    this.drop(connection);
    close(connection.ws, kind);
  }

  /** Mirrors the state into the carrier's attachment; without a carrier, the first socket becomes it. False: no socket. */
  carry(object: ObjectRecord): boolean {
    this.#carrier ??= this.#all.values().next().value ?? null;
    if (this.#carrier === null) return false;
    this.#carrierStale = false;
    this.#carried = encodeCarried(this.#carrier, object);
    this.#put(this.#carrier, this.#carried.bytes);
    return true;
  }

  /** The same where nothing but this contact has changed since. False: all has to be written. */
  carryOne(contact: Contact): boolean {
    if (this.#carrier === null || this.#carried === null || this.carrierStale) return false;
    const { bytes, contactsAt } = this.#carried;
    if (!rewriteNear(new DataView(bytes.buffer), contactsAt, contact)) return false;
    this.#put(this.#carrier, bytes);
    return true;
  }

  /** Writes what a socket has to remember about itself. The carrier's comes with the state. */
  note(connection: Connection): void {
    if (connection === this.#carrier) this.#carrierStale = true;
    else this.#put(connection, encodeAttachment({ connection, object: null }));
  }

  /** Every client gets a new `nearby` before anything else about friends. */
  forgetSnapshots(): void {
    for (const connection of this.#all.values()) connection.snapshotSent = false;
  }

  send(connection: Connection, frame: string): void {
    try {
      connection.ws.send(frame);
    } catch {
      // The socket died under our hands; its close handler follows.
      this.drop(connection);
    }
  }

  /** To every client that has had its snapshot. */
  broadcast(frame: string, except?: Connection): void {
    for (const connection of this.#all.values()) {
      if (connection.snapshotSent && connection !== except) this.send(connection, frame);
    }
  }

  /** To every client, snapshot or not: what is not about where friends are. */
  announce(frame: string): void {
    for (const connection of this.#all.values()) this.send(connection, frame);
  }

  #put(connection: Connection, bytes: Uint8Array): void {
    connection.ws.serializeAttachment(bytes);
    this.#meter.attachmentWrites += 1;
    this.#meter.attachmentBytes = bytes.length;
  }

  #longestSilent(): Connection {
    let silent: Connection | undefined;
    let since = Number.POSITIVE_INFINITY;
    for (const connection of this.#all.values()) {
      // The runtime answers `ping` without waking the object, but keeps the time.
      const pinged = this.#ctx.getWebSocketAutoResponseTimestamp(connection.ws)?.getTime() ?? 0;
      const heard = Math.max(connection.lastHeard, pinged);
      if (heard < since) [silent, since] = [connection, heard];
    }
    if (silent === undefined) throw new Error("no connection to make room with");
    return silent;
  }
}

/** Completes the closing handshake that the client began. */
export function answerClose(ws: WebSocket, code: number, reason: string): void {
  if (NEVER_SENT.has(code)) return;
  try {
    ws.close(code, reason);
  } catch {
    // Closed from both sides at once: nothing is left to answer.
  }
}

function close(ws: WebSocket, kind: CloseKind): void {
  try {
    // Until the client answers, the runtime goes on listing this socket: after a wake it must not count as open.
    ws.serializeAttachment(null);
    ws.close(CLOSE[kind], CLOSE_REASON[kind]);
  } catch {
    // Already closed by the client.
  }
}
