/** Who reports what and when, in order of time. */
import { type Place, roundPlace } from "../../src/geo/place.ts";
import type { Tracks } from "../town/tracks.ts";

export interface Update {
  /** Index of the person. */
  readonly person: number;
  readonly atMs: number;
  /** When the person was there. */
  readonly fixMs: number;
  readonly place: Place;
}

export interface UpdateOptions {
  readonly stepMs: number;
  /** A fix of this age is not sent any more. */
  readonly staleAfterMs: number;
  readonly random: () => number;
}

interface Sender {
  readonly person: number;
  readonly fixes: { readonly atMs: number; readonly place: Place }[];
  /** How many of the fixes are in the past. */
  passed: number;
  /** When in each step this person reports, ms. */
  phaseMs: number;
}

/** Everybody reports once a step, each at an own moment in it, from the first fix of the tracks to the last one. */
export class Updates {
  readonly startMs: number;
  readonly steps: number;
  readonly #endMs: number;
  readonly #options: UpdateOptions;
  /** In the order in which they report. */
  readonly #senders: readonly Sender[];

  constructor({ entities, fixes }: Tracks, options: UpdateOptions) {
    const senders = entities.map((_, person): Sender => ({ person, fixes: [], passed: 0, phaseMs: 0 }));
    let [startMs, endMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { entity, atS, lat, lng } of fixes) {
      const atMs = Math.round(atS * 1000);
      startMs = Math.min(startMs, atMs);
      endMs = Math.max(endMs, atMs);
      // The grid of stored positions, as a frame that is decoded.
      senders[entity]?.fixes.push({ atMs, place: roundPlace({ lat, lng }) });
    }
    for (const sender of senders) sender.phaseMs = Math.floor(options.random() * options.stepMs);
    this.startMs = startMs;
    this.#endMs = endMs;
    this.steps = Math.floor((endMs - startMs) / options.stepMs) + 1;
    this.#options = options;
    this.#senders = senders.toSorted((a, b) => a.phaseMs - b.phaseMs);
  }

  /** The updates of one step, from 0. Steps are asked for in order, each once. */
  *of(step: number): Generator<Update> {
    const { stepMs, staleAfterMs } = this.#options;
    for (const sender of this.#senders) {
      const atMs = this.startMs + step * stepMs + sender.phaseMs;
      if (atMs > this.#endMs) return;
      const { fixes } = sender;
      while ((fixes[sender.passed]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) sender.passed += 1;
      const fix = fixes[sender.passed - 1];
      if (fix === undefined || atMs - fix.atMs >= staleAfterMs) continue;
      yield { person: sender.person, atMs, fixMs: fix.atMs, place: fix.place };
    }
  }
}
