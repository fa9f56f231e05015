import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";

import { logDebug } from "../observe/log.ts";
import { newId } from "../observe/steps.ts";
import { traceRequest } from "../observe/trace.ts";
import type { ApiEnv } from "./context.ts";

/** By which the log, and a trace, say which request they are about. */
export const REQUEST_ID_HEADER = "x-request-id";

/** As the platform makes it. Outside of it a client could send any text, and read its own words in the log. */
const CF_RAY = /^[0-9a-f]{16}(-[A-Z]{3})?$/;

/** Gives the request an id, and tells it to the client: who complains of an answer can say which. */
export const identified: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const ray = c.req.header("cf-ray");
  c.set("requestId", ray !== undefined && CF_RAY.test(ray) ? ray : newId());
  await next();
  // The answer to an upgrade is not touched: to change it is to copy it, socket and all.
  if (c.res.status !== 101) c.header(REQUEST_ID_HEADER, c.var.requestId);
};

/** Behind `configured`. The route and not the path: what clients put into an address does not belong into a log. */
export const observed: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const { settings, requestId } = c.var;
  const { method } = c.req;
  const startMs = Date.now();
  const said = () => ({ route: routeOf(c), status: c.res.status });
  const about = { object: "worker", slowMs: settings.slowMs, state: said };
  await traceRequest({ about, id: requestId, name: method }, next);
  logDebug(settings, "request", { request: requestId, method, ...said(), ms: Date.now() - startMs });
};

/** As it is written in the code, such as `/v1/friends/:id`; empty where nothing is. Middlewares have a `*`. */
function routeOf(c: Context): string {
  return matchedRoutes(c).findLast(({ path }) => !path.includes("*"))?.path ?? "";
}
