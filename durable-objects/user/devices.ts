import { DEVICES_MAX } from "../../src/protocol/limits.ts";
import type { DeviceEntry, DeviceWish } from "./rpc-types.ts";
import type { Sql } from "./sql.ts";

type Stored = { id: string; app: DeviceEntry["app"]; name: string | null; created_at: number };

/** The phone apps that may report for the user with a password of their own. */
export class Devices {
  readonly #sql: Sql;
  /** Read with the first need, which for most users never comes: every report asks. */
  #known: Map<string, DeviceEntry> | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  has(id: string): boolean {
    return this.#all().has(id);
  }

  /** @returns null when there are too many */
  add({ id, app, name }: DeviceWish, now: number): DeviceEntry | null {
    if (this.#all().size >= DEVICES_MAX) return null;
    const device = { id, app, ...(name === undefined ? {} : { name }), createdAt: now };
    this.#sql.all("INSERT INTO device (id, app, name, created_at) VALUES (?, ?, ?, ?)", id, app, name ?? null, now);
    this.#all().set(id, device);
    return device;
  }

  /** The oldest first. */
  list(): DeviceEntry[] {
    return [...this.#all().values()].toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }

  /** @returns whether there was one */
  remove(id: string): boolean {
    if (!this.#all().delete(id)) return false;
    this.#sql.all("DELETE FROM device WHERE id = ?", id);
    return true;
  }

  clear(): void {
    this.#sql.all("DELETE FROM device");
    this.#known = null;
  }

  #all(): Map<string, DeviceEntry> {
    if (this.#known !== null) return this.#known;
    const rows = this.#sql.all<Stored>("SELECT id, app, name, created_at FROM device");
    const known = new Map(
      rows.map(({ id, app, name, created_at }) => [
        id,
        { id, app, ...(name === null ? {} : { name }), createdAt: created_at },
      ]),
    );
    this.#known = known;
    return known;
  }
}
