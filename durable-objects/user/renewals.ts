/** An alarm that rings for something else takes a renewal along that would be due within so much of the time. */
const EARLY_SHARE = 1 / 2;
/** What could not be entered is tried again soon: until then nobody who wakes can find this user. */
const RETRY_SHARE = 1 / 4;
/** One renewal may fail, and the next one be late by a minute. */
const ENTRY_RENEWALS = 2.5;

/** When an active user's entry in the index is renewed: in each `INACTIVE_AFTER_S`, because the alarm rings then anyway. */
export class Renewals {
  readonly #everyMs: number;
  /** Not in any copy: after a hibernation the next alarm renews, which costs two commands. */
  #dueFrom = 0;
  #at = 0;

  constructor({ inactiveAfterMs }: { readonly inactiveAfterMs: number }) {
    this.#everyMs = inactiveAfterMs;
  }

  /** How long an entry is to last. */
  get ttlMs(): number {
    return this.#everyMs * ENTRY_RENEWALS;
  }

  /** When the next one is planned, ms; 0 while none is. */
  get at(): number {
    return this.#at;
  }

  /** When the alarm of somebody who is active until `activeUntil` has to ring. */
  deadline(activeUntil: number): number {
    return this.#at === 0 ? activeUntil : Math.min(activeUntil, this.#at);
  }

  isDue(now: number): boolean {
    return now >= this.#dueFrom;
  }

  /** The index is asked. */
  started(now: number): void {
    this.#dueFrom = now + this.#everyMs * EARLY_SHARE;
    this.#at = now + this.#everyMs;
  }

  /** It did not answer. */
  failed(now: number): void {
    this.#at = now + this.#everyMs * RETRY_SHARE;
    this.#dueFrom = this.#at;
  }
}
