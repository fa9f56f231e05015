import * as v from "valibot";

import { RefSchema } from "../ref.ts";

/** Opt in to or out of nearby people who are not friends. */
export const DiscoverSchema = v.object({
  type: v.literal("discover"),
  ref: v.exactOptional(RefSchema),
  on: v.boolean(),
});

export type DiscoverUp = v.InferOutput<typeof DiscoverSchema>;
