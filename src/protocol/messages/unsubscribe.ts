import * as v from "valibot";

import { UserIdSchema } from "../friend.ts";
import { RefSchema } from "../ref.ts";

/** Stop receiving this friend, until `subscribe`. */
export const UnsubscribeSchema = v.object({
  type: v.literal("unsubscribe"),
  ref: v.exactOptional(RefSchema),
  friend: UserIdSchema,
});

export type UnsubscribeUp = v.InferOutput<typeof UnsubscribeSchema>;
