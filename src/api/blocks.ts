import { Hono } from "hono";

import { BLOCKS_MAX } from "../protocol/limits.ts";
import { isUserId } from "../protocol/user-id.ts";
import { ownObject } from "./context.ts";
import type { CallerEnv } from "./context.ts";
import { badId } from "./friends.ts";
import { LIMIT_RULE, parseLimit } from "./paging.ts";
import { problem } from "./problem.ts";

/** Whom the caller has blocked. The blocked side is told nothing. */
export const blocks = new Hono<CallerEnv>()
  .get("/", async (c) => {
    const limit = parseLimit(c.req.query("limit"));
    if (limit === undefined) return problem("bad_request", LIMIT_RULE);
    const cursor = c.req.query("cursor");
    if (cursor !== undefined && !isUserId(cursor)) {
      return problem("bad_request", "`cursor` must be the `next` of an earlier page.");
    }
    const { caller } = c.var;
    const query = { limit, ...(cursor === undefined ? {} : { cursor }) };
    return c.json(await ownObject(c, caller.user).listBlocks(caller, query));
  })
  .put("/:id", async (c) => {
    const id = c.req.param("id");
    const { caller } = c.var;
    if (!isUserId(id)) return badId();
    if (id === caller.user) return problem("bad_request", "Nobody can block themselves.");
    const answer = await ownObject(c, caller.user).block(caller, id);
    if ("refused" in answer) return problem("block_limit", `At most ${BLOCKS_MAX} people may be blocked.`);
    return c.body(null, 204);
  })
  .delete("/:id", async (c) => {
    const id = c.req.param("id");
    if (!isUserId(id)) return badId();
    const { caller } = c.var;
    await ownObject(c, caller.user).unblock(caller, id);
    return c.body(null, 204);
  });
