import * as v from "valibot";

import { UserIdSchema } from "../friend.ts";
import { RefSchema } from "../ref.ts";

/** Receive this friend again. */
export const SubscribeSchema = v.object({
  type: v.literal("subscribe"),
  ref: v.exactOptional(RefSchema),
  friend: UserIdSchema,
});

export type SubscribeUp = v.InferOutput<typeof SubscribeSchema>;
