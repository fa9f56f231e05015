import { COUNTER_NAMES, type CounterName } from "../protocol/admin.ts";
import { ERROR_CODE_LIST, type ErrorCode } from "../protocol/errors.ts";
import type { Meter } from "./meter.ts";

/** Upper bounds in ms. A call between objects takes a few, one across an ocean 200, and is given up after 2,000. */
export const MEETING_BOUNDS_MS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000] as const;

/** Upper bounds in ms. What is older than a minute was not sent live. */
export const DELIVERY_BOUNDS_MS = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000] as const;

export type Latency = "meeting" | "delivery";

export const BOUNDS_MS: Readonly<Record<Latency, readonly number[]>> = {
  meeting: MEETING_BOUNDS_MS,
  delivery: DELIVERY_BOUNDS_MS,
};

export const errorKey = (code: string): string => `error.${code}`;
/** @param bound ms, or `inf` for what is above all bounds; unlike Prometheus' buckets, none includes the smaller ones */
export const latencyKey = (latency: Latency, bound: number | "inf" | "sum"): string => `${latency}.${bound}`;

const latencyKeys = (latency: Latency): string[] => [
  ...BOUNDS_MS[latency].map((bound) => latencyKey(latency, bound)),
  latencyKey(latency, "inf"),
  latencyKey(latency, "sum"),
];

/**
 * Everything that is counted, by its place in a socket's attachment. Append only, and one byte names a place: an update
 * reads what the version before has written.
 */
export const TALLY_KEYS: readonly string[] = [
  ...COUNTER_NAMES,
  ...ERROR_CODE_LIST.map(errorKey),
  ...latencyKeys("meeting"),
  ...latencyKeys("delivery"),
];

const COUNTER_AT = placesOf(COUNTER_NAMES, (name) => name);
const ERROR_AT = placesOf(ERROR_CODE_LIST, errorKey);
const LATENCY_AT: Readonly<Record<Latency, number>> = {
  meeting: TALLY_KEYS.indexOf(latencyKey("meeting", BOUNDS_MS.meeting[0] ?? "inf")),
  delivery: TALLY_KEYS.indexOf(latencyKey("delivery", BOUNDS_MS.delivery[0] ?? "inf")),
};

function placesOf<Name extends string>(
  names: readonly Name[],
  keyOf: (name: Name) => string,
): Readonly<Partial<Record<Name, number>>> {
  const places: Partial<Record<Name, number>> = {};
  for (const name of names) places[name] = TALLY_KEYS.indexOf(keyOf(name));
  return places;
}

/** What the bill's counters are called here. */
const BILLED: readonly (readonly [CounterName, keyof Meter])[] = [
  ["messages_in", "messagesIn"],
  ["calls_out", "callsOut"],
  ["rows_read", "rowsRead"],
  ["rows_written", "rowsWritten"],
  ["alarms_set", "alarmsSet"],
  ["queue_messages", "queueMessages"],
  ["redis_commands", "redisCommands"],
  ["invalid_reports", "invalidReports"],
];

/** One counter in an attachment: its place, and what it has reached. */
const ENTRY_BYTES = 1 + 4;

/** One number for each of `TALLY_KEYS`. */
export type Counts = Uint32Array;

export function newCounts(): Counts {
  return new Uint32Array(TALLY_KEYS.length);
}

/**
 * What a user's object has counted since it last told the monitor. An object sleeps after ten idle seconds and positions
 * come every thirty: so the counts travel in the copy of its state. What was counted after the last copy of a spell is
 * lost when the object sleeps; a copy is made with every position of its own.
 *
 * Increments of plain numbers only: they stand on the path of every position.
 */
export class Tally {
  readonly #meter: Meter;
  readonly #counts: Counts;
  /** How far the meter was read. */
  readonly #read = new Map<keyof Meter, number>();

  /** @param counts taken over */
  constructor(meter: Meter, counts: Counts = newCounts()) {
    this.#meter = meter;
    this.#counts = counts;
  }

  /** All counts of this moment, what is billed included. */
  get counts(): Counts {
    for (const [name, field] of BILLED) {
      const now = this.#meter[field];
      this.add(name, now - (this.#read.get(field) ?? 0));
      this.#read.set(field, now);
    }
    return this.#counts;
  }

  add(name: CounterName, by = 1): void {
    this.#add(COUNTER_AT[name] ?? 0, by);
  }

  /** An error frame was sent. */
  failed(code: ErrorCode): void {
    this.#add(ERROR_AT[code] ?? 0, 1);
  }

  took(latency: Latency, ms: number): void {
    const bounds = BOUNDS_MS[latency];
    let at = 0;
    while (at < bounds.length && ms > (bounds[at] ?? 0)) at += 1;
    this.#add(LATENCY_AT[latency] + at, 1);
    // A clock may be set back, and a sum never shrinks.
    this.#add(LATENCY_AT[latency] + bounds.length + 1, Math.max(0, Math.round(ms)));
  }

  /** What is not zero, by key; from then on it counts from zero. */
  take(): Record<string, number> {
    const { counts } = this;
    const taken = byKey(counts);
    counts.fill(0);
    return taken;
  }

  #add(at: number, by: number): void {
    this.#counts[at] = (this.#counts[at] ?? 0) + by;
  }
}

/** Without the zeros. */
export function byKey(counts: Counts): Record<string, number> {
  const named: Record<string, number> = {};
  for (const [at, key] of TALLY_KEYS.entries()) {
    const count = counts[at] ?? 0;
    if (count > 0) named[key] = count;
  }
  return named;
}

/** Bytes of the encoded form; 0 while there is nothing to encode. */
export function countsBytes(counts: Counts): number {
  let used = 0;
  for (const count of counts) if (count > 0) used += 1;
  return used === 0 ? 0 : 1 + used * ENTRY_BYTES;
}

/** Little endian: u8 number of counters, then u8 place and u32 count of each. @returns the offset after it */
export function writeCounts(view: DataView, start: number, counts: Counts): number {
  let at = start + 1;
  for (const [place, count] of counts.entries()) {
    if (count === 0) continue;
    view.setUint8(at, place);
    view.setUint32(at + 1, count, true);
    at += ENTRY_BYTES;
  }
  view.setUint8(start, (at - start - 1) / ENTRY_BYTES);
  return at;
}

export function readCounts(view: DataView, start: number): { readonly counts: Counts; readonly end: number } {
  const counts = newCounts();
  const end = start + 1 + view.getUint8(start) * ENTRY_BYTES;
  for (let at = start + 1; at < end; at += ENTRY_BYTES) {
    // A typed array drops what is beyond its end: a newer version that was rolled back may have counted more.
    counts[view.getUint8(at)] = view.getUint32(at + 1, true);
  }
  return { counts, end };
}
