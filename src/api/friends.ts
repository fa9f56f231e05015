import { Hono } from "hono";
import * as v from "valibot";

import type { LimitCode } from "../../durable-objects/user/bonds.ts";
import { ASKS_PER_DAY_MAX, FRIENDS_MAX, PENDING_IN_MAX, PENDING_OUT_MAX } from "../protocol/limits.ts";
import type { FriendState, Visibility } from "../protocol/resources.ts";
import { isUserId } from "../protocol/user-id.ts";
import { readObject } from "./body.ts";
import { ownObject } from "./context.ts";
import type { CallerEnv } from "./context.ts";
import { LIMIT_RULE, parseLimit } from "./paging.ts";
import { badFields, fieldErrors, ONE_PER_FIELD, problem, retryAfter } from "./problem.ts";

const STATES: readonly string[] = ["friend", "incoming", "outgoing"] satisfies readonly FriendState[];

const REFUSALS = {
  friend_limit: `One of the two has ${FRIENDS_MAX} friends already.`,
  pending_limit: `Too many requests are waiting: at most ${PENDING_OUT_MAX} sent and ${PENDING_IN_MAX} received.`,
} as const;

/** What they may know of the caller, and whether the caller receives them. */
export const FriendPatchSchema = v.strictObject({
  visibility: v.exactOptional(v.nullable(v.picklist(["exact", "coarse", "hidden"] satisfies readonly Visibility[]))),
  muted: v.exactOptional(v.nullable(v.boolean())),
});

const RULES: ReadonlyMap<unknown, string> = new Map([
  ["visibility", "must be exact, coarse, hidden or null"],
  ["muted", "must be true, false or null"],
]);

/** Questions of a day are counted by the day: sooner it makes no sense to ask again. */
const ASK_RETRY_S = 60 * 60;

/** Answers with why somebody could not be asked. */
export function refusal(code: LimitCode): Response {
  if (code !== "ask_limit") return problem(code, REFUSALS[code]);
  const detail = `At most ${ASKS_PER_DAY_MAX} people may be asked in a day.`;
  return problem("rate_limited", detail, { headers: retryAfter(ASK_RETRY_S) });
}

/** The caller's friend list. */
export const friends = new Hono<CallerEnv>()
  .get("/", async (c) => {
    const state = c.req.query("state");
    if (state !== undefined && !isState(state)) {
      return problem("bad_request", `\`state\` must be one of ${STATES.join(", ")}.`);
    }
    const limit = parseLimit(c.req.query("limit"));
    if (limit === undefined) return problem("bad_request", LIMIT_RULE);
    const cursor = c.req.query("cursor");

    const { caller } = c.var;
    const page = await ownObject(c, caller.user).listFriends(caller, {
      limit,
      ...(state === undefined ? {} : { state }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    if ("refused" in page) return problem("bad_request", "`cursor` must be the `next` of an earlier page.");
    return c.json(page);
  })
  .put("/:id", async (c) => {
    const friend = c.req.param("id");
    const { caller } = c.var;
    if (!isUserId(friend)) return badId();
    if (friend === caller.user) return problem("bad_request", "Nobody can be their own friend.");
    const answer = await ownObject(c, caller.user).putFriend(caller, friend);
    if ("refused" in answer) return refusal(answer.refused);
    return c.json(answer.entry, answer.asked ? 201 : 200);
  })
  .patch("/:id", async (c) => {
    const friend = c.req.param("id");
    if (!isUserId(friend)) return badId();
    const body = await readObject(c);
    if (!body.ok) return body.response;
    const parsed = v.safeParse(FriendPatchSchema, body.value, ONE_PER_FIELD);
    if (!parsed.success) {
      const rule = (key: unknown): string => RULES.get(key) ?? "is not a field that can be changed here";
      return badFields(fieldErrors(parsed.issues, (issue) => rule(issue.path?.at(-1)?.key)));
    }
    const { caller } = c.var;
    const entry = await ownObject(c, caller.user).patchFriend(caller, friend, parsed.output);
    return entry === null ? problem("not_found", "Nobody of this id is a friend.") : c.json(entry);
  })
  .delete("/:id", async (c) => {
    const friend = c.req.param("id");
    if (!isUserId(friend)) return badId();
    const { caller } = c.var;
    await ownObject(c, caller.user).deleteFriend(caller, friend);
    return c.body(null, 204);
  });

/** Percent-encoding that cannot be decoded is left as it is by the router, and `%` is in no id. */
export function badId(): Response {
  return problem("bad_request", "The id in the path must be a user id: 1 to 64 of A-Z a-z 0-9 . _ : @ -");
}

function isState(text: string): text is FriendState {
  return STATES.includes(text);
}
