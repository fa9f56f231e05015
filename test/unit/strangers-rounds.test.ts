import { describe, expect, test } from "vitest";

import { cellsAround } from "../../src/geo/cells.ts";
import type { Reply } from "../../src/strangers/cell.ts";
import { CALLS_PER_ROUND_MAX, type Cells, Rounds } from "../../src/strangers/rounds.ts";
import { readShardName, shardName, shardOf } from "../../src/strangers/shards.ts";

const RADIUS_M = 8046.72;
const NOW = Date.UTC(2026, 10, 28, 12);
/** A circle around it meets four cells, one around the other lies within one of them. */
const CORNER = { lat: 37.7786, lng: -122.3893 };
const MIDDLE = { lat: 37.704, lng: -122.52 };

type Call = { verb: "report" | "ask" | "leave"; name: string };

/** Cells that are all of these levels: whoever asks at another one is told so. */
class Levels implements Cells {
  readonly calls: Call[] = [];
  readonly members = new Set<string>();
  readonly levels = new Map<string, number>();
  level = 0;
  isDown = false;
  /** Held back until it resolves. */
  gate: Promise<void> = Promise.resolve();

  async report(name: string): Promise<Reply | null> {
    const reply = await this.#answer("report", name);
    if (reply !== null && "people" in reply) this.members.add(name);
    return reply;
  }

  ask(name: string): Promise<Reply | null> {
    return this.#answer("ask", name);
  }

  leave(name: string): void {
    this.calls.push({ verb: "leave", name });
    this.members.delete(name);
  }

  take(): Call[] {
    return this.calls.splice(0);
  }

  async #answer(verb: "report" | "ask", name: string): Promise<Reply | null> {
    this.calls.push({ verb, name });
    await this.gate;
    if (this.isDown) return null;
    const { cell, level } = readShardName(name);
    const right = this.levels.get(cell) ?? this.level;
    return level === right ? { people: [] } : { moved: right };
  }
}

function start() {
  const cells = new Levels();
  const open = { is: true };
  const parts = { user: "ann", radiusM: RADIUS_M, limit: 60, cells, isOpen: () => open.is };
  const rounds = new Rounds(parts);
  return { cells, open, rounds, parts };
}

const spot = (place: typeof CORNER) => ({ ...place, ts: NOW, until: NOW + 600_000 });
const shardsOf = (place: typeof CORNER, level: number): string[] =>
  cellsAround(place, RADIUS_M).map((cell) => shardName(shardOf(cell, level, "ann")));

describe("a round among the cells", () => {
  test("[DISC10] tells one cell and asks the others that the circle meets", async () => {
    const { cells, rounds } = start();
    expect(await rounds.go(spot(CORNER))).toEqual([[], [], [], []]);
    const [own = "", ...others] = shardsOf(CORNER, 0);
    expect(others).toHaveLength(3);
    expect(cells.take()).toEqual([{ verb: "report", name: own }, ...others.map((name) => ({ verb: "ask", name }))]);
    await rounds.go(spot(MIDDLE));
    expect(cells.take()).toHaveLength(CALLS_PER_ROUND_MAX - 4 + (own === shardsOf(MIDDLE, 0)[0] ? 0 : 1));
  });

  test("[DISC10] four cells, one to leave and four wrong shards are five calls; the rest follows, the own shard first", async () => {
    const { cells, rounds } = start();
    const elsewhere = { lat: 10.05, lng: 10.1 };
    await rounds.go(spot(elsewhere));
    cells.take();
    cells.level = 2;
    const counts: number[] = [];
    const next = async (): Promise<Call[]> => {
      const answers = await rounds.go(spot(CORNER));
      const made = cells.take();
      counts.push(made.length);
      expect(answers.length).toBeLessThanOrEqual(4);
      return made;
    };
    const first = await next();
    expect(first.at(-1)).toEqual({ verb: "leave", name: shardsOf(elsewhere, 0)[0] });
    // What was learnt is not asked for again.
    const second = await next();
    expect(second.map(({ name }) => name)).toEqual(shardsOf(CORNER, 2));
    expect(counts).toEqual([CALLS_PER_ROUND_MAX, 4]);
    // Without anybody to leave there is one call left for the right shard: the own one.
    cells.level = 3;
    const third = await next();
    expect(third.at(-1)).toEqual({ verb: "report", name: shardsOf(CORNER, 3)[0] });
    expect(counts.at(-1)).toBe(CALLS_PER_ROUND_MAX);
    expect([...cells.members].filter((name) => readShardName(name).level === 3)).toEqual([shardsOf(CORNER, 3)[0]]);
  });

  test("[DISC10] what is remembered in 16 bits is where the user is after a loss of memory", async () => {
    const { cells, rounds, parts } = start();
    const [own = "", east = ""] = cellsAround(CORNER, RADIUS_M);
    cells.levels.set(own, 10).set(east, 3);
    await rounds.go(spot(CORNER));
    await rounds.go(spot(CORNER));
    expect(rounds.levels).toBe(10 | (3 << 4));
    cells.take();
    const woken = new Rounds(parts);
    woken.recall(spot(CORNER), rounds.levels);
    expect(woken.isHeld).toBe(true);
    await woken.go(spot(CORNER));
    const names = cells.take().map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual([shardName(shardOf(own, 10, "ann")), shardName(shardOf(east, 3, "ann"))]);
    expect(names).toHaveLength(4);
    woken.withdraw(NOW);
    expect(cells.take()).toEqual([{ verb: "leave", name: shardName(shardOf(own, 10, "ann")) }]);
  });

  test("[DISC8] cells that failed may have the user all the same: all of them are left", async () => {
    const { cells, rounds } = start();
    cells.isDown = true;
    expect(await rounds.go(spot(MIDDLE))).toEqual([]);
    const elsewhere = { lat: 10.05, lng: 10.1 };
    expect(await rounds.go(spot(elsewhere))).toEqual([]);
    cells.take();
    rounds.withdraw(NOW + 1);
    expect(cells.take()).toEqual([{ verb: "leave", name: shardsOf(elsewhere, 0)[0] }]);
    expect(rounds.isHeld).toBe(false);
    // Time has passed for the cell as well.
    await rounds.go(spot(MIDDLE));
    cells.take();
    rounds.withdraw(NOW + 600_000);
    expect([cells.take(), rounds.isHeld]).toEqual([[], false]);
  });

  test("[DISC8] turned off on the way: the round ends, and the next look leaves once more", async () => {
    const { cells, open, rounds } = start();
    const { promise, resolve } = Promise.withResolvers<void>();
    cells.gate = promise;
    const round = rounds.go(spot(MIDDLE));
    open.is = false;
    rounds.withdraw(NOW);
    resolve();
    expect(await round).toEqual([]);
    rounds.withdraw(NOW);
    expect(cells.members.size).toBe(0);
    const name = shardsOf(MIDDLE, 0)[0];
    expect(cells.take().filter(({ verb }) => verb === "leave")).toEqual([
      { verb: "leave", name },
      { verb: "leave", name },
    ]);
  });
});
