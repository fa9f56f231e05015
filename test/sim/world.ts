import { Checks } from "./checks.ts";
import type { Build } from "./core.ts";
import { noCounts } from "./counts.ts";
import { Network, SLOW_WAY_MS } from "./network.ts";
import { SimObject } from "./object.ts";
import { SimPresence } from "./presence.ts";
import { Queue } from "./queue.ts";
import type { PersonId, Scenario } from "./scenario.ts";

/** Runs begin at a true time that no clock error brings below the revs of a person who never spoke (0). */
export const START_MS = 1_750_000_000_000;

export type Log = (line: () => string) => void;

/** Everybody, the network between them, and the clock. */
export class World {
  readonly scenario: Scenario;
  readonly build: Build;
  readonly startMs = START_MS;
  readonly queue = new Queue(START_MS);
  readonly counts = noCounts();
  readonly network: Network;
  readonly presence: SimPresence;
  readonly checks: Checks;
  readonly log: Log | undefined;
  /** Somebody hibernates, or worse. */
  readonly mayForget: boolean;
  readonly #objects = new Map<PersonId, SimObject>();

  constructor(scenario: Scenario, build: Build, log?: Log) {
    this.scenario = scenario;
    this.build = build;
    this.mayForget = this.hadFaults || scenario.actions.some((action) => action.do === "hibernate");
    this.log = log && ((line) => log(() => `${String(this.queue.now - START_MS).padStart(6)} ${line()}`));
    this.network = new Network(this.queue, scenario, this.counts);
    this.presence = new SimPresence(this);
    this.checks = new Checks(this);
    for (const { id, skewMs } of scenario.people) this.#objects.set(id, new SimObject(id, skewMs, this));
    for (const [a, b] of scenario.friends) this.#befriend(this.object(a), this.object(b));
  }

  get objects(): Iterable<SimObject> {
    return this.#objects.values();
  }
  get hadFaults(): boolean {
    return this.scenario.calmAt > 0;
  }
  /** Nothing goes wrong any more, and what was still under way has arrived. */
  get isCalm(): boolean {
    return !this.hadFaults || this.queue.now >= START_MS + this.scenario.calmAt + SLOW_WAY_MS.max;
  }

  /** The same, but what is still under way may be late. */
  get isStill(): boolean {
    return !this.hadFaults || this.queue.now >= START_MS + this.scenario.calmAt;
  }

  object(id: PersonId): SimObject {
    const object = this.#objects.get(id);
    if (object === undefined) throw new Error(`the scenario has no person ${id}`);
    return object;
  }

  #befriend(a: SimObject, b: SimObject): void {
    const yes = { wants: true, rev: 1, refuses: 0 };
    const row = { pair: { mine: yes, theirs: yes }, standing: "friend", muted: false, visibility: "exact" } as const;
    a.table.rows.set(b.id, row);
    b.table.rows.set(a.id, row);
  }
}
