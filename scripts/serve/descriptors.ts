/**
 * How many open files people take, and so how many of them a limit allows. Pure: what a process really has open is asked
 * in proc.ts.
 *
 * All figures were read from /proc/PID/fd of workerd 1.20260918.1 with 200 people, awake and asleep, and are printed by
 * every run of `npm run bench -- --workload crowd` and `--workload idle`.
 */

/** An object in memory has its database open: the file, its `-wal` and its `-shm`. Hibernated, it has none of them. */
export const OBJECT_DESCRIPTORS = 3;

/**
 * A socket takes two: the connection, and a duplicate of it by which workerd sees a client that is gone before it writes
 * to it (workerd, `src/rust/cxx/kj-rs-io/stream.rs`: "whenWriteDisconnected costs a descriptor").
 */
export const SOCKET_DESCRIPTORS = 2;

/**
 * What the runtime has open beside its people: 59 at the start, and 3 for each of the objects of the monitor, the bucket and the
 * rate limits. The rest is for requests over HTTP and for cells of strangers.
 */
export const RUNTIME_DESCRIPTORS = 120;

/** A front has about 12 of its own; the rest is for requests over HTTP. */
export const FRONT_DESCRIPTORS = 60;

/** More processes than this would only wait for the one runtime behind them. */
export const FRONTS_MAX = 16;

/** The kernel deals connections out by a hash: of 10,000 over two, the fuller one gets about 5,100. */
const EVENLY_SHARE = 0.95;

export interface People {
  /** Connected, with an object in memory: whoever has sent or received anything in the last ten seconds. */
  readonly live: number;
  /** Connected, with a hibernating object. */
  readonly sleeping: number;
}

/** Open files of the process that needs the most of its kind; `front` is 0 without fronts. */
export interface Needed {
  readonly runtime: number;
  readonly front: number;
}

export interface Room {
  /** So many people may be connected if all of them are live, or if all of them sleep. */
  readonly live: number;
  readonly sleeping: number;
}

export function neededFor({ live, sleeping }: People, fronts: number): Needed {
  const sockets = live + sleeping;
  const runtime = RUNTIME_DESCRIPTORS + OBJECT_DESCRIPTORS * live;
  if (fronts === 0) return { runtime: runtime + SOCKET_DESCRIPTORS * sockets, front: 0 };
  return { runtime, front: FRONT_DESCRIPTORS + SOCKET_DESCRIPTORS * Math.ceil(sockets / (fronts * shareOf(fronts))) };
}

export function fits(people: People, { limit, fronts }: { limit: number; fronts: number }): boolean {
  const { runtime, front } = neededFor(people, fronts);
  return runtime <= limit && front <= limit;
}

export function roomFor({ limit, fronts }: { limit: number; fronts: number }): Room {
  const own = Math.max(0, limit - RUNTIME_DESCRIPTORS);
  if (fronts === 0) {
    return {
      live: Math.floor(own / (OBJECT_DESCRIPTORS + SOCKET_DESCRIPTORS)),
      sleeping: Math.floor(own / SOCKET_DESCRIPTORS),
    };
  }
  const perFront = Math.floor(Math.max(0, limit - FRONT_DESCRIPTORS) / SOCKET_DESCRIPTORS);
  const sleeping = Math.floor(perFront * fronts * shareOf(fronts));
  return { live: Math.min(sleeping, Math.floor(own / OBJECT_DESCRIPTORS)), sleeping };
}

/** The fewest fronts with which these people fit; undefined when no number of them helps. */
export function frontsFor(people: People, limit: number): number | undefined {
  for (let fronts = 0; fronts <= FRONTS_MAX; fronts += 1) if (fits(people, { limit, fronts })) return fronts;
  return undefined;
}

function shareOf(fronts: number): number {
  return fronts === 1 ? 1 : EVENLY_SHARE;
}
