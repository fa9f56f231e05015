import { Hono } from "hono";

import type { ApiEnv } from "./context.ts";

/** Whether the Worker runs at all. No token and no settings: a load balancer has neither. */
export const health = new Hono<ApiEnv>().get("/healthz", (c) => c.json({ ok: true }));
