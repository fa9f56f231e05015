import { Hono } from "hono";
import type { Context } from "hono";

import { basicCredentials, bearerToken } from "../auth/credentials.ts";
import { readOsmAnd } from "../ingest/osmand/report.ts";
import { PHONE_BODY_MAX_BYTES } from "../protocol/limits.ts";
import { contentType, readUpTo } from "./body.ts";
import type { ApiEnv } from "./context.ts";
import { bringReport, identify, phoneFailed } from "./phone.ts";
import type { PhoneLogin } from "./phone.ts";

/** It reports at least every 5 minutes while it reports at all. */
const REST_MS = 0;

/**
 * Traccar Client, and what else speaks the protocol of OsmAnd. Any answer but 2xx makes the app send the same position again,
 * before all later ones, so nothing is refused but a bad password.
 */
export const osmAnd = new Hono<ApiEnv>().get("/osmand", (c) => take(c)).post("/osmand", (c) => take(c));
osmAnd.onError(phoneFailed);

async function take(c: Context<ApiEnv>): Promise<Response> {
  const { raw, url } = c.req;
  const bytes = await readUpTo(raw.body, PHONE_BODY_MAX_BYTES);
  const body = bytes === null ? undefined : new TextDecoder().decode(bytes);
  const { id, points, invalid } = readOsmAnd(
    { query: new URL(url).searchParams, contentType: contentType(c), body },
    Date.now(),
  );
  const identified = await identify(loginOf(raw.headers, id), c.var.settings);
  if (!identified.ok) return identified.response;
  const taken = await bringReport(c, identified.owner, { points, invalid, restMs: REST_MS, viewer: null });
  return taken.ok ? c.body(null, 200, { "cache-control": "no-store" }) : taken.response;
}

/** The identifier is the one thing that the app can be given; others may authorize like everybody else. */
function loginOf(headers: Headers, id: string | undefined): PhoneLogin | undefined {
  if (id !== undefined) return { password: id };
  const token = bearerToken(headers);
  return token === undefined ? basicCredentials(headers) : { password: token };
}
