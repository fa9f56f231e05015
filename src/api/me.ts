import { Hono } from "hono";
import * as v from "valibot";

import { charCount, cleanName, isAvatarUrl } from "../auth/profile.ts";
import { AVATAR_MAX_CHARS, NAME_MAX_CHARS, PAUSE_MAX_MS } from "../protocol/limits.ts";
import type { ProfilePatch } from "../protocol/resources.ts";
import { readObject } from "./body.ts";
import { ownObject } from "./context.ts";
import type { CallerEnv } from "./context.ts";
import { badFields, fieldErrors, ONE_PER_FIELD } from "./problem.ts";

const NAME_RULE = `must be null or one line of 1 to ${NAME_MAX_CHARS} characters`;
const AVATAR_RULE = `must be null or an https URL of at most ${AVATAR_MAX_CHARS} characters`;

/** A display name from a body, trimmed. */
export const NameSchema = v.pipe(
  v.string(),
  v.trim(),
  v.check((text) => cleanName(text) !== undefined && charCount(text) <= NAME_MAX_CHARS),
);

/** Whether the end of a pause makes sense at `nowMs`; a validator has no clock. */
function isPauseEnd(endMs: number, nowMs: number): boolean {
  return endMs > nowMs && endMs <= nowMs + PAUSE_MAX_MS;
}

export const PatchSchema = v.strictObject({
  name: v.exactOptional(v.nullable(NameSchema)),
  avatar: v.exactOptional(v.nullable(v.pipe(v.string(), v.check(isAvatarUrl)))),
  sharing: v.exactOptional(v.nullable(v.boolean())),
  pausedUntil: v.exactOptional(v.nullable(v.pipe(v.number(), v.safeInteger()))),
  discoverable: v.exactOptional(v.nullable(v.boolean())),
});

const PAUSE_RULE = "must be null, or ms since 1970 within the year to come, and not beside `sharing: true`";

const RULES: ReadonlyMap<unknown, string> = new Map([
  ["name", NAME_RULE],
  ["avatar", AVATAR_RULE],
  ["sharing", "must be true, false or null"],
  ["pausedUntil", PAUSE_RULE],
  ["discoverable", "must be true, false or null"],
]);

function parsePatch(
  body: object,
  nowMs: number,
): { ok: true; patch: ProfilePatch } | { ok: false; response: Response } {
  const parsed = v.safeParse(PatchSchema, body, ONE_PER_FIELD);
  if (parsed.success) {
    const { pausedUntil, sharing } = parsed.output;
    const isEnd = typeof pausedUntil === "number";
    if (!isEnd || (sharing !== true && sharing !== null && isPauseEnd(pausedUntil, nowMs))) {
      return { ok: true, patch: parsed.output };
    }
    return { ok: false, response: badFields([{ pointer: "#/pausedUntil", detail: PAUSE_RULE }]) };
  }
  const errors = fieldErrors(
    parsed.issues,
    (issue) => RULES.get(issue.path?.at(-1)?.key) ?? "is not a field of the profile",
  );
  return { ok: false, response: badFields(errors) };
}

/** The caller's profile. */
export const me = new Hono<CallerEnv>()
  .get("/", async (c) => {
    const { caller } = c.var;
    return c.json(await ownObject(c, caller.user).getProfile(caller));
  })
  .patch("/", async (c) => {
    const body = await readObject(c);
    if (!body.ok) return body.response;
    const parsed = parsePatch(body.value, Date.now());
    if (!parsed.ok) return parsed.response;
    const { caller } = c.var;
    return c.json(await ownObject(c, caller.user).patchProfile(caller, parsed.patch));
  })
  .delete("/", async (c) => {
    const { caller } = c.var;
    await ownObject(c, caller.user).deleteAccount(caller);
    return c.body(null, 204);
  });
