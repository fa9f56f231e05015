/**
 * People among cells on virtual time: the code that decides whom to call, in users' objects and in cells, as it is; only
 * the calls between them are calls of functions here, and counted.
 */
import { blurredPlace } from "../../../src/geo/coarse.ts";
import type { Place } from "../../../src/geo/place.ts";
import { Cell, type Reply } from "../../../src/strangers/cell.ts";
import type { Chance } from "../../../src/strangers/members.ts";
import { type Cells, Rounds } from "../../../src/strangers/rounds.ts";
import { readShardName, type Shard, UNSPLIT } from "../../../src/strangers/shards.ts";
import { seededRandom } from "../../town/random.ts";

const RADIUS_M = 8046.72;
const INACTIVE_AFTER_MS = 600_000;
/** As users' objects ask for. */
const LIMIT = 60;
const START_MS = Date.UTC(2026, 0, 1);
const SECOND_MS = 1_000;

export interface CrowdOptions {
  readonly people: number;
  readonly everyMs: number;
  /** The people come evenly over so long. */
  readonly arriveMs: number;
  readonly forMs: number;
  /** Where the person with this index is at their `step`-th report. */
  readonly place: (index: number, step: number) => Place;
  readonly onReport?: () => void;
}

export interface CrowdFigures {
  readonly people: number;
  readonly reports: number;
  readonly callsMean: number;
  readonly callsMost: number;
  /** Objects of cells that were called. */
  readonly objects: number;
  /** Most requests that one of them had in a second, calls of its shards included, and its name. */
  readonly peakPerS: number;
  readonly busiest: string;
  /** The most people in one of them. */
  readonly membersMost: number;
  /** People shown to somebody, on average over the last report of each. */
  readonly shownMean: number;
}

interface Served {
  readonly shard: Shard;
  readonly cell: Cell;
  second: number;
  inSecond: number;
  peak: number;
}

/** All objects of cells, and what they are asked. */
class Ground implements Cells {
  readonly #objects = new Map<string, Served>();
  readonly #chance: Chance;
  now = START_MS;
  calls = 0;
  readonly user: { name: string } = { name: "" };

  constructor() {
    const random = seededRandom(1);
    const bits = (): number => Math.floor(random() * 2 ** 32);
    this.#chance = { bits, id: () => bits().toString(36) };
  }

  get objects(): IterableIterator<Served> {
    return this.#objects.values();
  }

  report(name: string, report: Parameters<Cells["report"]>[1]): Promise<Reply> {
    const object = this.#request(name);
    const reply = object.cell.report(report, this.now, this.#chance);
    this.#sync(object);
    return Promise.resolve(reply);
  }

  ask(name: string, question: Parameters<Cells["ask"]>[1]): Promise<Reply> {
    const object = this.#request(name);
    const reply = object.cell.ask(question, this.now);
    this.#sync(object);
    return Promise.resolve(reply);
  }

  leave(name: string): void {
    this.#request(name).cell.leave(this.user.name);
  }

  #request(name: string): Served {
    this.calls += 1;
    return this.#object(name);
  }

  #object(name: string): Served {
    let object = this.#objects.get(name);
    if (object === undefined) {
      const shard = readShardName(name);
      object = { shard, cell: new Cell(shard, RADIUS_M, UNSPLIT), second: 0, inSecond: 0, peak: 0 };
      this.#objects.set(name, object);
    }
    const second = Math.floor(this.now / SECOND_MS);
    if (second !== object.second) object.inSecond = 0;
    object.second = second;
    object.inSecond += 1;
    object.peak = Math.max(object.peak, object.inSecond);
    return object;
  }

  /** No call of a user's, but a request for the object that knows the level. */
  #sync({ shard, cell }: Served): void {
    const question = cell.question(this.now);
    if (question !== null) cell.told(this.#object(shard.cell).cell.hear(question, this.now));
  }
}

export async function runCrowd(options: CrowdOptions): Promise<CrowdFigures> {
  const { people, everyMs, arriveMs, forMs, place, onReport } = options;
  const ground = new Ground();
  const visitors = Array.from({ length: people }, (_, index) => {
    const user = `person-${index}`;
    const comesMs = (index * arriveMs) / people;
    const rounds = new Rounds({ user, radiusM: RADIUS_M, limit: LIMIT, cells: ground, isOpen: () => true });
    return { index, user, comesMs, rounds, step: 0, shown: 0 };
  });
  const inOrder = visitors.toSorted((a, b) => (a.comesMs % everyMs) - (b.comesMs % everyMs));
  let [reports, calls, callsMost, membersMost] = [0, 0, 0, 0];
  for (let periodMs = 0; periodMs < forMs; periodMs += everyMs) {
    for (const visitor of inOrder) {
      const atMs = periodMs + (visitor.comesMs % everyMs);
      if (atMs < visitor.comesMs) continue;
      ground.now = START_MS + atMs;
      ground.user.name = visitor.user;
      const before = ground.calls;
      const spot = blurredPlace(place(visitor.index, visitor.step));
      const answers = await visitor.rounds.go({ ...spot, ts: ground.now, until: ground.now + INACTIVE_AFTER_MS });
      visitor.step += 1;
      visitor.shown = answers.flat().length;
      reports += 1;
      calls += ground.calls - before;
      callsMost = Math.max(callsMost, ground.calls - before);
      onReport?.();
    }
    for (const { cell } of ground.objects) membersMost = Math.max(membersMost, cell.size);
  }
  const objects = [...ground.objects].toSorted((a, b) => b.peak - a.peak);
  const [busiest] = objects;
  return {
    people,
    reports,
    callsMean: calls / reports,
    callsMost,
    objects: objects.length,
    peakPerS: busiest?.peak ?? 0,
    busiest: busiest === undefined ? "" : `${busiest.shard.cell}, level ${busiest.shard.level}`,
    membersMost,
    shownMean: visitors.reduce((sum, { shown }) => sum + shown, 0) / people,
  };
}
