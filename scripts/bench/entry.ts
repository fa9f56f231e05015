/** What a bench is to the command: how it is asked for, what it takes, and what it hands back. */

/** What is counted; each is an option of the same name with two dashes. */
export const NUMBER_NAMES = ["users", "friends", "active", "seconds", "rounds", "rate", "updates"] as const;
export type NumberName = (typeof NUMBER_NAMES)[number];

/** The servers that can be compared, in the order of the tables. */
export const TARGET_NAMES = ["ours", "classic", "floor"] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

export interface Bounds {
  /** When the option is not given. */
  readonly fallback: number;
  /** Default 1. */
  readonly min?: number;
  /** By the other numbers where it depends on them; then the default gives way to it. */
  readonly max: number | ((number: Asked["number"]) => number);
}

export interface Bench {
  /** `history` is asked for by `--history`, the workload `storm` by `--workload storm`. */
  readonly name: string;
  readonly kind: "option" | "workload";
  readonly numbers: Readonly<Partial<Record<NumberName, Bounds>>>;
  /** What it can measure; all of them when nothing is said. Without it, `--targets` is refused. */
  readonly targets?: readonly TargetName[];
  /** It takes `--tracks FILE`. */
  readonly takesTracks?: true;
  /** What is wrong with options that are good one by one. */
  readonly problemOf?: (asked: Asked) => string | undefined;
  readonly run: (asked: Asked, around: Around) => Promise<Outcome>;
}

/** The options of a run, with the defaults filled in. To ask for one that the bench does not take is a bug, and throws. */
export interface Asked {
  number(name: NumberName): number;
  readonly targets: readonly TargetName[];
  /** Undefined when not given. */
  readonly tracks: string | undefined;
}

export interface Around {
  /** Aborted by Ctrl-C and by `onFailure`: the bench ends, and whatever it started with it. */
  readonly signal: AbortSignal;
  readonly onFailure: (error: Error) => void;
}

export interface Outcome {
  /** What `--json` prints. */
  readonly report: object;
  /** What is printed else. */
  readonly text: string;
  /** What did not come out as it must; the command then exits with 1. */
  readonly failures: readonly string[];
  /** Its text is one for docs/benchmarks.md: nothing was cut short. Without it, the bench has no section there. */
  readonly isOfRecord?: boolean;
}
