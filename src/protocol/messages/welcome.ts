import * as v from "valibot";

import { UserIdSchema } from "../friend.ts";
import { PROTOCOL_VERSION } from "../limits.ts";

/** The first frame of a connection. `now` is the server's clock, ms since the epoch. */
export const WelcomeSchema = v.object({
  type: v.literal("welcome"),
  user: UserIdSchema,
  radiusM: v.number(),
  inactiveAfterS: v.number(),
  updateEveryS: v.number(),
  now: v.number(),
  protocol: v.literal(PROTOCOL_VERSION),
});

export type Welcome = v.InferOutput<typeof WelcomeSchema>;
