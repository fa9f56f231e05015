import * as v from "valibot";

/**
 * The first `count` points of this connection, in the order sent, are stored; the client forgets exactly these.
 * `through` is the largest `ts` among them, for display.
 */
export const SavedSchema = v.object({
  type: v.literal("saved"),
  count: v.number(),
  through: v.number(),
});

export type Saved = v.InferOutput<typeof SavedSchema>;
