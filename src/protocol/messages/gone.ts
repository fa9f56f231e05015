import * as v from "valibot";

import { UserIdSchema } from "../friend.ts";
import { RefSchema } from "../ref.ts";

/** A friend is no longer shown. `ref` when it answers `subscribe` or `unsubscribe`. */
export const GoneSchema = v.object({
  type: v.literal("gone"),
  id: UserIdSchema,
  reason: v.picklist(["far", "inactive", "paused", "unfriended", "unsubscribed"]),
  ref: v.exactOptional(RefSchema),
});

export type Gone = v.InferOutput<typeof GoneSchema>;
export type GoneReason = Gone["reason"];
