/** Phones that report where they are, and know exactly which points they have given away. */
import { createNearbyClient, type NearbyClient } from "../../src/client/index.ts";
import type { StoredPoint } from "./duckdb.ts";

export type Point = Pick<StoredPoint, "user" | "ts" | "lat" | "lng">;

export interface Phone {
  readonly user: string;
  readonly token: string;
  /** Every point that was reported, oldest first. */
  readonly sent: readonly Point[];
  /** Points that the server has not said to have stored. */
  readonly unsaved: number;
  /** When it last reported, ms. */
  readonly lastMs: number;
  /** Reports a new point. */
  move(): void;
  close(): void;
}

/** A walk, a new place with each step. */
class Walk {
  readonly sent: Point[] = [];
  readonly #user: string;
  readonly #random: () => number;
  #lat: number;
  #lng: number;

  constructor(user: string, random: () => number) {
    this.#user = user;
    this.#random = random;
    this.#lat = 37.5 + random() / 10;
    this.#lng = 127 + random() / 10;
  }

  get lastMs(): number {
    return this.sent.at(-1)?.ts ?? 0;
  }

  step(): Point {
    this.#lat += (this.#random() - 0.5) / 10_000;
    this.#lng += (this.#random() - 0.5) / 10_000;
    // Of two points of one time a server keeps one.
    const ts = Math.max(Date.now(), this.lastMs + 1);
    const point = { user: this.#user, ts, lat: Number(this.#lat.toFixed(7)), lng: Number(this.#lng.toFixed(7)) };
    this.sent.push(point);
    return point;
  }
}

export interface PhoneOptions {
  readonly url: string;
  readonly user: string;
  readonly token: string;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** With the SDK, which keeps and sends again what was not saved. */
export class SdkPhone implements Phone {
  readonly user: string;
  readonly token: string;
  readonly client: NearbyClient;
  readonly #walk: Walk;

  constructor({ url, user, token, random }: PhoneOptions) {
    this.user = user;
    this.token = token;
    this.#walk = new Walk(user, random);
    this.client = createNearbyClient({ url, token: () => Promise.resolve(token) });
  }

  get sent(): readonly Point[] {
    return this.#walk.sent;
  }

  get unsaved(): number {
    return this.client.unsaved;
  }

  get lastMs(): number {
    return this.#walk.lastMs;
  }

  move(): void {
    const { ts, lat, lng } = this.#walk.step();
    this.client.send({ ts, lat, lng });
  }

  close(): void {
    this.client.close();
  }
}

/** Over HTTP, as an app in the background does: what was not answered with 202 goes with the next request. */
export class HttpPhone implements Phone {
  readonly user: string;
  readonly token: string;
  readonly #options: PhoneOptions;
  readonly #walk: Walk;
  #unsaved: Point[] = [];
  #isBusy = false;
  /** Requests that were not answered with 202. */
  failures = 0;

  constructor(options: PhoneOptions) {
    this.user = options.user;
    this.token = options.token;
    this.#options = options;
    this.#walk = new Walk(options.user, options.random);
  }

  get sent(): readonly Point[] {
    return this.#walk.sent;
  }

  get unsaved(): number {
    return this.#unsaved.length;
  }

  get lastMs(): number {
    return this.#walk.lastMs;
  }

  move(): void {
    this.#unsaved.push(this.#walk.step());
    if (!this.#isBusy) void this.#post();
  }

  close(): void {
    // There is nothing to close between two requests.
  }

  async #post(): Promise<void> {
    const { url, token } = this.#options;
    const under = this.#unsaved.slice(0, 100);
    this.#isBusy = true;
    try {
      const answer = await fetch(`${url}/v1/location`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ points: under.map(({ ts, lat, lng }) => ({ ts, lat, lng })) }),
        signal: AbortSignal.timeout(10_000),
      });
      await answer.arrayBuffer();
      if (answer.status === 202) this.#unsaved = this.#unsaved.slice(under.length);
      else this.failures += 1;
    } catch {
      this.failures += 1;
    }
    this.#isBusy = false;
  }
}

/** Enough to see which they are. */
const SHOWN_MAX = 5;

/** From one set of points, some of those that are not in the other: by user, time and place. */
export function firstMissing(from: readonly Point[], where: readonly Point[]): Point[] {
  const keyOf = ({ user, ts, lat, lng }: Point): string => `${user} ${ts} ${lat} ${lng}`;
  const known = new Set(where.map(keyOf));
  return from.filter((point) => !known.has(keyOf(point))).slice(0, SHOWN_MAX);
}
