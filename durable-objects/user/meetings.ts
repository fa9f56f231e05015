import type { Effect } from "../../src/nearby/effects.ts";
import { follow, givingUpAfter } from "../../src/observe/trace.ts";
import type { MeetReply } from "./words.ts";

/** How long a friend's object may take. A pending call keeps this object billed, and its friend unknown. */
export const CALL_TIMEOUT_MS = 2_000;

export type Meeting = Extract<Effect, { kind: "meet" }>;

/**
 * Starts all calls of one event at once; none waits for another. Each ends in exactly one of `answered` and `failed`; an
 * answer after the timeout goes nowhere, because the core knows the call by its id. One timer serves them all.
 */
export function callMeet(batch: {
  readonly meetings: readonly Meeting[];
  readonly call: (meeting: Meeting) => Promise<MeetReply>;
  /** One of them was answered or has failed, after so long: time passes for an object while it waits. */
  readonly took: (ms: number) => void;
  readonly answered: (meeting: Meeting, reply: MeetReply) => void;
  readonly failed: (meeting: Meeting) => void;
  /** After the last of them. */
  readonly ended: () => void;
}): void {
  const pending = new Set<Meeting>(batch.meetings);
  const startedAt = Date.now();
  const giveUp = givingUpAfter(CALL_TIMEOUT_MS);
  const timer = setTimeout(() => {
    const late = [...pending];
    pending.clear();
    for (const meeting of late) {
      batch.took(CALL_TIMEOUT_MS);
      batch.failed(meeting);
    }
    giveUp();
    batch.ended();
  }, CALL_TIMEOUT_MS);
  const end = (meeting: Meeting, tell: () => void): void => {
    if (!pending.delete(meeting)) return;
    batch.took(Date.now() - startedAt);
    tell();
    if (pending.size > 0) return;
    clearTimeout(timer);
    batch.ended();
  };
  // An answer may cause another call: that is part of the same event.
  follow(() => {
    for (const meeting of batch.meetings) {
      batch.call(meeting).then(
        (reply) => end(meeting, () => batch.answered(meeting, reply)),
        () => end(meeting, () => batch.failed(meeting)),
      );
    }
  });
}

/** The value, or null when it takes longer than `CALL_TIMEOUT_MS` or fails. */
export function orNull<T>(call: Promise<T>): Promise<T | null> {
  const giveUp = givingUpAfter(CALL_TIMEOUT_MS);
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(null);
      giveUp();
    }, CALL_TIMEOUT_MS);
    const end = (value: T | null): void => {
      clearTimeout(timer);
      resolve(value);
    };
    call.then(end, () => end(null));
  });
}
