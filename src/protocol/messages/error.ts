import * as v from "valibot";

import { ERROR_CODE_LIST } from "../errors.ts";
import { RefSchema } from "../ref.ts";

/** A frame was refused, or the server failed. `fatal`: the server closes the connection after it. */
export const ErrorSchema = v.object({
  type: v.literal("error"),
  code: v.picklist(ERROR_CODE_LIST),
  message: v.string(),
  fatal: v.boolean(),
  ref: v.exactOptional(RefSchema),
  /** Index of the bad point of a `locations` frame. */
  index: v.exactOptional(v.number()),
});

export type ErrorDown = v.InferOutput<typeof ErrorSchema>;
