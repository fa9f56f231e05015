import { DurableObject } from "cloudflare:workers";

import type { About } from "../../src/observe/steps.ts";
import { ABOUT, type Onward, type Traceable, traced } from "../../src/observe/trace.ts";
import { readSettings } from "../../src/settings.ts";
import { Cell, type Reply } from "../../src/strangers/cell.ts";
import type { Chance, Question, Report } from "../../src/strangers/members.ts";
import { type Level, type Need, readShardName, type Shard, UNSPLIT } from "../../src/strangers/shards.ts";
import { CELL_IN_LOG } from "../user/about.ts";
import { CALL_TIMEOUT_MS, orNull } from "../user/waiting.ts";

/** Of the one row that is ever written, and only in a cell that was crowded. */
const LEVEL_KEY = "level";

const CHANCE: Chance = {
  id: () => crypto.randomUUID(),
  bits: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
};

/**
 * A cell of the globe, or a shard of a crowded one: the people in it who let strangers see them. Called by users' objects
 * and by the shards of the same cell only; everything it knows of people is in memory.
 *
 * An object without a socket is forgotten after ten idle seconds, and people report every thirty: two of them would never
 * meet. A pending timer keeps it, for as long as anybody is in it (in production for at least 70 s after the last call;
 * who was forgotten is back with the next report). It rings when the first of them has been silent for too long.
 */
@traced({ carrying: ["report", "ask", "leave"], brief: ["report", "ask", "leave"] })
export class CellObject extends DurableObject<Env> implements Traceable {
  readonly #shard: Shard;
  readonly #cell: Cell;
  readonly #about: About;
  #noted: Level | null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#shard = readShardName(ctx.id.name ?? "");
    const held = this.#shard.level === 0 ? ctx.storage.kv.get<Level>(LEVEL_KEY) : undefined;
    this.#cell = new Cell(this.#shard, readSettings(env).radiusM, held ?? UNSPLIT);
    this.#noted = this.#cell.held;
    const { slowMs } = readSettings(env);
    this.#about = {
      object: CELL_IN_LOG,
      slowMs,
      patienceMs: CALL_TIMEOUT_MS,
      state: () => ({ people: this.#cell.size, level: this.#shard.level }),
    };
  }

  get [ABOUT](): About {
    return this.#about;
  }

  // RPC from users' objects

  /** Somebody is here: from now on, and until they leave, are silent for too long or report elsewhere. */
  report(report: Report, _onward?: Onward): Reply {
    const now = Date.now();
    const reply = this.#cell.report(report, now, CHANCE);
    this.#keepAwake(now);
    this.#note(now);
    return reply;
  }

  /** From somebody in a cell next to this one, who is not taken in. */
  ask(question: Question, _onward?: Onward): Reply {
    const now = Date.now();
    const reply = this.#cell.ask(question, now);
    this.#note(now);
    return reply;
  }

  leave(user: string, _onward?: Onward): void {
    this.#cell.leave(user);
    if (this.#cell.size === 0) this.#letGo();
  }

  // RPC from shards of this cell

  /** @returns the level of the cell */
  sync(said: { level: number; need: Need }): number {
    const now = Date.now();
    const level = this.#cell.hear(said, now);
    this.#note(now);
    return level;
  }

  /** Writes the level down when it has changed, or asks for it when that is due. */
  #note(now: number): void {
    const { held } = this.#cell;
    if (held !== null && held !== this.#noted) {
      this.#noted = held;
      this.ctx.storage.kv.put(LEVEL_KEY, held);
    }
    const question = this.#cell.question(now);
    if (question !== null) void this.#sync(question);
  }

  async #sync(question: { level: number; need: Need }): Promise<void> {
    // Without an answer the level stays as it is believed to be, and the next turn asks again.
    const level = await orNull(this.env.CELL.getByName(this.#shard.cell).sync(question));
    if (level !== null) this.#cell.told(level);
  }

  #keepAwake(now: number): void {
    if (this.#timer !== null) return;
    const nextAt = this.#cell.sweep(now);
    if (nextAt !== null) this.#timer = setTimeout(() => this.#ring(), Math.max(TIMER_MIN_MS, nextAt - now));
  }

  #ring(): void {
    this.#timer = null;
    this.#keepAwake(Date.now());
  }

  #letGo(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Each ring looks at everybody. */
const TIMER_MIN_MS = 1_000;
