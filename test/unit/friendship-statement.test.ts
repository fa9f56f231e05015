/** Friendship from two statements: whatever is lost, late, repeated or reordered, both sides agree in the end. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  ask,
  hear,
  type Pair,
  refuse,
  SILENT,
  type Standing,
  standingOf,
  type Statement,
} from "../../src/friendship/statement.ts";

const STRANGERS: Pair = { mine: SILENT, theirs: SILENT };
const NOW = 1_000;

const yes = (rev: number, refuses = 0): Statement => ({ wants: true, rev, refuses });
const no = (rev: number, refuses = 0): Statement => ({ wants: false, rev, refuses });

describe("standingOf", () => {
  test.each<[string, Statement, Statement, Standing]>([
    ["nobody said anything", SILENT, SILENT, "none"],
    ["I asked", yes(1), SILENT, "outgoing"],
    ["they asked", SILENT, yes(1), "incoming"],
    ["both want", yes(1), yes(1), "friend"],
    ["I asked, they declined", yes(1), no(2, 1), "none"],
    ["they asked, I declined", no(2, 1), yes(1), "none"],
    ["I declined, they asked again", no(2, 1), yes(3), "incoming"],
    ["they declined, I asked again", yes(3), no(2, 1), "outgoing"],
    ["I declined, then asked; their old yes stays cancelled", yes(5, 3), yes(3), "outgoing"],
    ["they declined, then asked; my old yes stays cancelled", yes(3), yes(5, 3), "incoming"],
    ["both declined", no(5, 3), no(5, 3), "none"],
    ["my no cancels up to its rev, and not the next", no(9, 4), yes(5), "incoming"],
  ])("%s: %o %o", (_title, mine, theirs, expected) => {
    expect(standingOf({ mine, theirs })).toBe(expected);
  });

  test("seen from the other side it is the mirror", () => {
    const statement = fc.record({ wants: fc.boolean(), rev: fc.nat(6), refuses: fc.nat(6) });
    fc.assert(
      fc.property(statement, statement, (mine, theirs) => {
        expect(standingOf({ mine: theirs, theirs: mine })).toBe(mirror(standingOf({ mine, theirs })));
      }),
    );
  });
});

describe("one side", () => {
  test("asking and accepting are the same word", () => {
    expect(ask(STRANGERS, NOW)).toEqual({ mine: yes(NOW), theirs: SILENT });
    expect(ask({ mine: SILENT, theirs: yes(500) }, NOW)).toEqual({ mine: yes(NOW), theirs: yes(500) });
  });

  test("asking twice says nothing new: the same pair comes back", () => {
    for (const pair of [
      { mine: yes(1), theirs: SILENT },
      { mine: yes(1), theirs: yes(1) },
    ]) {
      expect(ask(pair, NOW)).toBe(pair);
    }
  });

  test("refusing where nothing stands says nothing", () => {
    for (const pair of [STRANGERS, { mine: no(2, 1), theirs: yes(1) }, { mine: yes(1), theirs: no(2, 1) }]) {
      expect(refuse(pair, NOW)).toBe(pair);
    }
  });

  test("a refusal cancels the newest word heard, and never cancels less than an earlier one did", () => {
    expect(refuse({ mine: yes(1), theirs: yes(7) }, NOW)).toEqual({ mine: no(NOW, 7), theirs: yes(7) });
    expect(refuse({ mine: yes(10, 8), theirs: no(7) }, NOW).mine).toEqual(no(NOW, 8));
  });

  test("asking again keeps what was refused before", () => {
    expect(ask({ mine: no(5, 3), theirs: yes(3) }, NOW).mine).toEqual(yes(NOW, 3));
  });

  test("a word is above every rev that either side has named, with any clock", () => {
    expect(ask({ mine: no(50, 3), theirs: no(20, 60) }, 10).mine.rev).toBe(61);
    expect(refuse({ mine: yes(50), theirs: yes(20) }, 10).mine.rev).toBe(51);
  });

  test("hearing keeps the newest by rev: older and repeated words change nothing", () => {
    const pair = { mine: yes(1), theirs: no(5, 1) };
    expect(hear(pair, yes(4))).toBe(pair);
    expect(hear(pair, no(5, 1))).toBe(pair);
    expect(hear(pair, yes(6))).toEqual({ mine: yes(1), theirs: yes(6) });
  });
});

describe("two sides", () => {
  test("crossing requests become a friendship", () => {
    const a = ask(STRANGERS, 100);
    const b = ask(STRANGERS, 100);
    expect(standingOf(hear(a, b.mine))).toBe("friend");
    expect(standingOf(hear(b, a.mine))).toBe("friend");
  });

  test("unfriend overtaken by an older yes that is still in flight: no friends again", () => {
    // B accepts; the word takes two ways, and the second is slow. A unfriends; B hears it, and says nothing new.
    let a = ask(STRANGERS, 100);
    let b = ask(hear(STRANGERS, a.mine), 200);
    const slowYes = b.mine;
    a = refuse(hear(a, b.mine), 300);
    expect(standingOf(a)).toBe("none");
    a = hear(a, slowYes);
    b = hear(b, a.mine);
    expect([standingOf(a), standingOf(b)]).toEqual(["none", "none"]);
  });

  test("the yes that B said before A's no, of which A had not heard, is a request: A may still answer it", () => {
    const asked = ask(STRANGERS, 100);
    const b = ask(hear(STRANGERS, asked.mine), 200);
    const cancelled = refuse(asked, 250);
    const a = hear(cancelled, b.mine);
    expect([standingOf(a), standingOf(hear(b, a.mine))]).toEqual(["incoming", "outgoing"]);
  });

  test("asking after both said no begins anew: the other has to accept", () => {
    let a: Pair = { mine: yes(1), theirs: yes(1) };
    let b: Pair = { mine: yes(1), theirs: yes(1) };
    [a, b] = [refuse(a, 10), refuse(b, 10)];
    [a, b] = [hear(a, b.mine), hear(b, a.mine)];
    a = ask(a, 20);
    b = hear(b, a.mine);
    expect([standingOf(a), standingOf(b)]).toEqual(["outgoing", "incoming"]);
    b = ask(b, 30);
    expect([standingOf(hear(a, b.mine)), standingOf(b)]).toEqual(["friend", "friend"]);
  });
});

type Side = "a" | "b";
type Step =
  | { readonly kind: "ask" | "refuse"; readonly side: Side; readonly now: number }
  | { readonly kind: "deliver"; readonly side: Side; readonly which: number };

const sides = fc.constantFrom<Side>("a", "b");
const words = fc.record({
  kind: fc.constantFrom("ask" as const, "refuse" as const),
  side: sides,
  // Clocks that stand still, jump and go back.
  now: fc.nat(30),
});
const deliveries = fc.record({ kind: fc.constant("deliver" as const), side: sides, which: fc.nat(1_000) });
const storms = fc.array<Step>(fc.oneof(words, deliveries), { maxLength: 40 });

/** Two sides and every word that either has ever said: any of them may arrive at any time, or never, or twice. */
class Couple {
  a: Pair = STRANGERS;
  b: Pair = STRANGERS;
  readonly said: Record<Side, Statement[]> = { a: [], b: [] };

