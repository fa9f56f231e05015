import * as v from "valibot";

import { LatSchema, LngSchema } from "./fix.ts";
import { USER_ID_PATTERN } from "./user-id.ts";

export const UserIdSchema = v.pipe(v.string(), v.regex(USER_ID_PATTERN));

/** A nearby friend as shown to a client. */
export const FriendSchema = v.object({
  id: UserIdSchema,
  /** `name` and `avatar` come in `nearby` and when new or changed; absent means as before. */
  name: v.exactOptional(v.string()),
  avatar: v.exactOptional(v.string()),
  lat: LatSchema,
  lng: LngSchema,
  /** When the friend was there, ms since the epoch; never in the future. */
  ts: v.number(),
  /** Metres from the viewer's latest position to `lat`/`lng`, to 0.1 m. */
  distance: v.number(),
  precision: v.picklist(["exact", "coarse"]),
  /**
   * When the friend is inactive without any more news, ms by the server's clock. Only where that is later than usual: of a
   * phone that reports rarely while it lies still.
   */
  activeUntil: v.exactOptional(v.number()),
});

export type Friend = v.InferOutput<typeof FriendSchema>;
