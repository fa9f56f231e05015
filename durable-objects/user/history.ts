import { ChunkWriter, decodeChunk, encodeChunk } from "../../src/history/chunk.ts";
import { CHUNK_AGE_MAX_MS, CHUNK_POINTS_MAX, cut } from "../../src/history/cut.ts";
import { storeMessage } from "../../src/history/message.ts";
import type { HistoryPage, HistoryQuery } from "../../src/history/page.ts";
import type { HistoryPoint } from "../../src/history/point.ts";
import { logError } from "../../src/observe/log.ts";
import { encodeDown } from "../../src/protocol/down.ts";
import type { Fix } from "../../src/protocol/fix.ts";
import type { Agenda } from "./agenda.ts";
import { NO_POINTS, type Unsaved } from "./attachment.ts";
import type { Chunks } from "./chunks.ts";
import type { Connection, Connections } from "./connections.ts";
import type { ErasedRange, Erased } from "./erased.ts";
import type { HistoryQueue } from "./history-queue.ts";

export interface HistoryParts {
  readonly user: string;
  /** Null: history is turned off. Points are counted, and forgotten. */
  readonly queue: HistoryQueue | null;
  readonly chunks: Chunks;
  readonly erased: Erased;
  readonly connections: Connections;
  readonly agenda: Agenda;
  /** Points have left the buffer: its copies are out of date. */
  readonly stored: () => void;
}

/** Phones that send every 30 s need a little longer for 20 points than 20 times 30 s. */
const PACE_TOLERANCE = 1.1;

/** How far a connection's points were counted when a flight began. */
interface Mark {
  readonly connection: Connection;
  readonly sent: number;
  readonly newestTs: number;
}

/**
 * The way of points into chunks. They wait in a buffer, which is copied wherever the object's state is copied; a flight
 * takes all of it to the queue and then into the table, and only then clients hear `saved`. So a crash at any moment
 * loses no point that somebody counts as stored; the phone sends the others again.
 */
export class History {
  readonly #parts: HistoryParts;
  /** In the order of arrival. */
  #buffer: ChunkWriter;
  /** When the first point came in that was not stored yet, or the first that was refused and not yet counted; ms. */
  #since: number | null;
  /** Points of the buffer that somebody was promised (202) on the strength of the row kept without a socket. */
  #promised: boolean;
  #flight: Promise<void> | null = null;
  /** Points of the buffer that are in flight: its first ones. */
  #flying = 0;
  /** Grows when the buffer was emptied: a flight that was under way finds its points stored. */
  #generation = 0;
  #version = 0;
  /** `ts` of the point that waits for the next fix to say whether it was a jump; until then it counts as one. */
  #heldTs: number | null;
  #pruneAt: number | null = 0;

  constructor(
    parts: HistoryParts,
    { unsaved, promised, heldTs }: { unsaved: Unsaved; promised: boolean; heldTs: number | null },
  ) {
    this.#parts = parts;
    this.#buffer = new ChunkWriter(unsaved.points === null ? [] : decodeChunk(unsaved.points));
    this.#since = unsaved.since;
    this.#promised = promised && unsaved.points !== null;
    this.#heldTs = heldTs;
  }

  /** Grows with every change of `unsaved`. */
  get version(): number {
    return this.#version;
  }

