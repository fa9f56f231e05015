import * as v from "valibot";

import { UserIdSchema } from "../friend.ts";

/** The friend list changed: somebody asked, became a friend, or is neither any more. */
export const FriendshipSchema = v.object({
  type: v.literal("friendship"),
  id: UserIdSchema,
  state: v.picklist(["incoming", "friend", "removed"]),
  name: v.exactOptional(v.string()),
});

export type Friendship = v.InferOutput<typeof FriendshipSchema>;
