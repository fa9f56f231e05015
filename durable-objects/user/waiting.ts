import { givingUpAfter } from "../../src/observe/trace.ts";

/** How long a friend's object may take. A pending call keeps this object billed, and its friend unknown. */
export const CALL_TIMEOUT_MS = 2_000;

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
