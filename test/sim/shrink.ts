import { type Build, REAL } from "./core.ts";
import { run } from "./run.ts";
import type { Fate, Scenario } from "./scenario.ts";

/** Runs that one shrinking may cost. A shrunk scenario takes well below a millisecond. */
const RUNS_MAX = 4_000;
const PLAIN_WAY_MS = 20;

/**
 * The smallest scenario found that breaks the same rule: without the people, friendships, actions and strokes of fate that
 * do not matter (delta debugging: A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002).
 *
 * @returns null when the scenario does not fail
 */
export function shrink(scenario: Scenario, build: Build = REAL): Scenario | null {
  const { failure, fates } = run(scenario, build);
  if (failure === null) return null;
  let runsLeft = RUNS_MAX;
  const fails = (candidate: Scenario): boolean => {
    runsLeft -= 1;
    return runsLeft > 0 && run(candidate, build).failure?.rule === failure.rule;
  };
  const isEarly = ({ at }: { at: number }): boolean => at <= failure.atMs;
  const cut = { ...scenario, actions: scenario.actions.filter(isEarly) };
  const fixed: Scenario = { ...cut, fates: Object.fromEntries(fates), weather: null };
  let best = fails(fixed) ? fixed : fails(cut) ? cut : scenario;
  for (;;) {
    const smaller = round(best, fails);
    const isDone = sizeOf(smaller) >= sizeOf(best) || runsLeft <= 0;
    best = smaller;
    if (isDone) break;
  }
  return { ...best, note: `${best.note}: ${failure.rule}` };
}

function sizeOf({ people, friends, actions, fates }: Scenario): number {
  return people.length + friends.length + actions.length + JSON.stringify(fates).length;
}

function round(start: Scenario, fails: (candidate: Scenario) => boolean): Scenario {
  let best = start;
  const take = (candidate: Scenario): boolean => {
    if (!fails(candidate)) return false;
    best = candidate;
    return true;
  };
  reduce(best.people, (people) => take(without(best, new Set(people.map(({ id }) => id)))));
  reduce(best.friends, (friends) => take({ ...best, friends: [...friends] }));
  reduce(best.actions, (actions) => take({ ...best, actions: [...actions] }));
  reduce(Object.entries(best.fates), (fates) => take({ ...best, fates: Object.fromEntries(fates) }));
  take({ ...best, people: best.people.map(({ id }) => ({ id, skewMs: 0 })) });
  for (const [name, fate] of Object.entries(best.fates)) {
    for (const plainer of plainerThan(fate)) {
      if (take({ ...best, fates: { ...best.fates, [name]: plainer } })) break;
    }
  }
  return best;
}

/** Only these people, and what concerns nobody else. */
function without(scenario: Scenario, stay: ReadonlySet<number>): Scenario {
  return {
    ...scenario,
    people: scenario.people.filter(({ id }) => stay.has(id)),
    friends: scenario.friends.filter(([a, b]) => stay.has(a) && stay.has(b)),
    actions: scenario.actions.filter(
      (action) => stay.has(action.who) && (!("friend" in action) || stay.has(action.friend)),
    ),
    fates: Object.fromEntries(
      Object.entries(scenario.fates).filter(([name]) =>
        (name.match(/\d+(?=[>!#])/g) ?? []).every((id) => stay.has(+id)),
      ),
    ),
  };
}

function plainerThan(fate: Fate): Fate[] {
  const { lost, again } = fate;
  const kept = { ...(lost === undefined ? {} : { lost }), ...(again === undefined ? {} : { again }) };
  return [
    { ...kept, out: PLAIN_WAY_MS, back: PLAIN_WAY_MS },
    { ...kept, out: fate.out, back: PLAIN_WAY_MS },
    { ...kept, out: PLAIN_WAY_MS, back: fate.back },
    { ...kept, out: fate.out, back: fate.back },
  ].filter((plainer) => JSON.stringify(plainer).length < JSON.stringify(fate).length);
}

/** Drops ever smaller parts of a list as long as `isEnough` holds for what is left. */
function reduce<T>(list: readonly T[], isEnough: (rest: readonly T[]) => boolean): void {
  let rest = list;
  for (
    let size = Math.ceil(rest.length / 2);
    size >= 1 && rest.length > 0;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let start = 0; start < rest.length;) {
      const fewer = [...rest.slice(0, start), ...rest.slice(start + size)];
      if (isEnough(fewer)) rest = fewer;
      else start += size;
    }
  }
}
