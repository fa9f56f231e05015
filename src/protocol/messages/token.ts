import * as v from "valibot";

import { RefSchema } from "../ref.ts";

/** A newer token of the same user. Whether it is one is not a question of shape: `bad_token`, not `bad_message`. */
export const TokenSchema = v.object({
  type: v.literal("token"),
  ref: v.exactOptional(RefSchema),
  token: v.string(),
});

export type TokenUp = v.InferOutput<typeof TokenSchema>;
