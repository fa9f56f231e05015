import type { Tally } from "../../src/observe/tally.ts";
import type { Circle } from "../../src/nearby/circle.ts";
import type { Agenda } from "./agenda.ts";
import type { ObjectRecord } from "./attachment.ts";
import type { Connections } from "./connections.ts";
import type { Fixes } from "./fixes.ts";
import type { History } from "./history.ts";
import type { Kept } from "./kept.ts";

export interface CopiesParts {
  readonly circle: Circle;
  readonly connections: Connections;
  readonly agenda: Agenda;
  readonly kept: Kept;
  readonly history: History;
  readonly fixes: Fixes;
  readonly tally: Tally;
}

/** The copies of the state outside of memory: one socket's attachment, or, without a socket, a row. */
export class Copies {
  readonly #parts: CopiesParts;
  #mirroredVersion = -1;
  #mirroredUrgency = -1;
  /** `roused` of the core when the row was written. */
  #keptRoused = 0;
  #mirroredAlarmAt: number | null = null;
  #mirroredHistory = -1;

  constructor(parts: CopiesParts) {
    this.#parts = parts;
  }

  /** Brings the copy of the state up to date, if it has to be: a socket's attachment, which costs no row. */
  mirror(): void {
    const { circle, connections, agenda, history } = this.#parts;
    const { version, urgency } = circle;
    const isRestCurrent =
      urgency === this.#mirroredUrgency &&
      agenda.alarmAt === this.#mirroredAlarmAt &&
      history.version === this.#mirroredHistory;
    const isCurrent = isRestCurrent && version === this.#mirroredVersion;
    if (connections.size === 0) {
      // A friend whom the row has as away has come back: who wakes from that row would never meet this friend.
      if (circle.roused !== this.#keptRoused) this.keep();
      return;
    }
    if (isCurrent && !connections.carrierStale) return;
    this.#mirroredVersion = version;
    const { onlyChanged } = circle.changed;
    circle.changed.copied();
    if (!isRestCurrent || onlyChanged === null || !connections.carryOne(onlyChanged)) this.#carryAll();
  }

  #carryAll(): void {
    const { circle, connections, agenda, kept, history } = this.#parts;
    connections.carry(this.#record());
    this.#mirroredHistory = history.version;
    this.#mirroredUrgency = circle.urgency;
    this.#mirroredAlarmAt = agenda.alarmAt;
    // A row from a time without sockets would be restored after a crash, older than what was told since. Its points may
    // have been promised to somebody, and an attachment dies with its socket.
    history.keepPromises(Date.now());
    kept.clear();
  }

  /** The same for changes that a copy may not be late with. */
  mirrorIfUrgent(): void {
    if (this.#parts.circle.urgency !== this.#mirroredUrgency) this.mirror();
  }

  /** Points have become chunks: they leave the copies. */
  pointsStored(): void {
    if (this.#parts.connections.size > 0 || this.#parts.kept.hasPoints) this.keep();
  }

  /** Without a socket the state goes to a row: when the last one closes, and per HTTP report. */
  keep(): void {
    const { circle, connections, kept, history } = this.#parts;
    this.#keptRoused = circle.roused;
    if (connections.size > 0) this.mirror();
    else if (circle.self.kind === "active") kept.write(this.#record());
    else {
      // There is no state that would be worth a row, and points must not depend on one.
      kept.clear();
      history.storeHere(Date.now());
    }
  }

  #record(): ObjectRecord {
    const { circle, agenda, history, fixes, tally } = this.#parts;
    const { rev, sharing, self, complete, keepsNear, contacts } = circle;
    return {
      circle: { rev, sharing, self, complete, keepsNear, contacts: contacts.values() },
      ...fixes.state,
      alarmAt: agenda.alarmAt,
      unsaved: history.unsaved,
      counts: tally.counts,
    };
  }
}
