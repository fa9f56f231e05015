import { Hono } from "hono";

import { ownObject } from "./context.ts";
import type { CallerEnv } from "./context.ts";

/** Who is near the caller: the same as the socket's `nearby`, for apps that are only looked at now and then. */
export const nearby = new Hono<CallerEnv>().get("/", async (c) => {
  const { caller } = c.var;
  return c.json(await ownObject(c, caller.user).nearby(caller));
});
