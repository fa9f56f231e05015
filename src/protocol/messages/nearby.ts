import * as v from "valibot";

import { FriendSchema } from "../friend.ts";

/** The whole set of active friends within the radius; replaces whatever the client had. */
export const NearbySchema = v.object({
  type: v.literal("nearby"),
  friends: v.array(FriendSchema),
});

export type Nearby = v.InferOutput<typeof NearbySchema>;
