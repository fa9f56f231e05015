/** An open loop in which everybody has a turn in each period, at moments that lie equally far apart. */

/** The golden section: whoever is next to each other has turns that are far from each other. */
const STRIDE_SHARE = 0.618;

export interface Turn {
  readonly person: number;
  /** The person's turns are counted from 1. */
  readonly count: number;
  /** ms, by the clock of `startMs`. */
  readonly dueMs: number;
}

export interface EvenScheduleOptions {
  readonly users: number;
  readonly everyMs: number;
  readonly startMs: number;
}

export class EvenSchedule {
  readonly #options: EvenScheduleOptions;
  readonly #stride: number;
  #turn = 0;

  constructor(options: EvenScheduleOptions) {
    this.#options = options;
    this.#stride = coprimeStride(options.users);
  }

  /** When the next turn is due, ms. */
  get nextMs(): number {
    const { startMs, everyMs, users } = this.#options;
    return startMs + (this.#turn * everyMs) / users;
  }

  /** All turns that are due by then, each once. */
  *dueBy(nowMs: number): Generator<Turn> {
    const { users } = this.#options;
    for (let dueMs = this.nextMs; dueMs <= nowMs; dueMs = this.nextMs) {
      const person = (this.#turn * this.#stride) % users;
      const count = Math.floor(this.#turn / users) + 1;
      this.#turn += 1;
      yield { person, count, dueMs };
    }
  }
}

/** Steps of such a length reach everybody before they reach anybody twice. */
export function coprimeStride(users: number): number {
  let stride = Math.max(1, Math.round(users * STRIDE_SHARE));
  while (greatestCommonDivisor(stride, users) !== 1) stride += 1;
  return stride;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
