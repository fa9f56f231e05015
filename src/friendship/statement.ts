/**
 * One side's word about a pair of people. Each side keeps its own and the newest it heard of the other; nothing else
 * decides a friendship, so repeated, reordered and crossing messages need no special case (docs/architecture.md).
 */
export interface Statement {
  readonly wants: boolean;
  /** Orders the statements of this side: max(last rev + 1, clock in ms). 0 = never said anything. */
  readonly rev: number;
  /** The newest statement of the other side that a "no" of this side cancels. Survives a later "yes". */
  readonly refuses: number;
}

export interface Pair {
  readonly mine: Statement;
  readonly theirs: Statement;
}

/** How the pair stands, seen from one side. */
export type Standing = "none" | "outgoing" | "incoming" | "friend";

export const SILENT: Statement = { wants: false, rev: 0, refuses: 0 };

export function standingOf({ mine, theirs }: Pair): Standing {
  const iWant = mine.wants && mine.rev > theirs.refuses;
  const theyWant = theirs.wants && theirs.rev > mine.refuses;
  if (iWant) return theyWant ? "friend" : "outgoing";
  return theyWant ? "incoming" : "none";
}

/** Ask for friendship, or accept. The same pair back when this side's "yes" stands already. */
export function ask(pair: Pair, now: number): Pair {
  const standing = standingOf(pair);
  if (standing === "outgoing" || standing === "friend") return pair;
  const { mine, theirs } = pair;
  return { mine: { wants: true, rev: nextRev(pair, now), refuses: mine.refuses }, theirs };
}

/** Want the friendship whatever was said before: somebody who may decide for both sides says so. */
export function insist(pair: Pair, now: number): Pair {
  const { mine, theirs } = pair;
  // A new "yes", above everything that the other side has refused; and what this side refused counts no more.
  return {
    mine: { wants: true, rev: nextRev(pair, now), refuses: Math.min(mine.refuses, Math.max(0, theirs.rev - 1)) },
    theirs,
  };
}

/** Unfriend, decline or cancel. The same pair back when there is nothing to end. */
export function refuse(pair: Pair, now: number): Pair {
  if (standingOf(pair) === "none") return pair;
  const { mine, theirs } = pair;
  return { mine: { wants: false, rev: nextRev(pair, now), refuses: Math.max(mine.refuses, theirs.rev) }, theirs };
}

/** The other side's word has arrived, perhaps late or twice: the newest by rev stays. */
export function hear(pair: Pair, theirs: Statement): Pair {
  if (theirs.rev <= pair.theirs.rev) return pair;
  const { mine } = pair;
  // A wish that was refused is over: it may not come to life when the other side has forgotten its "no" and asks.
  const isOver = mine.wants && mine.rev <= theirs.refuses;
  return { mine: isOver ? { ...mine, wants: false } : mine, theirs };
}

/** Above every rev that either side has named, so that a clock that was set back cannot make this word an old one. */
function nextRev({ mine, theirs }: Pair, now: number): number {
  return Math.max(mine.rev + 1, theirs.refuses + 1, now);
}
