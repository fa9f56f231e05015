import * as v from "valibot";

import { FixSchema } from "../fix.ts";
import { POINTS_PER_FRAME_MAX } from "../limits.ts";
import { RefSchema } from "../ref.ts";

/** Points kept while offline. The length is checked before any point is looked at. */
export const LocationsSchema = v.object({
  type: v.literal("locations"),
  ref: v.exactOptional(RefSchema),
  points: v.pipe(v.array(v.unknown()), v.minLength(1), v.maxLength(POINTS_PER_FRAME_MAX), v.array(FixSchema)),
});

export type LocationsUp = v.InferOutput<typeof LocationsSchema>;
