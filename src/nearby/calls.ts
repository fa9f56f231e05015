import type { Call, Contact, FriendNo } from "./contact.ts";
import type { Effect } from "./effects.ts";
import type { Sighting } from "./sighting.ts";

/** Calls in flight per object: each pins the object and holds a place in the runtime's queues; the rest waits its turn. */
export const CALLS_IN_FLIGHT_MAX = 1_000;

/** A friend whose calls keep failing is never left out for longer than this. */
export const SKIP_MAX_MS = 5 * 60_000;

/** 2^10 positions are 8 hours at one per 30 s: `SKIP_MAX_MS` decides long before. */
const SKIP_EXPONENT_MAX = 10;

/** The calls of one object: at most one per friend is in flight, and at most `CALLS_IN_FLIGHT_MAX` in all. */
export class Calls {
  #inFlight = 0;
  #lastId = 0;
  /** Friends who should be met and wait for a free place, in order. */
  readonly #waiting = new Set<FriendNo>();

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Starts a call, or queues the friend when all places are taken. */
  start(contact: Contact, told: Sighting, out: Effect[]): void {
    if (this.#inFlight >= CALLS_IN_FLIGHT_MAX) {
      this.#waiting.add(contact.no);
      return;
    }
    this.#inFlight += 1;
    this.#lastId += 1;
    const { no, theirRev: heard, visibility, seen } = contact;
    contact.call = { id: this.#lastId, told, heard, visibility };
    out.push({
      kind: "meet",
      no,
      callId: this.#lastId,
      sighting: told,
      heard,
      held: seen?.rev === heard ? seen : null,
    });
  }

  /** Ends the call with this id; null for one that nobody waits for any more. */
  end(contact: Contact | undefined, callId: number): Call | null {
    if (contact?.call?.id !== callId) return null;
    const { call } = contact;
    contact.call = null;
    this.#inFlight -= 1;
    return call;
  }

  /** Stops waiting for this friend: an answer that still comes is ignored. */
  forget(contact: Contact): void {
    this.#waiting.delete(contact.no);
    if (contact.call !== null) this.#inFlight -= 1;
    contact.call = null;
  }

  clear(): void {
    this.#waiting.clear();
    this.#inFlight = 0;
  }

  /** Takes the friends who waited, as long as places are free. */
  *next(): Generator<FriendNo> {
    for (const no of this.#waiting) {
      if (this.#inFlight >= CALLS_IN_FLIGHT_MAX) return;
      this.#waiting.delete(no);
      yield no;
    }
  }
}

/** Notes a failed call: from the second in a row on, the friend is left out for 2^k positions. */
export function missed(contact: Contact, now: number): void {
  contact.missed += 1;
  // A first failure costs nothing: everything has to hold again after each side's next update (CONTRACT §4 rule 7).
  if (contact.missed < 2) return;
  contact.skip = 2 ** Math.min(contact.missed, SKIP_EXPONENT_MAX);
  contact.skipUntil = now + SKIP_MAX_MS;
}

/** Whether the friend is left out at the moment. */
export function isLeftOut(contact: Contact, now: number): boolean {
  return contact.skip > 0 && now < contact.skipUntil;
}

/** Whether this position is one that the friend is left out for; counts it. */
export function skips(contact: Contact, now: number): boolean {
  if (!isLeftOut(contact, now)) return false;
  contact.skip -= 1;
  return true;
}

export function reachable(contact: Contact): void {
  contact.missed = 0;
  contact.skip = 0;
}

/** Whether a friend of whom nothing is known has been asked and has not answered. */
export function owesAnswer(contacts: Iterable<Contact>): boolean {
  for (const { call, pact } of contacts) if (call !== null && pact.kind === "unknown") return true;
  return false;
}