  step(step: Step): void {
    const { side } = step;
    if (step.kind === "deliver") {
      const from = this.said[side === "a" ? "b" : "a"];
      const word = from[step.which % Math.max(1, from.length)];
      if (word !== undefined) this[side] = hear(this[side], word);
      return;
    }
    const before = this[side];
    this[side] = step.kind === "ask" ? ask(before, step.now) : refuse(before, step.now);
    if (this[side] !== before) this.said[side].push(this[side].mine);
  }

  settle(): void {
    [this.a, this.b] = [hear(this.a, this.b.mine), hear(this.b, this.a.mine)];
  }
}

/** The pair without wishes that were refused: their side drops them, the other side's copy need not hear of it. */
function inForce({ mine, theirs }: Pair): Pair {
  return {
    mine: { ...mine, wants: mine.wants && mine.rev > theirs.refuses },
    theirs: { ...theirs, wants: theirs.wants && theirs.rev > mine.refuses },
  };
}

test("a wish that was refused is over, also when the one who refused has forgotten it and asks", () => {
  const asked = ask({ mine: SILENT, theirs: SILENT }, 1_000);
  const refused = hear(asked, { wants: false, rev: 2_000, refuses: asked.mine.rev });
  expect(standingOf(refused)).toBe("none");
  expect(standingOf(hear(refused, { wants: true, rev: 3_000, refuses: 0 }))).toBe("incoming");
});

