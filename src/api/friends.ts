import { Hono } from "hono";

import { FRIENDS_MAX, PENDING_IN_MAX, PENDING_OUT_MAX } from "../protocol/limits.ts";
import type { FriendState } from "../protocol/resources.ts";
import { isUserId } from "../protocol/user-id.ts";
import { ownObject } from "./context.ts";
import type { CallerEnv } from "./context.ts";
import { problem } from "./problem.ts";

/** Friends in one page: a page is built and sent in one go, by an object that has positions to deliver too. */
const PAGE_MAX = 1000;

/** One screen of a list and some more; about 20 KB. */
const PAGE_DEFAULT = 100;

const STATES: readonly string[] = ["friend", "incoming", "outgoing"] satisfies readonly FriendState[];

const REFUSALS = {
  friend_limit: `One of the two has ${FRIENDS_MAX} friends already.`,
  pending_limit: `Too many requests are waiting: at most ${PENDING_OUT_MAX} sent and ${PENDING_IN_MAX} received.`,
} as const;

/** The caller's friend list. */
export const friends = new Hono<CallerEnv>()
  .get("/", async (c) => {
    const state = c.req.query("state");
    if (state !== undefined && !isState(state)) {
      return problem("bad_request", `\`state\` must be one of ${STATES.join(", ")}.`);
    }
    const limit = parseLimit(c.req.query("limit"));
    if (limit === undefined) return problem("bad_request", `\`limit\` must be a whole number from 1 to ${PAGE_MAX}.`);
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
    if ("refused" in answer) return problem(answer.refused, REFUSALS[answer.refused]);
    return c.json(answer.entry, answer.asked ? 201 : 200);
  })
  .delete("/:id", async (c) => {
    const friend = c.req.param("id");
    if (!isUserId(friend)) return badId();
    const { caller } = c.var;
    await ownObject(c, caller.user).deleteFriend(caller, friend);
    return c.body(null, 204);
  });

/** Percent-encoding that cannot be decoded is left as it is by the router, and `%` is in no id. */
function badId(): Response {
  return problem("bad_request", "The id in the path must be a user id: 1 to 64 of A-Z a-z 0-9 . _ : @ -");
}

function isState(text: string): text is FriendState {
  return STATES.includes(text);
}

function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined) return PAGE_DEFAULT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= PAGE_MAX ? limit : undefined;
}
