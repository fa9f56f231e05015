/** The pages that the Worker writes itself: the description of the API, and those behind links. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import * as v from "valibot";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";

import { problems } from "./axe.ts";
import { launch, NARROW, newContext, watchForFailures, WIDE } from "./browser.ts";

const SCREENSHOTS_DIR = join(import.meta.dirname, "../../dist/screenshots");
const url = inject("url");

let browser: Browser;

beforeAll(async () => {
  mkdirSync(SCREENSHOTS_DIR, { recursive: true });
  browser = await launch();
});

afterAll(() => browser.close());

async function open(path: string, look: { viewport: typeof WIDE | typeof NARROW; colorScheme: "light" | "dark" }) {
  const context = await newContext(browser, { url, ...look });
  const page = await context.newPage();
  const failures = watchForFailures(page);
  const answer = await page.goto(path);
  return { page, failures, status: answer?.status() };
}

async function fitsAcross(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
}

async function call(token: string | undefined, path: string, body: object): Promise<unknown> {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(new URL(path, url), { method: "POST", headers, body: JSON.stringify(body) });
  expect(answer.ok, path).toBe(true);
  return answer.json();
}

async function signIn(user: string, name: string): Promise<string> {
  const { token } = v.parse(v.object({ token: v.string() }), await call(undefined, "/dev/login", { user, name }));
  return token;
}

const LOOKS = [
  ["wide", "light"],
  ["wide", "dark"],
  ["narrow", "light"],
  ["narrow", "dark"],
] as const;

describe("plain pages", () => {
  test.each(LOOKS)("/docs, %s and %s: every operation is there, and nothing is refused", async (shape, colorScheme) => {
    const viewport = shape === "wide" ? WIDE : NARROW;
    const { page, failures, status } = await open("/docs", { viewport, colorScheme });
    expect(status).toBe(200);
    const text = await page.locator("body").innerText();
    for (const path of ["/v1/friends/{id}", "/v1/history", "/v1/invites/{code}", "/v1/connect"]) {
      expect(text).toContain(path);
    }
    expect(await fitsAcross(page)).toBe(true);
    await page.screenshot({ path: join(SCREENSHOTS_DIR, `docs-${shape}-${colorScheme}.png`) });
    expect(await problems(page)).toEqual([]);
    expect(failures).toEqual([]);
  });

  test.each(LOOKS)(
    "an invite, %s and %s: the name is text, and the way into the app is there",
    async (shape, scheme) => {
      const token = await signIn(`host-${shape}-${scheme}`, "<b>Ann</b> & co");
      const { code } = v.parse(v.object({ code: v.string() }), await call(token, "/v1/invites", {}));
      const viewport = shape === "wide" ? WIDE : NARROW;
      const { page, failures, status } = await open(`/i/${code}`, { viewport, colorScheme: scheme });
      expect(status).toBe(200);
      expect(await page.locator("h1").innerText()).toContain("<b>Ann</b> & co invites you");
      expect(await page.getByRole("link", { name: "Open in the web app" }).getAttribute("href")).toBe(
        `/#invite=${code}`,
      );
      expect(await fitsAcross(page)).toBe(true);
      await page.screenshot({ path: join(SCREENSHOTS_DIR, `invite-${shape}-${scheme}.png`) });
      expect(await problems(page)).toEqual([]);
      expect(failures).toEqual([]);
    },
  );

  test.each(LOOKS)("a share, %s and %s: the name is text, and the place is there", async (shape, scheme) => {
    const token = await signIn(`sharer-${shape}-${scheme}`, "<b>Ann</b> & co");
    await call(token, "/v1/location", { lat: 37.5512, lng: 126.9882, ts: Date.now() });
    const { code } = v.parse(v.object({ code: v.string() }), await call(token, "/v1/shares", { minutes: 60 }));
    const viewport = shape === "wide" ? WIDE : NARROW;
    const { page, failures, status } = await open(`/s/${code}`, { viewport, colorScheme: scheme });
    expect(status).toBe(200);
    await page.getByText("37.55120, 126.98820").waitFor();
    expect(await page.locator("h1").innerText()).toContain("<b>Ann</b> & co");
    expect(await fitsAcross(page)).toBe(true);
    await page.screenshot({ path: join(SCREENSHOTS_DIR, `share-${shape}-${scheme}.png`) });
    expect(await problems(page)).toEqual([]);
    expect(failures).toEqual([]);
  });
});
