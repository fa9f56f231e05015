/** Limits that several benches share. */
import type { Asked } from "./entry.ts";

/** With its socket a live object takes about 5 descriptors, and two servers run: more do not fit into 20,000. */
export const USERS_MAX = 3_000;
export const FRIENDS_MAX = 1_000;
/** Longer ones would only repeat what shorter ones say. */
export const SECONDS_MAX = 600;
export const ROUNDS_MAX = 50;
/**
 * Enough that the server's one thread never waits (its CPU seconds equal the measured ones). More would only make the
 * queues longer, and the runtime slower: the bare object does 15,000 deliveries/s with 4 under way and 6,600 with 40.
 */
export const POSITIONS_UNDER_WAY = 4;
/**
 * Of the classic design, in which a position passes through several processes: with few under way each waits for the others.
 * It did 51,000 deliveries/s with 4, and 57,000 with 64. Each server is measured with what suits it.
 */
export const CLASSIC_POSITIONS_UNDER_WAY = 64;
/** Everybody has as many friends who never connect for each who does: the standard case, one in ten online. */
export const ASLEEP_PER_ACTIVE = 9;
/** Of the bucket of frames that each person has, half of its refill: chance sends several at once. */
export const PERSON_POSITIONS_PER_S_MAX = 5;
/** Wakes the objects that hibernated while the other server had its turn, and lets the compiler settle. */
export const WARM_UP_MS = 2_000;

/** What is wrong with the two numbers, when everybody is to have as many friends. */
export function pairsProblem(asked: Asked): string | undefined {
  const [users, friends] = [asked.number("users"), asked.number("friends")];
  if (friends >= users) return `--friends must be less than --users (${users})`;
  const isOdd = (users * friends) % 2 === 1;
  return isOdd ? "one of --users and --friends must be even: friends come in pairs" : undefined;
}
