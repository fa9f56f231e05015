import { Hono } from "hono";
import * as v from "valibot";

import { INVITE_MINUTES_MAX, INVITE_USES_MAX, INVITES_MAX } from "../protocol/limits.ts";
import { ownObject } from "./context.ts";
import type { CallerEnv } from "./context.ts";
import { refusal } from "./friends.ts";
import { linkAddress, linkOf, linksConfigured, readObjectIfAny, wholeUpTo } from "./links.ts";
import { badFields, fieldErrors, ONE_PER_FIELD, problem } from "./problem.ts";

/** People who may accept an invite of which nothing else was said: a link to one person. */
const USES_DEFAULT = 1;

export const InviteSchema = v.strictObject({
  uses: v.exactOptional(wholeUpTo(INVITE_USES_MAX), USES_DEFAULT),
  minutes: v.exactOptional(wholeUpTo(INVITE_MINUTES_MAX), INVITE_MINUTES_MAX),
});

const RULES: ReadonlyMap<unknown, string> = new Map([
  ["uses", `must be a whole number from 1 to ${INVITE_USES_MAX}, or left out`],
  ["minutes", `must be a whole number from 1 to ${INVITE_MINUTES_MAX}, or left out`],
]);

const NOT_FOUND = "There is no such invite, or it is not open any more.";

/** The caller's invites, and accepting those of others. */
export const invites = new Hono<CallerEnv>()
  .use(linksConfigured)
  .get("/", async (c) => {
    const { caller } = c.var;
    const open = await ownObject(c, caller.user).listInvites(caller);
    const entries = open.map(async ({ id, expiresAt, uses, used }) => ({
      ...(await linkAddress(c, "invite", { owner: caller.user, id })),
      expiresAt,
      uses,
      used,
    }));
    return c.json({ invites: await Promise.all(entries) });
  })
  .post("/", async (c) => {
    const body = await readObjectIfAny(c);
    if (!body.ok) return body.response;
    const parsed = v.safeParse(InviteSchema, body.value, ONE_PER_FIELD);
    if (!parsed.success) {
      return badFields(
        fieldErrors(parsed.issues, (issue) => RULES.get(issue.path?.at(-1)?.key) ?? "is not a field of an invite"),
      );
    }
    const { caller } = c.var;
    const made = await ownObject(c, caller.user).createInvite(caller, parsed.output);
    if ("refused" in made) {
      return problem(made.refused, `At most ${INVITES_MAX} invites may be open. Withdraw one that is not needed.`);
    }
    const { id, expiresAt, uses } = made;
    return c.json({ ...(await linkAddress(c, "invite", { owner: caller.user, id })), expiresAt, uses }, 201);
  })
  .post("/:code", async (c) => {
    const { caller } = c.var;
    const link = await linkOf(c, "invite", c.req.param("code"));
    if (link === null) return problem("not_found", NOT_FOUND);
    if (link.owner === caller.user) return ownInvite();
    const answer = await ownObject(c, caller.user).acceptInvite(caller, link);
    if (!("refused" in answer)) return c.json(answer.entry);
    switch (answer.refused) {
      case "own":
        return ownInvite();
      case "not_found":
        return problem("not_found", NOT_FOUND);
      default:
        return refusal(answer.refused);
    }
  })
  .delete("/:code", async (c) => {
    const { caller } = c.var;
    const link = await linkOf(c, "invite", c.req.param("code"));
    // Somebody else's is as unknown here as one that never was.
    const isGone = link?.owner === caller.user && (await ownObject(c, caller.user).revokeInvite(caller, link.id));
    return isGone ? c.body(null, 204) : problem("not_found", NOT_FOUND);
  });

function ownInvite(): Response {
  return problem("bad_request", "This invite is your own: send the link to somebody else.");
}
