import * as v from "valibot";

import { FriendSchema } from "../friend.ts";
import { RefSchema } from "../ref.ts";

/** One nearby friend, new or moved. `ref` when it answers `subscribe`. */
export const FriendMovedSchema = v.object({
  type: v.literal("friend"),
  friend: FriendSchema,
  ref: v.exactOptional(RefSchema),
});

export type FriendMoved = v.InferOutput<typeof FriendMovedSchema>;