describe("random interleavings", () => {
  test("after a last delivery both ways, both halves are equal", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(storms, (steps) => {
        const couple = new Couple();
        for (const step of steps) couple.step(step);
        couple.settle();
        expect(inForce(couple.b)).toEqual(inForce({ mine: couple.a.theirs, theirs: couple.a.mine }));
        expect(standingOf(couple.b)).toBe(mirror(standingOf(couple.a)));
        seen.add(standingOf(couple.a));
      }),
      { seed: 19, numRuns: 3_000 },
    );
    expect([...seen].toSorted()).toEqual(["friend", "incoming", "none", "outgoing"]);
  });

  test("never friends when the newest word of one side is a no, or when a yes was refused and not said again", () => {
    let refusals = 0;
    fc.assert(
      fc.property(storms, (steps) => {
        const couple = new Couple();
        // Rev of the newest yes of each side that the other has heard and answered with a no.
        const refused: Record<Side, number> = { a: 0, b: 0 };
        for (const step of steps) {
          const [me, other]: [Side, Side] = step.side === "a" ? ["a", "b"] : ["b", "a"];
          const before = couple[me];
          couple.step(step);
          if (step.kind === "refuse" && couple[me] !== before) {
            refused[other] = Math.max(refused[other], before.theirs.rev);
            refusals += 1;
          }
        }
        couple.settle();
        const cancelled = (side: Side): boolean => !couple[side].mine.wants || couple[side].mine.rev <= refused[side];
        const isFriend = standingOf(couple.a) === "friend";
        expect(isFriend).toBe(!cancelled("a") && !cancelled("b"));
      }),
      { seed: 23, numRuns: 3_000 },
    );
    expect(refusals).toBeGreaterThan(1_000);
  });

  test("a refusal holds at once on the side that said it, whatever arrives of what was said before", () => {
    fc.assert(
      fc.property(storms, sides, fc.array(fc.nat(1_000), { maxLength: 10 }), (steps, side, late) => {
        const couple = new Couple();
        for (const step of steps) couple.step(step);
        couple.settle();
        fc.pre(standingOf(couple[side]) === "friend");
        couple.step({ kind: "refuse", side, now: 0 });
        for (const which of late) {
          couple.step({ kind: "deliver", side, which });
          expect(standingOf(couple[side])).toBe("none");
        }
        couple.settle();
        expect([standingOf(couple.a), standingOf(couple.b)]).toEqual(["none", "none"]);
      }),
      { seed: 29, numRuns: 500 },
    );
  });

  test("asking makes friends of who wants, also right after a refusal and with a clock that was set back", () => {
    fc.assert(
      fc.property(storms, fc.nat(30), (steps, now) => {
        const couple = new Couple();
        for (const step of steps) couple.step(step);
        couple.settle();
        for (const side of ["a", "b"] as const) {
          couple.step({ kind: "ask", side, now });
          couple.settle();
        }
        expect([standingOf(couple.a), standingOf(couple.b)]).toEqual(["friend", "friend"]);
      }),
      { seed: 31, numRuns: 1_000 },
    );
  });
});

function mirror(standing: Standing): Standing {
  switch (standing) {
    case "incoming":
      return "outgoing";
    case "outgoing":
      return "incoming";
    case "none":
    case "friend":
      return standing;
  }
}
