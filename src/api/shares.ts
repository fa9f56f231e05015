import { Hono } from "hono";
import * as v from "valibot";

import { SHARE_HEADER } from "../auth/caller.ts";
import { SHARE_MINUTES_MAX, SHARE_VIEWERS_MAX, SHARES_MAX } from "../protocol/limits.ts";
import { readObject } from "./body.ts";
import { ownObject } from "./context.ts";
import type { CallerEnv } from "./context.ts";
import { linkAddress, linkOf, linksConfigured, wholeUpTo } from "./links.ts";
import type { LinkContext } from "./links.ts";
import { badFields, fieldErrors, ONE_PER_FIELD, problem, retryAfter } from "./problem.ts";

/** Viewers come and go; one who waits so long for a place finds one, or is told again. */
const FULL_RETRY_S = 30;

export const ShareSchema = v.strictObject({ minutes: wholeUpTo(SHARE_MINUTES_MAX) });

const RULES: ReadonlyMap<unknown, string> = new Map([
  ["minutes", `must be a whole number from 1 to ${SHARE_MINUTES_MAX}`],
]);

const NOT_FOUND = "There is no such share, or it has ended.";

/** The caller's shares: links that show where the caller is to whoever has them, until they end. */
export const shares = new Hono<CallerEnv>()
  .use(linksConfigured)
  .get("/", async (c) => {
    const { caller } = c.var;
    const open = await ownObject(c, caller.user).listShares(caller);
    const entries = open.map(async ({ id, expiresAt, viewers }) => ({
      ...(await linkAddress(c, "share", { owner: caller.user, id })),
      expiresAt,
      viewers,
    }));
    return c.json({ shares: await Promise.all(entries) });
  })
  .post("/", async (c) => {
    const body = await readObject(c);
    if (!body.ok) return body.response;
    const parsed = v.safeParse(ShareSchema, body.value, ONE_PER_FIELD);
    if (!parsed.success) {
      return badFields(
        fieldErrors(parsed.issues, (issue) => RULES.get(issue.path?.at(-1)?.key) ?? "is not a field of a share"),
      );
    }
    const { caller } = c.var;
    const made = await ownObject(c, caller.user).createShare(caller, parsed.output);
    if ("refused" in made) return problem(made.refused, `At most ${SHARES_MAX} shares may be open. End one of them.`);
    const { id, expiresAt } = made;
    return c.json({ ...(await linkAddress(c, "share", { owner: caller.user, id })), expiresAt }, 201);
  })
  .delete("/:code", async (c) => {
    const { caller } = c.var;
    const link = await linkOf(c, "share", c.req.param("code"));
    // Somebody else's is as unknown here as one that never was.
    const isGone = link?.owner === caller.user && (await ownObject(c, caller.user).revokeShare(caller, link.id));
    return isGone ? c.body(null, 204) : problem("not_found", NOT_FOUND);
  });

interface VisitorContext extends LinkContext {
  readonly env: Env;
  readonly req: { readonly url: string; readonly raw: Request };
}

/** The socket of a viewer: the code is all that it needs. Read-only; no token is looked at. */
export async function watchShare(c: VisitorContext, code: string): Promise<Response> {
  const { headers, method } = c.req.raw;
  if (method !== "GET" || headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return problem("upgrade_required", "Connect with a WebSocket.", { headers: { upgrade: "websocket" } });
  }
  if (!isAllowedOrigin(headers.get("origin"), c)) {
    return problem("forbidden", "This origin is not allowed to connect (ALLOWED_ORIGINS).");
  }
  const link = await linkOf(c, "share", code);
  if (link === null) return problem("not_found", NOT_FOUND);
  // Nothing that the client sent goes to the object: its other headers there say who is calling.
  const handshake = new Headers({ upgrade: "websocket", [SHARE_HEADER]: link.id });
  const request = new Request("https://user.invalid/share", { headers: handshake });
  // No place for a new object is named here: it is the owner's, and the viewer may be on another continent.
  const answer = await c.env.USER.getByName(link.owner).fetch(request);
  switch (answer.status) {
    case 101:
      return answer;
    case 404:
      return problem("not_found", NOT_FOUND);
    case 503:
      return problem("unavailable", `This share has ${SHARE_VIEWERS_MAX} viewers already.`, {
        headers: retryAfter(FULL_RETRY_S),
      });
    default:
      throw new Error(`a user's object answers a viewer with ${answer.status}`);
  }
}

/** The share's own page is served here and may connect wherever the settings send other pages. */
function isAllowedOrigin(origin: string | null, c: VisitorContext): boolean {
  const { allowedOrigins } = c.var.settings;
  if (origin === null || allowedOrigins === "*" || allowedOrigins.includes(origin)) return true;
  // Hosts alone: behind a proxy that ends TLS, this request is http and its page is https.
  return URL.canParse(origin) && new URL(origin).host === new URL(c.req.url).host;
}
