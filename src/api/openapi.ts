import { Hono } from "hono";

import document from "../../docs/openapi.json" with { type: "json" };
import type { ApiEnv } from "./context.ts";
import { DOCS_STYLE, docsPage } from "./docs-page.ts";

/** A deploy may change the description; within minutes everybody has the new one. */
const CACHE = "public, max-age=300";

/** Made by the first request that asks: both are of the build, not of a request. */
let page: { readonly text: string; readonly policy: string } | undefined;

/** The description of this API, for programs and for people. No token: it says nothing about anybody. */
export const openApi = new Hono<ApiEnv>()
  .get("/openapi.json", (c) => c.json(document, 200, { "cache-control": CACHE }))
  .get("/docs", async (c) => {
    page ??= { text: String(await docsPage(document)), policy: await policyOf(DOCS_STYLE) };
    return c.html(page.text, 200, {
      "cache-control": CACHE,
      "content-security-policy": page.policy,
      "referrer-policy": "no-referrer",
      "strict-transport-security": "max-age=31536000",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
  });

/** The page's own style by its hash, and nothing else at all: unlike one with a nonce, such a page can be cached. */
async function policyOf(style: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  const source = `'sha256-${btoa(String.fromCharCode(...new Uint8Array(hash)))}'`;
  return [
    "default-src 'none'",
    `style-src ${source}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
