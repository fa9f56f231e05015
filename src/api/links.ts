import type { Context, MiddlewareHandler } from "hono";
import * as v from "valibot";

import { openCode, sealCode } from "../auth/link-code.ts";
import type { Link, LinkKind } from "../auth/link-code.ts";
import type { Settings } from "../settings.ts";
import { readObject } from "./body.ts";
import type { Body } from "./body.ts";
import { problem } from "./problem.ts";

/** What links need of a context: that of a caller, or that of a visitor. */
export interface LinkContext {
  readonly var: { readonly settings: Settings };
  readonly req: { readonly url: string };
}

/** Where the page of a link is; short, since people send these by message. */
export const PAGE_PATHS = { invite: "/i", share: "/s" } as const satisfies Record<PageKind, string>;

/** Of links that people open; the password of a device is typed into an app. */
type PageKind = Exclude<LinkKind, "device">;

/** A link as its owner gets it. */
export interface LinkAddress {
  readonly code: string;
  /** Of the page, at the origin that the owner's request came to. */
  readonly url: string;
}

/** 500 where there is nothing to seal codes with, which is the operator's to mend. */
export const linksConfigured: MiddlewareHandler = async (c: Context<{ Variables: { settings: Settings } }>, next) => {
  if (c.var.settings.linkSecrets.length > 0) return next();
  return problem("not_configured", "The server is not set up for links and devices: LINK_SECRET must be set.");
};

export async function linkAddress(c: LinkContext, kind: PageKind, link: Link): Promise<LinkAddress> {
  const code = await sealCode(c.var.settings.linkSecrets, kind, link);
  return { code, url: `${new URL(c.req.url).origin}${PAGE_PATHS[kind]}/${code}` };
}

/** What a code stands for; null, before any object is asked, if it was guessed or damaged. */
export function linkOf(c: LinkContext, kind: PageKind, code: string): Promise<Link | null> {
  return openCode(c.var.settings.linkSecrets, kind, code);
}

/** The JSON object of a request; none at all is an empty one. */
export async function readObjectIfAny(c: Context): Promise<Body> {
  const { byteLength } = await c.req.arrayBuffer();
  return byteLength === 0 ? { ok: true, value: {} } : readObject(c);
}

export function wholeUpTo(max: number) {
  return v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max));
}

/** Addresses whose path ends in a code. Whoever has a code can use it: it belongs into no log. */
const PATH_WITH_CODE = /^(\/(?:i|s|v1\/invites|v1\/shares)\/)[^/]+/;

/** The path of a request as a log may have it. */
export function pathWithoutCode(path: string): string {
  return path.replace(PATH_WITH_CODE, "$1…");
}
