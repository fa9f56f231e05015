import { Hono } from "hono";
import * as v from "valibot";

import { FixSchema, isTooFarAhead } from "../protocol/fix.ts";
import type { Fix } from "../protocol/fix.ts";
import { POINTS_PER_FRAME_MAX } from "../protocol/limits.ts";
import { LocationsSchema } from "../protocol/messages/locations.ts";
import { readObject } from "./body.ts";
import { ownObject } from "./context.ts";
import type { CallerEnv } from "./context.ts";
import { badFields, fieldErrors, ONE_PER_FIELD, problem, retryAfter } from "./problem.ts";
import type { FieldError } from "./problem.ts";

/** The validators are the socket's; unknown fields are ignored as there. */
export const BatchSchema = v.object({ points: LocationsSchema.entries.points });

const TS_RULE = "must be whole milliseconds since 1970, from the year 2000 on and at most 24 hours ahead";

const RULES: ReadonlyMap<unknown, string> = new Map([
  ["lat", "must be a number from -90 to 90"],
  ["lng", "must be a number from -180 to 180"],
  ["ts", TS_RULE],
  ["accuracy", "must be metres of at least 0, or left out"],
  ["speed", "must be metres per second of at least 0, or left out"],
  ["heading", "must be degrees from 0 to 360, or left out"],
  ["points", `must be a list of 1 to ${POINTS_PER_FRAME_MAX} points`],
]);

export type Points =
  | { readonly ok: true; readonly points: Fix[] }
  | { readonly ok: false; readonly errors: FieldError[] };

/**
 * The points of a body: one point, or `{"points": […]}`.
 *
 * @param nowMs the server's clock, ms since the epoch; decides whether a `ts` is too far ahead
 */
export function parsePoints(body: object, nowMs: number): Points {
  const isBatch = "points" in body;
  const parsed = isBatch ? v.safeParse(BatchSchema, body, ONE_PER_FIELD) : v.safeParse(FixSchema, body, ONE_PER_FIELD);
  if (!parsed.success) {
    return {
      ok: false,
      errors: fieldErrors(parsed.issues, (issue) => RULES.get(issue.path?.at(-1)?.key) ?? "must be a point"),
    };
  }
  const points = "points" in parsed.output ? parsed.output.points : [parsed.output];
  const index = points.findIndex((point) => isTooFarAhead(point.ts, nowMs));
  if (index === -1) return { ok: true, points };
  return { ok: false, errors: [{ pointer: isBatch ? `#/points/${index}/ts` : "#/ts", detail: TS_RULE }] };
}

/** Positions over HTTP, for apps in the background that cannot hold a socket. All are in the history before the 202. */
export const location = new Hono<CallerEnv>().post("/", async (c) => {
  const body = await readObject(c);
  if (!body.ok) return body.response;
  const parsed = parsePoints(body.value, Date.now());
  if (!parsed.ok) return badFields(parsed.errors);
  const { caller } = c.var;
  const answer = await ownObject(c, caller.user).report(caller, parsed.points);
  if ("refused" in answer) {
    // Nothing of it was kept, so the app must not take it for stored.
    return problem("rate_limited", "Requests come too fast: send several points in one.", {
      headers: retryAfter(answer.retryAfterS),
    });
  }
  return c.json({ live: answer.live }, 202);
});
