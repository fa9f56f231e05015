import { hashText } from "./sample.ts";

/*
 * A crowded cell is spread over 2^level shards, by the hash of the user and not by area: the crowd of a stadium is in one
 * place. Each shard holds a random part of the people, so that one of them can answer for all. The object of level 0,
 * which has the cell's own name, knows the level.
 */

/** 1,024 shards: four million people in one cell. */
export const LEVEL_MAX = 10;

/** Above it a cell is split: a question looks at everybody, and an object has one thread. */
export const MEMBERS_MAX = 4_000;

/** The same for reports and questions a second; an object serves 500 to 1,000. A stadium at its edge may make an empty cell a busy one. */
export const REQUESTS_PER_S_MAX = 250;

/** Below this part of either limit a shard does not speak for keeping its level. After a split it has a half, so it does not go back and forth. */
const WORTH_SHARE = 0.25;

/** So long a level is kept after a shard last spoke for it. Longer than anybody is active without a report by default: all have come over by then. */
export const LEASE_MS = 15 * 60_000;

/** How often a shard asks for the level, and speaks for it. */
export const SYNC_EVERY_MS = 60_000;

/** The object that knows the level writes down no more often than this that it is kept: no row per report. */
const NOTE_EVERY_MS = 60_000;

/** An object of a cell. */
export interface Shard {
  readonly cell: string;
  readonly level: number;
  readonly index: number;
}

export function shardOf(cell: string, level: number, user: string): Shard {
  // By the highest bits: a shard falls into two of the next level.
  return { cell, level, index: level === 0 ? 0 : hashText(`${cell} ${user}`) >>> (32 - level) };
}

/** The name of its object. */
export function shardName({ cell, level, index }: Shard): string {
  return level === 0 ? cell : `${cell}/${level}/${index}`;
}

/** @throws Error for a name that `shardName` does not make */
export function readShardName(name: string): Shard {
  const [cell = "", level = "0", index = "0"] = name.split("/");
  const shard = { cell, level: Number(level), index: Number(index) };
  if (shardName(shard) !== name) throw new Error("no name of a cell");
  return shard;
}

/** `more`: split; `keep`: worth its level; `less`: a level below would do. */
export type Need = "more" | "keep" | "less";

export function needOf({ members, requestsPerS }: { members: number; requestsPerS: number }): Need {
  const share = Math.max(members / MEMBERS_MAX, requestsPerS / REQUESTS_PER_S_MAX);
  if (share > 1) return "more";
  return share >= WORTH_SHARE ? "keep" : "less";
}

/** What the object of level 0 keeps. */
export interface Level {
  readonly level: number;
  /** When a shard last spoke for it, ms. */
  readonly keptAt: number;
}

export const UNSPLIT: Level = { level: 0, keptAt: 0 };

/** The level that holds at this time: one less for each lease that ran out, so an empty cell ends with one object. */
export function levelAt({ level, keptAt }: Level, now: number): number {
  return Math.max(0, level - Math.max(0, Math.floor((now - keptAt) / LEASE_MS)));
}

/** What becomes of it when an object of this level says what it needs; the same object when nothing does. */
export function heard(held: Level, said: { level: number; need: Need }, now: number): Level {
  const level = levelAt(held, now);
  // Of another level: whoever says so has not heard of a change.
  if (said.level !== level || said.need === "less") return held;
  if (said.need === "more" && level < LEVEL_MAX) return { level: level + 1, keptAt: now };
  return level === 0 || now - held.keptAt < NOTE_EVERY_MS ? held : { level, keptAt: now };
}

/** Requests a second, over the last whole window. */
export class RequestRate {
  #startedAt = 0;
  #count = 0;
  perS = 0;

  count(now: number): void {
    const passedMs = now - this.#startedAt;
    if (passedMs >= RATE_WINDOW_MS || passedMs < 0) {
      // A gap was a time without requests.
      this.perS = passedMs < 2 * RATE_WINDOW_MS ? (this.#count * 1_000) / RATE_WINDOW_MS : 0;
      this.#startedAt = now;
      this.#count = 0;
    }
    this.#count += 1;
  }
}

/** Short enough to split before a rush is over, long enough that chance does not split. */
const RATE_WINDOW_MS = 5_000;
