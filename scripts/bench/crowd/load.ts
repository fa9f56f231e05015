/** The load of a crowd: turns that are due whatever the server does, and what came of them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Progress } from "../../progress.ts";
import { Latencies } from "../latencies.ts";
import type { Errors } from "./errors.ts";
import { EvenSchedule, type Turn } from "./schedule.ts";

/** Timers are not finer. */
const TICK_MS = 1;
/** What has not arrived by so long after the last turn is lost. */
const ARRIVE_WAIT_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** The clock of all processes of this machine, ms with fractions: a `ts` is a moment of it. */
export function clockMs(): number {
  return performance.timeOrigin + performance.now();
}

export interface TurnsOptions {
  readonly users: number;
  readonly everyMs: number;
  readonly seconds: number;
  /** Sends what this turn is for. */
  readonly take: (turn: Turn) => void;
  /** What is still to arrive. */
  readonly missing: () => number;
  readonly latencies: Latencies;
  readonly errors: Errors;
  readonly bar: Progress;
  readonly signal: AbortSignal;
}

export interface TurnsTaken {
  readonly turns: number;
  /** How long the turns really lasted. */
  readonly seconds: number;
  /** How long after its moment a turn was taken: this program's own part of the latencies. */
  readonly late: Latencies;
  readonly isComplete: boolean;
}

/** Ends early, with what there is, when the signal is aborted. */
export async function takeTurns(options: TurnsOptions): Promise<TurnsTaken> {
  const { users, everyMs, signal, take, missing } = options;
  const late = new Latencies();
  const startMs = clockMs();
  const endMs = startMs + options.seconds * 1000;
  const schedule = new EvenSchedule({ users, everyMs, startMs });
  let turns = 0;
  let shownS = 0;
  while (schedule.nextMs < endMs && !signal.aborted) {
    const nowMs = clockMs();
    // Not what is due at the end: as many turns as the rate makes of the time.
    for (const turn of schedule.dueBy(Math.min(nowMs, endMs - TICK_MS / 1000))) {
      late.record(clockMs() - turn.dueMs);
      take(turn);
      turns += 1;
    }
    const elapsedS = Math.floor((nowMs - startMs) / 1000);
    if (elapsedS > shownS) {
      show(options, elapsedS - shownS);
      shownS = elapsedS;
    }
    await sleep(Math.max(TICK_MS, schedule.nextMs - clockMs()));
  }
  const seconds = Math.min(options.seconds, (clockMs() - startMs) / 1000);
  const giveUpMs = clockMs() + ARRIVE_WAIT_MS;
  while (missing() > 0 && clockMs() < giveUpMs) await sleep(LOOK_EVERY_MS);
  options.bar.done();
  return { turns, seconds, late, isComplete: !signal.aborted };
}

function show({ bar, errors, latencies }: TurnsOptions, moreS: number): void {
  bar.note(`${errors.count} errors, p99 ${latencies.percentileMs(99) ?? "-"} ms`);
  bar.tick(moreS);
}
