/** What a crowd needs of the machine, worked out before anything is started. */
import { OBJECT_DESCRIPTORS, FRONTS_MAX, frontsFor, neededFor, type People, roomFor } from "../../serve/descriptors.ts";

/**
 * An object is let go of after ten seconds without an event. It is counted for two more, for those who are late on a busy
 * machine.
 */
export const AWAKE_S = 12;
/** One in so many of the sleepers wakes each second. */
export const WAKING_SHARE = 0.01;
/** Each of them meets its 40 friends: 4,000 meetings/s, about a third of what the runtime can do. */
const CONNECT_PER_S_MAX = 100;
/** Those who sleep have two friends to meet. */
const CONNECT_SLEEPERS_PER_S_MAX = 200;
/** So many must be able to connect in a second, with whatever is left of the open files. */
const CONNECT_SLEEPERS_PER_S_MIN = 20;
/** The load's own process has little open beside its sockets. */
const LOAD_DESCRIPTORS = 100;

export interface Limits {
  /** Open files of a process of the server; undefined where nothing limits them. */
  readonly server: number | undefined;
  /** Of this process, which has a descriptor for each socket. */
  readonly load: number | undefined;
}

export interface Plan {
  readonly fronts: number;
  readonly connectPerS: number;
}

/** A plan, or why there is none, with the number that would do. */
export type Planned = { readonly plan: Plan } | { readonly problem: string };

export function planCrowd(users: number, limits: Limits): Planned {
  const people = { live: users, sleeping: 0 };
  return planFor(people, limits, "are awake all the time", roomOfAll, () => CONNECT_PER_S_MAX);
}

export function planIdle(users: number, limits: Limits): Planned {
  return planFor(sleepers(users), limits, "sleep, while 1 % of them wake each second", roomOfSleepers, (fronts) => {
    if (limits.server === undefined) return CONNECT_SLEEPERS_PER_S_MAX;
    const spare = limits.server - neededFor(sleepers(users), fronts).runtime;
    const more = Math.floor(spare / OBJECT_DESCRIPTORS / AWAKE_S);
    return Math.min(CONNECT_SLEEPERS_PER_S_MAX, CONNECT_SLEEPERS_PER_S_MIN + more);
  });
}

function planFor(
  people: People,
  { server, load }: Limits,
  doing: string,
  room: (limit: number) => number,
  connectPerS: (fronts: number) => number,
): Planned {
  const users = people.live + people.sleeping;
  const loadMost = (load ?? Infinity) - LOAD_DESCRIPTORS;
  if (users > loadMost) {
    return { problem: `this process may have ${load} open files: at most ${loadMost} people can be connected from it` };
  }
  const fronts = server === undefined ? 0 : frontsFor(people, server);
  if (fronts !== undefined) return { plan: { fronts, connectPerS: connectPerS(fronts) } };
  const limit = server ?? Infinity;
  const { runtime } = neededFor(people, FRONTS_MAX);
  return {
    problem:
      `${users} people who ${doing} need ${runtime} open files in the runtime's process, which may have ${limit}: ` +
      `${room(limit)} people fit`,
  };
}

function roomOfAll(limit: number): number {
  return roomFor({ limit, fronts: FRONTS_MAX }).live;
}

/** Of them, those who may be awake at the same time: who were woken, and who are just connecting. */
function sleepers(users: number): People {
  const live = Math.min(users, Math.ceil((users * WAKING_SHARE + CONNECT_SLEEPERS_PER_S_MIN) * AWAKE_S));
  return { live, sleeping: users - live };
}

function roomOfSleepers(limit: number): number {
  let [fits, tooMany] = [0, roomFor({ limit, fronts: FRONTS_MAX }).sleeping + 1];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (frontsFor(sleepers(middle), limit) === undefined) tooMany = middle;
    else fits = middle;
  }
  return fits;
}
