import { Hono } from "hono";
import type { Context, MiddlewareHandler } from "hono";
import { NONCE, secureHeaders } from "hono/secure-headers";
import type { SecureHeadersVariables } from "hono/secure-headers";

import { invitePage } from "../pages/invite.ts";
import { goneNotice } from "../pages/layout.ts";
import { sharePage } from "../pages/share.ts";
import type { ApiEnv } from "./context.ts";
import { linkOf, linksConfigured, PAGE_PATHS } from "./links.ts";
import { watchShare } from "./shares.ts";

interface PageEnv {
  Bindings: Env;
  Variables: ApiEnv["Variables"] & SecureHeadersVariables;
}

/** A host with its port as a Content-Security-Policy may have it; anything else could add directives. */
const PLAIN_HOST = /^[a-z0-9.-]+(:\d+)?$|^\[[0-9a-f:.]+\](:\d+)?$/;

/** Of the page's own socket. Browsers before the third level of the policy do not count it as `'self'`. */
function ownSocket(c: Context): string {
  const { host } = new URL(c.req.url);
  return PLAIN_HOST.test(host) ? `wss://${host} ws://${host}` : "";
}

/**
 * Pages show names that anybody can choose, to people who came by a link that is a secret: nothing but their own style and
 * script runs, no frame holds them, and no other site learns the address.
 */
const pageHeaders = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: [NONCE],
    styleSrc: [NONCE],
    imgSrc: ["https:", "data:"],
    connectSrc: ["'self'", ownSocket],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    requireTrustedTypesFor: ["'script'"],
  },
  permissionsPolicy: { camera: [], geolocation: [], microphone: [] },
  referrerPolicy: "no-referrer",
  // Subdomains of the host are not this service's to decide about.
  strictTransportSecurity: "max-age=31536000",
  xFrameOptions: "DENY",
});

/** What a page says holds for this moment and this visitor, and no search engine shall know its address. */
const unlisted: MiddlewareHandler = async (c, next) => {
  await next();
  c.header("cache-control", "no-store");
  c.header("x-robots-tag", "noindex");
};

/** What is behind a link, for people without an account; and the socket of a share's page. */
export const pages = new Hono<PageEnv>()
  .get(`${PAGE_PATHS.invite}/:code`, unlisted, pageHeaders, linksConfigured, async (c) => {
    const nonce = nonceOf(c);
    const link = await linkOf(c, "invite", c.req.param("code"));
    const invite = link === null ? null : await c.env.USER.getByName(link.owner).viewInvite(link.id);
    if (invite === null) return c.html(goneNotice(nonce, "invitation"), 404);
    return c.html(invitePage({ ...invite, nonce, code: c.req.param("code"), origin: new URL(c.req.url).origin }));
  })
  .get(`${PAGE_PATHS.share}/:code`, unlisted, pageHeaders, linksConfigured, async (c) => {
    const nonce = nonceOf(c);
    const link = await linkOf(c, "share", c.req.param("code"));
    const share = link === null ? null : await c.env.USER.getByName(link.owner).viewShare(link.id);
    if (share === null) return c.html(goneNotice(nonce, "share"), 404);
    return c.html(sharePage({ ...share, nonce, nowMs: Date.now() }));
  })
  .get(`${PAGE_PATHS.share}/:code/connect`, linksConfigured, (c) => watchShare(c, c.req.param("code")));

function nonceOf(c: Context<PageEnv>): string {
  const nonce = c.get("secureHeadersNonce");
  if (nonce === undefined) throw new Error("a page without a policy has no nonce");
  return nonce;
}