  /** What a copy of the state has to hold. */
  get unsaved(): Unsaved {
    if (this.#since === null) return NO_POINTS;
    return { since: this.#since, points: this.#buffer.count === 0 ? null : this.#buffer.bytes() };
  }

  /** Points that are in no chunk, and chunks that the queue has not taken. */
  get waiting(): { points: number; chunks: number } {
    return { points: this.#buffer.count, chunks: this.#parts.chunks.countWaiting() };
  }

  // From clients

  /** Good points of a client, in the order sent. */
  took(connection: Connection | null, points: readonly Fix[], now: number): void {
    if (connection !== null) {
      connection.sent += points.length;
      for (const { ts } of points) connection.newestTs = Math.max(connection.newestTs, ts);
    }
    if (this.#parts.queue !== null) for (const point of points) this.#buffer.append(point);
    this.#wait(now);
  }

  /** Points that were taken are judged by now: when there are enough for a chunk, they take flight. */
  settle(now: number): void {
    if (this.#flight !== null) {
      // The queue is slow and points come fast: they wait in the table instead, or they would fill the attachment.
      if (this.#buffer.count - this.#flying >= CHUNK_POINTS_MAX) this.storeHere(now);
      return;
    }
    // What is held is better stored with its verdict, which comes with the next fix.
    const enough = this.#heldTs === null ? CHUNK_POINTS_MAX : CHUNK_POINTS_MAX + 1;
    if (Math.max(this.#buffer.count, this.#uncounted()) < enough) return;
    this.#fly(now).catch((error: unknown) => this.#failed(error));
  }

  /** The point with this `ts` is not believed before the next fix: stored earlier, it is stored as an outlier. */
  hold(ts: number): void {
    this.#heldTs = ts;
    this.#mark(ts, true);
  }

  /** The verdict about the point that was held. */
  release(isReal: boolean): void {
    if (isReal && this.#heldTs !== null) this.#mark(this.#heldTs, false);
    this.#heldTs = null;
  }

  /** Points of a client that were refused: stored nowhere, but the client counts them. */
  refused(connection: Connection, count: number, now: number): void {
    if (count === 0) return;
    connection.sent += count;
    this.#wait(now);
  }

  /** Points of somebody who is not active wait for nothing: no deadline of activity will come to store them. */
  storeSoon(now: number): void {
    this.store(now).catch((error: unknown) => this.#failed(error));
  }

  /** All points taken so far are about to be promised, because they stand in the row kept without a socket. */
  promise(): void {
    this.#promised = this.#buffer.count > 0;
  }

  /** Resolves once every point taken so far is in the table. */
  async store(now: number): Promise<void> {
    // A flight that is under way may have begun before the newest points came.
    const isWhole = this.#flight === null;
    await this.#fly(now);
    if (!isWhole) await this.#fly(Date.now());
  }

  /** Brings every point into the table at once, without waiting for the queue, which gets them from there. */
  storeHere(now: number): void {
    if (this.#since === null) return;
    const marks = this.#marks();
    const chunks = this.#fresh();
    for (const chunk of chunks) this.#parts.chunks.insert(chunk, { storedAt: now, queued: false });
    this.#landed(this.#buffer.count, marks);
    if (chunks.length > 0) this.#pump(now);
  }

  /** For what must not lie in a copy that is about to go: points that were promised on the strength of it. */
  keepPromises(now: number): void {
    if (this.#promised) this.storeHere(now);
  }

  // For the owner

  page(query: HistoryQuery, now: number): HistoryPage {
    if (this.#parts.queue === null) return { points: [], since: now };
    const unsaved = this.#points().filter(({ ts }) => !this.#parts.erased.has(ts));
    const erased = this.#parts.erased.within(query);
    return { ...this.#parts.chunks.page(query, unsaved, now), ...(erased.length === 0 ? {} : { erased }) };
  }

  /** @returns false when the user has erased too many ranges apart from each other */
  erase({ from, to }: { from: number; to: number }, now: number): boolean {
    const { chunks, erased } = this.#parts;
    this.storeHere(now);
    const newest = chunks.newest();
    // Not beyond the newest point, or points to come would be dropped; the clock of its phone may be ahead of this one.
    const range = {
      from,
      to: Math.min(to, Math.max(now, newest.ts) + 1),
      // Sinks let the later of two writes win: this one must be later than every chunk, also when the clock was set back.
      at: Math.max(now, newest.storedAt + 1),
    } satisfies ErasedRange;
    if (range.from >= range.to) return true;
    if (!erased.add(range)) return false;
    chunks.erase(range);
    this.#pump(now);
    return true;
  }

  // The alarm

  /** @param inactive the user has just become inactive, or is @returns the next deadline, ms, or null */
  async alarm(now: number, inactive: boolean): Promise<number | null> {
    const { chunks, queue } = this.#parts;
    if (this.#since !== null && (inactive || now >= this.#since + CHUNK_AGE_MAX_MS)) await this.store(now);
    const retryAt = queue === null ? null : await queue.alarm(now);
    if (this.#pruneAt !== null && now >= this.#pruneAt) this.#pruneAt = chunks.prune(now);
    const dueAt = this.#since === null || this.#fillsInTime(now) ? null : this.#since + CHUNK_AGE_MAX_MS;
    const deadlines = [dueAt, retryAt, this.#pruneAt].filter((at) => at !== null);
    return deadlines.length === 0 ? null : Math.min(...deadlines);
  }

  // Parts

  /**
   * A chunk that fills at the pace of its points so far needs no deadline of its own: for somebody who sends every 30 s it
   * would be one more alarm in ten minutes, which finds nothing to do. Should they stop sending, they become inactive.
   */
  #fillsInTime(now: number): boolean {
    const count = this.#buffer.count;
    if (count === 0 || this.#since === null) return false;
    return ((now - this.#since) * CHUNK_POINTS_MAX) / count <= CHUNK_AGE_MAX_MS * PACE_TOLERANCE;
  }

  #wait(now: number): void {
    this.#version += 1;
    if (this.#since !== null) return;
    this.#since = now;
    this.#parts.agenda.cover(now + CHUNK_AGE_MAX_MS, now);
  }

  /** With history turned off nothing fills the buffer, and clients still have to hear `saved` now and then. */
  #uncounted(): number {
    let most = 0;
    for (const { sent, saved } of this.#parts.connections.all) most = Math.max(most, sent - saved);
    return most;
  }

  #mark(ts: number, outlier: boolean): void {
    this.#version += 1;
    const points = this.#points().map((point): HistoryPoint => {
      if (point.ts !== ts) return point;
      const { outlier: _, ...fix } = point;
      return outlier ? { ...fix, outlier } : fix;
    });
    this.#buffer = new ChunkWriter(points);
  }

  #points(): HistoryPoint[] {
    return this.#buffer.count === 0 ? [] : decodeChunk(this.#buffer.bytes());
  }

  /** The chunks that the buffer makes: without what is stored already, and without what was erased. */
  #fresh(): (readonly HistoryPoint[])[] {
    const { chunks, erased } = this.#parts;
    const points = this.#points().filter(({ ts }) => !erased.has(ts));
    return cut(points)
      .map((chunk) => chunks.without(chunk))
      .filter((chunk) => chunk.length > 0);
  }

  #fly(now: number): Promise<void> {
    this.#flight ??= this.#take(now).finally(() => {
      this.#flight = null;
    });
    return this.#flight;
  }

  async #take(now: number): Promise<void> {
    const { queue, chunks, user } = this.#parts;
    if (this.#since === null) return;
    const generation = this.#generation;
    const count = this.#buffer.count;
    this.#flying = count;
    const marks = this.#marks();
    const fresh = this.#fresh();
    const messages = fresh.map((points) => storeMessage(user, now, encodeChunk(points)));
    // The queue first: then the row says so at once, and is written once.
    const queued = queue === null || messages.length === 0 || (await queue.send(messages));
    if (this.#generation !== generation) return;
    for (const points of fresh) chunks.insert(points, { storedAt: now, queued });
    this.#landed(count, marks);
  }

  #marks(): Mark[] {
    const marks: Mark[] = [];
    for (const connection of this.#parts.connections.all) {
      if (connection.sent > connection.saved) {
        marks.push({ connection, sent: connection.sent, newestTs: connection.newestTs });
      }
    }
    return marks;
  }

  /** The first `count` points of the buffer are stored: they leave it, and whoever sent them hears of it. */
  #landed(count: number, marks: readonly Mark[]): void {
    const { connections, stored } = this.#parts;
    this.#generation += 1;
    this.#version += 1;
    // A flight that is still under way finds its points stored: those that come now are all new.
    this.#flying = 0;
    this.#promised = false;
    this.#buffer = new ChunkWriter(this.#points().slice(count));
    for (const { connection, sent, newestTs } of marks) {
      if (connections.get(connection.ws) !== connection) continue;
      connection.saved = sent;
      connections.note(connection);
      connections.send(connection, encodeDown({ type: "saved", count: sent, through: newestTs }));
    }
    this.#since = null;
    const now = Date.now();
    if (this.#buffer.count > 0 || this.#uncounted() > 0) this.#wait(now);
    this.#pruneAt ??= now;
    stored();
  }

  #pump(now: number): void {
    this.#parts.queue?.pump(now).catch((error: unknown) => this.#failed(error));
  }

  /** Its points are still in the buffer, or wait in the table: the alarm comes back to them. */
  #failed(error: unknown): void {
    logError("history_failed", { user: this.#parts.user, reason: String(error) });
  }
}
