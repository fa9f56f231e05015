import type { Place } from "../../src/geo/place.ts";
import type { Effect } from "../../src/nearby/effects.ts";
import type { Sighting } from "../../src/nearby/sighting.ts";
import type { PersonId } from "./scenario.ts";

/** What a screen shows of one friend. `rev` is not on the wire; it tells which word of the friend is shown. */
export interface ShownPlace extends Place {
  readonly rev: number;
  readonly errorM: number;
}

/** One client on one open socket. */
export interface Connection {
  readonly device: number;
  snapshotSent: boolean;
  readonly view: Map<PersonId, ShownPlace>;
}

/** The sockets of one person, in the order of opening. The first without a carrier becomes it, as in the object. */
export class Connections {
  readonly #all = new Map<number, Connection>();
  carrier: Connection | null = null;
  carrierNoted = false;

  get size(): number {
    return this.#all.size;
  }
  get all(): Iterable<Connection> {
    return this.#all.values();
  }
  has(device: number): boolean {
    return this.#all.has(device);
  }
  get carrierStale(): boolean {
    return this.carrierNoted || (this.carrier === null && this.#all.size > 0);
  }

  open(device: number): void {
    this.#all.set(device, { device, snapshotSent: false, view: new Map() });
  }

  /** @returns whether the copy of the state went with it */
  close(device: number): boolean {
    const isCarrier = this.carrier?.device === device;
    this.#all.delete(device);
    if (isCarrier) this.carrier = null;
    return isCarrier;
  }

  closeAll(): void {
    this.#all.clear();
    this.carrier = null;
    this.carrierNoted = false;
  }

  /** The socket whose attachment is written next. */
  carry(): void {
    this.carrier ??= this.#all.values().next().value ?? null;
    this.carrierNoted = false;
  }

  noteSnapshot(connection: Connection): void {
    connection.snapshotSent = true;
    if (connection === this.carrier) this.carrierNoted = true;
  }

  forgetSnapshots(): void {
    for (const connection of this.#all.values()) connection.snapshotSent = false;
  }

  broadcast(effect: Extract<Effect, { kind: "show" | "hide" }>): void {
    for (const { snapshotSent, view } of this.#all.values()) {
      if (!snapshotSent) continue;
      if (effect.kind === "show") view.set(effect.no, placeOf(effect.sighting));
      else view.delete(effect.no);
    }
  }
}

export function placeOf({ lat, lng, rev, errorM }: Sighting): ShownPlace {
  return { lat, lng, rev, errorM };
}
