/** Rounds in which every target has its turn: what is compared ran next to each other, on a machine in the same mood. */
import { progress } from "../progress.ts";
import { median, round } from "./figures.ts";

/** The figures of each target in one round, by its label. */
export type Round<F> = ReadonlyMap<string, F>;

export interface Turns<F> {
  /** Those that were measured whole. */
  readonly rounds: readonly Round<F>[];
  readonly asked: number;
  readonly isComplete: boolean;
}

export interface TurnsOptions<T, F> {
  readonly targets: readonly T[];
  readonly rounds: number;
  readonly signal: AbortSignal;
  /** @param index of the round, from 0 */
  readonly measure: (target: T, index: number) => Promise<F>;
}

/**
 * Measures each target once in each round. Who begins changes from round to round: whoever comes second finds a warmer
 * machine. When the signal is aborted after at least one whole round, the promise resolves with what there is by then.
 */
export async function takeTurns<T extends { readonly label: string }, F>(
  options: TurnsOptions<T, F>,
): Promise<Turns<F>> {
  const { targets, rounds: asked, signal, measure } = options;
  const bar = progress("rounds", asked * targets.length);
  const rounds: Round<F>[] = [];
  try {
    while (rounds.length < asked) {
      const index = rounds.length;
      const figures = new Map<string, F>();
      for (const target of rotated(targets, index)) {
        signal.throwIfAborted();
        figures.set(target.label, await measure(target, index));
        bar.tick();
      }
      rounds.push(figures);
    }
  } catch (error) {
    if (!signal.aborted || rounds.length === 0) throw error;
  } finally {
    bar.done();
  }
  return { rounds, asked, isComplete: rounds.length === asked };
}

/** The same in the same order, beginning with another one in each round. */
export function rotated<T>(items: readonly T[], index: number): T[] {
  const first = items.length === 0 ? 0 : index % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Over rounds; null when one of the values is not known. */
export function spreadOf(values: readonly (number | null)[], digits: number): Spread | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0 || known.length < values.length) return null;
  return {
    median: round(median(known), digits),
    min: round(Math.min(...known), digits),
    max: round(Math.max(...known), digits),
  };
}

export interface Ratio extends Spread {
  /** What is divided, such as `deliveries/s`. */
  readonly what: string;
  readonly of: string;
  readonly to: string;
}

const RATIO_DIGITS = 3;

/** How one target does beside another, over the ratios of the rounds; null when one of them was not measured. */
export function ratioOf<F>(
  rounds: readonly Round<F>[],
  { what, of, to, read }: Pick<Ratio, "what" | "of" | "to"> & { read: (figures: F) => number },
): Ratio | null {
  const ratios = rounds.map((each) => {
    const [upper, lower] = [each.get(of), each.get(to)];
    return upper === undefined || lower === undefined ? null : read(upper) / read(lower);
  });
  const spread = spreadOf(ratios, RATIO_DIGITS);
  return spread === null ? null : { what, of, to, ...spread };
}

export function roundsText({
  rounds,
  roundsAsked,
  isComplete,
}: {
  readonly rounds: readonly unknown[];
  readonly roundsAsked: number;
  readonly isComplete: boolean;
}): string {
  const how = "median (least - most)";
  return isComplete
    ? `${how} of ${rounds.length} rounds`
    : `INCOMPLETE: ${how} of ${rounds.length} rounds, of ${roundsAsked} asked for`;
}

/** Whether a target was met, and by how much it was missed. */
export function verdict({ median: middle }: Ratio, target: number): string {
  if (middle >= target) return `; at least ${target} is asked for: met`;
  return `; at least ${target} is asked for: missed by ${(target - middle).toFixed(3)}`;
}
