/** Queues are bound as `HISTORY_QUEUE_0`, `HISTORY_QUEUE_1`, …: one takes 5,000 messages a second. */
export const QUEUE_BINDING_PREFIX = "HISTORY_QUEUE_";

/** The queue of a user, from 0: always the same one, whichever object or Worker asks. */
export function queueIndex(user: string, queues: number): number {
  // FNV-1a: spreads ids that differ in their last character, which `length` or a sum would not.
  let hash = 0x811c9dc5;
  for (let i = 0; i < user.length; i++) hash = Math.imul(hash ^ user.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % queues;
}
