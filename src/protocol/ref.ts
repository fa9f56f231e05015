import * as v from "valibot";

/** Number that a client chose for its message; the answer or error that the message causes repeats it. */
export const RefSchema = v.pipe(v.number(), v.safeInteger());
