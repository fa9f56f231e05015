import type { Circle } from "../../src/nearby/circle.ts";
import { encodeDown, type Nearby } from "../../src/protocol/down.ts";
import { SNAPSHOT_WAIT_MS } from "../../src/protocol/limits.ts";
import type { Connections } from "./connections.ts";

export interface SnapshotsParts {
  readonly circle: Circle;
  readonly connections: Connections;
  /** The message, as of now. */
  readonly build: () => Nearby;
  /** Connections have had theirs: their copies are out of date. */
  readonly sent: () => void;
}

/** When `nearby` goes out: once every friend has answered, and at the latest after `SNAPSHOT_WAIT_MS`. */
export class Snapshots {
  readonly #parts: SnapshotsParts;
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #waiters = new Set<() => void>();

  constructor(parts: SnapshotsParts) {
    this.#parts = parts;
  }

  /** Resolves when everybody has answered, or the wait is over. */
  settled(): Promise<void> {
    if (this.#parts.circle.settled) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.add(resolve);
      this.sendIfDue();
    });
  }

  /** Sends `nearby` to the connections that wait for it, as soon as all friends have answered. */
  sendIfDue(): void {
    if (this.#waiters.size === 0 && !this.#someoneWaits()) return;
    if (this.#parts.circle.settled) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), SNAPSHOT_WAIT_MS);
  }

  #someoneWaits(): boolean {
    const { circle, connections } = this.#parts;
    if (circle.self.kind !== "active") return false;
    for (const { snapshotSent } of connections.all) if (!snapshotSent) return true;
    return false;
  }

  #send(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
    if (!this.#someoneWaits()) return;
    const { connections, build, sent } = this.#parts;
    const frame = encodeDown(build());
    for (const connection of connections.all) {
      if (connection.snapshotSent) continue;
      connection.snapshotSent = true;
      connections.send(connection, frame);
      connections.note(connection);
    }
    sent();
  }
}
