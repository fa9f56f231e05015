import { Hono } from "hono";
import * as v from "valibot";

import { signToken } from "../auth/token.ts";
import { NAME_MAX_CHARS } from "../protocol/limits.ts";
import { isUserId } from "../protocol/user-id.ts";
import { readObject } from "./body.ts";
import type { ApiEnv } from "./context.ts";
import { NameSchema } from "./me.ts";
import { badFields, fieldErrors, ONE_PER_FIELD } from "./problem.ts";

/** A working day and an evening: nobody who tries things out should be logged out of them. */
export const DEV_TOKEN_LIFETIME_S = 12 * 60 * 60;

export const LoginSchema = v.strictObject({
  user: v.pipe(v.string(), v.check(isUserId)),
  name: v.exactOptional(NameSchema),
});

const RULES: ReadonlyMap<unknown, string> = new Map([
  ["user", "must be a user id: 1 to 64 of A-Z a-z 0-9 . _ : @ -"],
  ["name", `must be one line of 1 to ${NAME_MAX_CHARS} characters, or left out`],
]);

/** Tokens for anybody, on a developer's machine. Without `DEV_LOGIN` the route does not exist. */
export const devLogin = new Hono<ApiEnv>().post("/", async (c) => {
  const { auth, devLogin: isOn } = c.var.settings;
  if (!isOn || auth.kind !== "hs256") return c.notFound();
  const body = await readObject(c);
  if (!body.ok) return body.response;
  const parsed = v.safeParse(LoginSchema, body.value, ONE_PER_FIELD);
  if (!parsed.success) {
    return badFields(
      fieldErrors(parsed.issues, (issue) => RULES.get(issue.path?.at(-1)?.key) ?? "is not a field of a login"),
    );
  }
  const { token, expMs } = await signToken(auth, parsed.output, { nowMs: Date.now(), lifetimeS: DEV_TOKEN_LIFETIME_S });
  c.header("cache-control", "no-store");
  return c.json({ token, user: parsed.output.user, expiresAt: expMs });
});
