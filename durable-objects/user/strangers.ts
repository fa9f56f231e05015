import { blurredPlace } from "../../src/geo/coarse.ts";
import { distanceM } from "../../src/geo/distance.ts";
import { encodeDown, type Person } from "../../src/protocol/down.ts";
import { DISCOVER_BURST, DISCOVER_MIN_MS, PEOPLE_MAX } from "../../src/protocol/limits.ts";
import { admit } from "../../src/protocol/pace.ts";
import type { Settings } from "../../src/settings.ts";
import type { Reply } from "../../src/strangers/cell.ts";
import { type Cells, Rounds, type Spot } from "../../src/strangers/rounds.ts";
import { merge, type Seen } from "../../src/strangers/sample.ts";
import type { Blocks } from "./blocks.ts";
import type { Connection, Connections } from "./connections.ts";
import type { Friends } from "./friends.ts";
import type { Live } from "./live.ts";
import { orNull } from "./waiting.ts";
import type { ProfileStore } from "./profile.ts";
import type { CellStub, Stubs } from "./stubs.ts";

/**
 * People asked for: friends and blocked people are left out here, where they are known. The sample stays uniform however
 * many of these there are; only if they are more than two of three it may hold fewer than `PEOPLE_MAX`.
 */
export const SAMPLE_MAX = 3 * PEOPLE_MAX;

export interface StrangersParts {
  readonly user: string;
  readonly cells: Stubs<CellStub>;
  readonly settings: Settings;
  readonly profile: ProfileStore;
  readonly friends: Friends;
  readonly blocks: Blocks;
  readonly connections: Connections;
  readonly live: Live;
}

/**
 * Nearby people who are not friends: tells the cell of the user where the user is, and the clients who else is there. Only
 * while the user is discoverable, active and sharing, and at least one client has opted in; for everybody else it does
 * nothing at all. The exact place never leaves this object.
 */
export class Strangers {
  readonly #parts: StrangersParts;
  readonly #rounds: Rounds;
  #isAsking = false;
  #asksAgain = false;
  #paceTat = 0;

  constructor(parts: StrangersParts) {
    this.#parts = parts;
    const { user, cells, settings } = parts;
    this.#rounds = new Rounds({
      user,
      radiusM: settings.radiusM,
      limit: SAMPLE_MAX,
      cells: callsTo(cells, user),
      isOpen: () => this.#isOpen,
    });
    this.#recall();
  }

  /** A client opts in or out. */
  turn(connection: Connection, on: boolean, now: number): void {
    if (on === (connection.discovery !== null)) return;
    if (!on) this.#clear(connection);
    connection.discovery = on ? { shown: false, levels: this.#rounds.levels } : null;
    this.#parts.connections.note(connection);
    // Others of the user's clients may have a list: this one gets it, too.
    if (on) this.refresh(now);
    else this.settle(now);
  }

  /** The user is somewhere else. */
  moved(): void {
    if (this.#isOpen) this.#look();
  }

  /** Something may have changed about whether the user wants to be seen: it holds at once. */
  settle(now: number): void {
    if (!this.#isOpen) this.#withdraw(now);
    else if (!this.#rounds.isHeld) this.refresh(now);
  }

  /** The list is no longer right although the user has not moved. */
  refresh(now: number): void {
    if (!this.#isOpen) return;
    const admission = admit(this.#paceTat, now, DISCOVER_BURST, DISCOVER_MIN_MS);
    if (!admission.ok) return;
    this.#paceTat = admission.tatMs;
    this.#look();
  }

  /** Strangers may see the user, and the other way round. */
  get #isOpen(): boolean {
    const { connections, live, profile } = this.#parts;
    return connections.discovering && live.place !== null && profile.discoverable;
  }

  get #spot(): Spot | null {
    const { place } = this.#parts.live;
    return place === null ? null : { ...blurredPlace(place), ts: place.ts, until: place.activeUntil };
  }

  /** After a wake. */
  #recall(): void {
    for (const { discovery } of this.#parts.connections.all) {
      if (discovery === null) continue;
      const spot = this.#spot;
      if (spot !== null && this.#isOpen) this.#rounds.recall(spot, discovery.levels);
      return;
    }
  }

  /** One question at a time; what comes meanwhile is asked once when it has ended. */
  #look(): void {
    if (this.#isAsking) this.#asksAgain = true;
    else void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    try {
      do {
        this.#asksAgain = false;
        const spot = this.#spot;
        if (spot === null) break;
        const answers = await this.#rounds.go(spot);
        if (this.#isOpen) this.#show(answers);
      } while (this.#asksAgain && this.#isOpen);
    } finally {
      this.#isAsking = false;
    }
    // Somebody may have turned it off while the user was on the way into a cell.
    if (!this.#isOpen) this.#withdraw(Date.now());
  }

  #withdraw(now: number): void {
    this.#rounds.withdraw(now);
    let isChanged = false;
    for (const connection of [...this.#parts.connections.all]) isChanged = this.#clear(connection) || isChanged;
    if (isChanged) this.#parts.live.mirror();
  }

  /** @returns whether this client showed anybody */
  #clear(connection: Connection): boolean {
    const { connections } = this.#parts;
    if (connection.discovery?.shown !== true) return false;
    connections.send(connection, encodeDown({ type: "people", people: [] }));
    connection.discovery = { ...connection.discovery, shown: false };
    connections.note(connection);
    return true;
  }

  /** To the clients that opted in. Attachments change when a list begins or ends, or a cell becomes a crowd: mostly not. */
  #show(answers: readonly (readonly Seen[])[]): void {
    const { connections, live } = this.#parts;
    const people = answers.length === 0 ? null : this.#peopleOf(answers);
    const frame = people === null ? "" : encodeDown({ type: "people", people });
    const { levels } = this.#rounds;
    let isChanged = false;
    for (const connection of [...connections.all]) {
      const { discovery } = connection;
      if (discovery === null) continue;
      const shown = people === null ? discovery.shown : people.length > 0;
      if (people !== null && (shown || discovery.shown)) connections.send(connection, frame);
      if (shown === discovery.shown && levels === discovery.levels) continue;
      connection.discovery = { shown, levels };
      connections.note(connection);
      isChanged = true;
    }
    if (isChanged) live.mirror();
  }

  /** As a client gets to see them, nearest first. */
  #peopleOf(answers: readonly (readonly Seen[])[]): Person[] {
    const { friends, blocks, live } = this.#parts;
    const { place } = live;
    if (place === null) return [];
    const isStranger = (id: string): boolean => friends.byId(id)?.standing !== "friend" && !blocks.between(id);
    return merge(answers, PEOPLE_MAX, isStranger)
      .map((seen) => {
        const { id, lat, lng, ts } = seen;
        return { id, lat, lng, distance: Math.round(distanceM(place, seen) * 10) / 10, ts };
      })
      .toSorted((a, b) => a.distance - b.distance);
  }
}

function callsTo(cells: Stubs<CellStub>, user: string): Cells {
  const leave = (name: string): Promise<void> =>
    cells.call<void>(name, "leave", (stub, onward) => stub.leave(user, onward));
  return {
    report: (name, report) => orNull(cells.call<Reply>(name, "report", (stub, onward) => stub.report(report, onward))),
    ask: (name, question) => orNull(cells.call<Reply>(name, "ask", (stub, onward) => stub.ask(question, onward))),
    // Once more if it fails; beyond that the cell keeps the user for as long as a silent one.
    leave: (name) => void leave(name).catch(() => leave(name).catch(() => {})),
  };
}
