import type { Context, MiddlewareHandler } from "hono";

import { logError } from "../observe/log.ts";
import type { CallerEnv } from "./context.ts";
import { problem, retryAfter } from "./problem.ts";

/** The period of the limit in wrangler.toml: whoever waits so long finds a window of which nothing is used. */
const PERIOD_S = 60;

/** Of an IPv6 address: the network that one subscriber has to choose addresses from. */
const NETWORK_GROUPS = 4;

interface LimitedContext {
  readonly env: Env;
}

/** One line per isolate: a limiter that fails does so for every request. */
let isFailureLogged = false;

/**
 * Counts a request of a caller. To be called after the token was checked: a user can be locked out by nobody else.
 *
 * @returns the 429 to answer with, or null
 */
export function overLimit(c: LimitedContext, user: string): Promise<Response | null> {
  return count(c, `user:${user}`);
}

/** 429 for a caller who has sent more than the limit; behind `authenticated`. */
export const limitByUser: MiddlewareHandler<CallerEnv> = async (c, next) => {
  const refused = await overLimit(c, c.var.caller.user);
  return refused ?? next();
};

/** The same for pages and sockets that need no token, by the address that the platform says the visitor has. */
export const limitByIp: MiddlewareHandler = async (c: Context<{ Bindings: Env }>, next) => {
  const address = c.req.header("cf-connecting-ip");
  // Only outside the platform. All visitors under one key would be locked out by the first who goes too far.
  if (address === undefined) return next();
  const refused = await count(c, `ip:${networkOf(address)}`);
  return refused ?? next();
};

async function count({ env }: LimitedContext, key: string): Promise<Response | null> {
  try {
    const { success } = await env.RATE_LIMIT.limit({ key });
    if (success) return null;
  } catch (error) {
    // The limit protects the service; it must not be what stops it.
    if (!isFailureLogged) {
      isFailureLogged = true;
      logError("rate_limit_failed", { error: String(error) });
    }
    return null;
  }
  return problem("rate_limited", "Too many requests in a minute.", { headers: retryAfter(PERIOD_S) });
}

/** Who can be told apart by an address: one of IPv4, a /64 of IPv6. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
