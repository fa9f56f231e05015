import { Hono } from "hono";
import type { Context, MiddlewareHandler } from "hono";
import { except } from "hono/combine";
import { cors } from "hono/cors";
import { methodNotAllowed } from "hono/method-not-allowed";

import { logError } from "../observe/log.ts";
import { IMPORT_MAX_BYTES } from "../protocol/limits.ts";
import { admin, adminOnly } from "./admin.ts";
import { appConfig } from "./app-config.ts";
import { blocks } from "./blocks.ts";
import { BODY_MAX_BYTES, drainUnread, limitBody } from "./body.ts";
import { connect } from "./connect.ts";
import { authenticated, configured } from "./context.ts";
import type { ApiEnv, CallerEnv } from "./context.ts";
import { devices } from "./devices.ts";
import { devLogin } from "./dev-login.ts";
import { friends } from "./friends.ts";
import { health } from "./health.ts";
import { history } from "./history.ts";
import { invites } from "./invites.ts";
import { PAGE_PATHS, pathWithoutCode } from "./links.ts";
import { location } from "./location.ts";
import { me } from "./me.ts";
import { nearby } from "./nearby.ts";
import { openApi } from "./openapi.ts";
import { audited, metrics, reportFailure } from "./operations.ts";
import { osmAnd } from "./osmand.ts";
import { ownTracks } from "./owntracks.ts";
import { pages } from "./pages.ts";
import { problem, retryAfter } from "./problem.ts";
import { limitByIp, limitByUser } from "./rate-limit.ts";
import { identified, observed, REQUEST_ID_HEADER } from "./request-id.ts";
import { shares } from "./shares.ts";

/** How long a browser may keep the answer to a preflight; Chromium's own limit. */
const PREFLIGHT_MAX_AGE_S = 2 * 60 * 60;

/**
 * For pages of the allowed origins. Bearer tokens only, never credentials: a page that could use a cookie of somebody
 * else's would act for them.
 */
const crossOrigin = cors({
  origin: (origin, c: Context<ApiEnv>) => {
    const { allowedOrigins } = c.var.settings;
    if (allowedOrigins === "*") return "*";
    return allowedOrigins.includes(origin) ? origin : null;
  },
  allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
  allowHeaders: ["authorization", "content-type"],
  exposeHeaders: ["content-disposition", "history-since", "link", "retry-after", "www-authenticate", REQUEST_ID_HEADER],
  maxAge: PREFLIGHT_MAX_AGE_S,
});

/** Positions and friends are nobody else's business, caches included. */
const notStored: MiddlewareHandler = async (c, next) => {
  await next();
  c.header("cache-control", "no-store");
};

/** Everything under `/v1` but the socket, behind one check of the token: no new route can forget it. */
const v1 = new Hono<CallerEnv>()
  .use(notStored, authenticated, limitByUser)
  .route("/me", me)
  .route("/friends", friends)
  .route("/blocks", blocks)
  .route("/invites", invites)
  .route("/shares", shares)
  .route("/devices", devices)
  .route("/nearby", nearby)
  .route("/location", location)
  .route("/history", history)
  .route("/admin", admin);

/** The one address that takes bodies of more than the general limit. */
const IMPORT_PATH = "/v1/admin/friendships";

export const app = new Hono<ApiEnv>();

app.use(identified);
app.route("/", health);
app.use(configured, observed);
// Before CORS, which does not apply to sockets and would copy the response, socket and all.
app.get("/v1/connect", connect);
// Nor is a page behind a link for scripts of other origins to read.
app.use(`${PAGE_PATHS.invite}/*`, limitByIp).use(`${PAGE_PATHS.share}/*`, limitByIp);
app.route("/", pages);
// Before the limits of bodies and requests: phone apps know no 413 and no 429, they have limits of their own.
app.route("/", ownTracks);
app.route("/", osmAnd);
app.use(
  crossOrigin,
  methodNotAllowed({
    app,
    onMethodNotAllowed: (_, methods) =>
      problem("method_not_allowed", "This resource has other methods; see `Allow`.", {
        headers: { allow: methods.join(", ") },
      }),
  }),
  except(IMPORT_PATH, limitBody(BODY_MAX_BYTES)),
);
app.use(IMPORT_PATH, limitBody(IMPORT_MAX_BYTES), drainUnread);
app.use("/v1/admin/*", audited);
app.get("/metrics", audited, notStored, authenticated, adminOnly, metrics);
app.route("/v1", v1);
app.route("/dev/login", devLogin);
app.route("/app", appConfig);
app.route("/", openApi);

app.notFound(() => problem("not_found", "There is nothing at this address."));

app.onError((error, c) => {
  const { method } = c.req.raw;
  // The path only: a query may hold what does not belong into a log.
  const path = pathWithoutCode(c.req.path);
  logError("request_failed", { request: c.var.requestId, method, path, error: error.stack ?? String(error) });
  reportFailure(c, isPassing(error) ? "unavailable" : "internal");
  if (isPassing(error)) {
    return problem("unavailable", "The user's object is busy or was moved. Try again.", { headers: retryAfter(1) });
  }
  return problem("internal", "The server failed.");
});

/** Failures that the platform marks as worth another try by the client: an object that is overloaded or restarts. */
function isPassing(error: Error): boolean {
  return ("overloaded" in error && error.overloaded === true) || ("retryable" in error && error.retryable === true);
}
