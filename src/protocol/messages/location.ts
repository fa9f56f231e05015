import * as v from "valibot";

import { FIX_ENTRIES, toFix } from "../fix.ts";
import type { Fix } from "../fix.ts";
import { RefSchema } from "../ref.ts";

/** A live position. */
export interface LocationUp extends Fix {
  type: "location";
  ref?: number;
}

export const LocationSchema = v.pipe(
  v.object({ type: v.literal("location"), ref: v.exactOptional(RefSchema), ...FIX_ENTRIES }),
  v.transform((wire): LocationUp => {
    const message: LocationUp = { type: "location", ...toFix(wire) };
    if (wire.ref !== undefined) message.ref = wire.ref;
    return message;
  }),
);
