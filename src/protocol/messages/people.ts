import * as v from "valibot";

import { LatSchema, LngSchema } from "../fix.ts";
import { PEOPLE_MAX } from "../limits.ts";

/** Nearby strangers who opted in too: pseudonyms, blurred positions, metres to the blurred one. Replaces the last list. */
export const PeopleSchema = v.object({
  type: v.literal("people"),
  people: v.pipe(
    v.array(v.object({ id: v.string(), lat: LatSchema, lng: LngSchema, distance: v.number(), ts: v.number() })),
    v.maxLength(PEOPLE_MAX),
  ),
});

export type People = v.InferOutput<typeof PeopleSchema>;
export type Person = People["people"][number];
