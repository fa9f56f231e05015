/** The operations console, on a server that the test plays, and on the real one. */
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { SignJWT } from "jose";
import type { Browser, Page } from "playwright-core";
import { afterEach, describe, expect, inject } from "vitest";

import { buildPage } from "../../scripts/serve/page.ts";
import { ADMIN_TOKEN, ANA, type FakeAdmin, startFakeAdmin, USER_TOKEN } from "../unit/fake-admin.ts";
import { SOON_MS, test } from "./app.ts";
import { problems } from "./axe.ts";
import { away, HERE } from "./town.ts";
import { NARROW, newContext, type PageOptions, watchForFailures, WIDE } from "./browser.ts";

/** Not part of the repository. */
const SCREENSHOTS_DIR = join(import.meta.dirname, "../../dist/screenshots");
const EVERY_MS = 60;
const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

interface Opened {
  readonly page: Page;
  readonly failures: readonly string[];
  /** Requests to anywhere but the server. */
  readonly elsewhere: readonly string[];
}

let fake: FakeAdmin | undefined;
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await fake?.close();
  fake = undefined;
});

/** Serves the built console with its own policy, and plays the API. */
async function startFake(): Promise<FakeAdmin> {
  const dir = await buildPage();
  if (dir === undefined) throw new Error("there is no page");
  const policy = /\n\/admin\n[^/]*\n {2}Content-Security-Policy: (.*)\n/.exec(
    readFileSync(join(dir, "_headers"), "utf8"),
  )?.[1];
  if (policy === undefined) throw new Error("the console has no policy");
  fake = await startFakeAdmin({
    everyMs: EVERY_MS,
    other({ url = "/" }, response) {
      const { pathname } = new URL(url, "http://fake");
      const file = join(dir, pathname === "/admin" ? "admin.html" : pathname);
      if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
        response.writeHead(404).end();
        return;
      }
      const type = TYPES[extname(file)] ?? "text/html";
      response.writeHead(200, { "content-type": type, "content-security-policy": policy }).end(readFileSync(file));
    },
  });
  return fake;
}

async function open(browser: Browser, options: PageOptions, path: string): Promise<Opened> {
  const context = await newContext(browser, options);
  closing.push(() => context.close());
  const page = await context.newPage();
  const failures = watchForFailures(page);
  const elsewhere: string[] = [];
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== options.url) elsewhere.push(request.url());
  });
  await page.goto(path);
  return { page, failures, elsewhere };
}

async function expectState(page: Page, text: string): Promise<void> {
  await expect.poll(() => page.locator(".pill").textContent(), { timeout: SOON_MS }).toContain(text);
}

async function lookUp(page: Page, id: string): Promise<void> {
  await page.getByLabel("User id").fill(id);
  await page.getByRole("button", { name: "Look up" }).click();
}

describe("signing in", () => {
  test("[ADMIN10] a pasted token is kept for the tab only, and no address has it", async ({ browser }) => {
    const { url } = await startFake();
    const { page, failures } = await open(browser, { url }, "/admin");
    await page.getByLabel("Token with role admin").fill("nonsense");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect.poll(() => page.getByRole("alert").textContent()).toContain("npm run token -- NAME --role admin");
    await page.getByLabel("Token with role admin").fill(ADMIN_TOKEN);
    await page.keyboard.press("Enter");
    await expectState(page, "Live");
    expect(page.url()).toBe(`${url}/admin`);
    expect(await page.evaluate(() => [localStorage.length, document.cookie])).toEqual([0, ""]);
    await page.reload();
    await expectState(page, "Live");
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect.poll(() => page.getByLabel("Token with role admin").isVisible()).toBe(true);
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    expect(failures).toEqual([]);
  });

  test("[ADMIN10] a token behind the # is taken out of the address", async ({ browser }) => {
    const { url } = await startFake();
    const { page } = await open(browser, { url }, `/admin#token=${ADMIN_TOKEN}`);
    await expectState(page, "Live");
    expect(page.url()).toBe(`${url}/admin`);
  });

  test("a token of a user is refused with what to do", async ({ browser }) => {
    const { url } = await startFake();
    const { page } = await open(browser, { url }, `/admin#token=${USER_TOKEN}`);
    await expect.poll(() => page.getByRole("alert").textContent(), { timeout: SOON_MS }).toContain("no role admin");
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  });

  test("[ADMIN1] [ADMIN10] the real server: a user is refused, and its headers hold the page", async ({
    browser,
    town,
  }) => {
    const url = inject("url");
    const visitor = await town.person("Visitor");
    const headers = (await fetch(`${url}/admin`)).headers;
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'none';.*connect-src 'self';/);
    expect(headers.get("content-security-policy")).not.toContain("https:");
    expect(headers.get("x-robots-tag")).toBe("noindex");
    const { page } = await open(browser, { url }, `/admin#token=${visitor.token}`);
    await expect.poll(() => page.getByRole("alert").textContent(), { timeout: SOON_MS }).toContain("no role admin");
  });
});

test("the real server: a user who is connected is found, disconnected, and comes back", async ({ browser, town }) => {
  const url = inject("url");
  const ana = await town.person("Ana");
  const ben = await town.person("Ben");
  await town.befriend(ana, ben);
  ana.move(HERE);
  ben.move(away(300, 0));
  const token = await new SignJWT({ role: "admin" })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("ops")
    .setExpirationTime("5 min")
    .sign(new TextEncoder().encode(inject("secret")));
  const { page, failures, elsewhere } = await open(browser, { url }, `/admin#token=${token}`);
  await expectState(page, "Live");
  await page.locator("[data-figure=connections] .number").waitFor();
  await lookUp(page, ana.id);
  await page.getByText("1 near, 0 far, 0 unknown").waitFor();
  await page.getByRole("button", { name: "Disconnect all" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await page.getByText("Closed 1 connection.").waitFor();
  await expect
    .poll(
      async () => {
        await page.getByRole("button", { name: "Look up" }).click();
        return page.getByRole("button", { name: "Disconnect all" }).count();
      },
      { timeout: SOON_MS, interval: 500 },
    )
    .toBe(1);
  await lookUp(page, `${ana.id}.never`);
  await page.getByText(`There is no user ${ana.id}.never.`).waitFor();
  // The browser itself reports the answer of 404.
  expect(failures.filter((text) => !text.includes("404"))).toEqual([]);
  expect(elsewhere).toEqual([]);
});

describe("what it shows", () => {
  for (const [shape, viewport] of [["wide", WIDE] as const, ["narrow", NARROW] as const]) {
    for (const colorScheme of ["light", "dark"] as const) {
      test(`${shape}, ${colorScheme}: nothing keeps people out, and nothing is cut off`, async ({ browser }) => {
        mkdirSync(SCREENSHOTS_DIR, { recursive: true });
        const { url } = await startFake();
        const options = { url, viewport, colorScheme, scale: shape === "wide" ? 1 : 2 };
        const { page, failures, elsewhere } = await open(browser, options, "/admin");
        expect(await problems(page), "sign-in").toEqual([]);
        await page.screenshot({ path: join(SCREENSHOTS_DIR, `admin-sign-in-${shape}-${colorScheme}.png`) });
        await page.getByLabel("Token with role admin").fill(ADMIN_TOKEN);
        await page.keyboard.press("Enter");
        await lookUp(page, ANA);
        await page.getByText("phone-1").waitFor();
        // A line of some length in every card.
        await expect.poll(() => fake?.seconds ?? 0, { timeout: SOON_MS }).toBeGreaterThan(60);
        await page.screenshot({ path: join(SCREENSHOTS_DIR, `admin-${shape}-${colorScheme}.png`), fullPage: true });
        expect(await problems(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
        expect(failures).toEqual([]);
        expect(elsewhere).toEqual([]);
      });
    }
  }

  test("figures move by themselves, and their lines grow", async ({ browser }) => {
    const { url } = await startFake();
    const { page } = await open(browser, { url }, `/admin#token=${ADMIN_TOKEN}`);
    const figure = page.locator("[data-figure=positions]");
    await expect.poll(() => figure.locator(".number").textContent(), { timeout: SOON_MS }).toMatch(/^\d+(\.\d+)?\/s$/);
    const line = () => figure.locator(".spark-line").getAttribute("d");
    const before = (await line())?.length ?? 0;
    await expect.poll(async () => (await line())?.length ?? 0, { timeout: SOON_MS }).toBeGreaterThan(before);
    expect(await page.locator("rect.cell").count()).toBe(6);
    expect(await page.getByRole("row", { name: /cassandra/ }).textContent()).toBe("cassandra5,1901295 s");
  });

  test("a broken stream is told, with how old the figures are, and comes back", async ({ browser }) => {
    const server = await startFake();
    const { page } = await open(browser, { url: server.url }, `/admin#token=${ADMIN_TOKEN}`);
    await expectState(page, "Live");
    server.setStreams(false);
    await expectState(page, "Reconnecting");
    const banner = page.locator(".banner.bad");
    await expect
      .poll(() => banner.textContent(), { timeout: SOON_MS })
      .toMatch(/Trying again in \d+ s\. The figures are/);
    server.setStreams(true);
    await expectState(page, "Live");
    await expect.poll(() => banner.count()).toBe(0);
  });

  test("a shard that does not answer, and draining, are said", async ({ browser }) => {
    const server = await startFake();
    server.change = (stats) => ({
      ...stats,
      shards: { asked: 40, answered: 38 },
      draining: { left: 7, until: stats.at + 60_000 },
    });
    const { page } = await open(browser, { url: server.url }, `/admin#token=${ADMIN_TOKEN}`);
    await page.getByText("38 of 40 shards of the monitor answer").waitFor();
    await page.getByText("Draining: 7 people left").waitFor();
  });
});

describe("a user", () => {
  test("devices are disconnected after a question, by keyboard as well", async ({ browser }) => {
    const server = await startFake();
    const { page, failures } = await open(browser, { url: server.url }, `/admin#token=${ADMIN_TOKEN}`);
    await lookUp(page, ANA);
    await page.getByText("17 near, 24 far, 1 unknown").waitFor();
    const button = page.getByRole("button", { name: "Disconnect phone-1" });
    await button.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => dialog.count()).toBe(0);
    expect(server.disconnected).toEqual([]);
    expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press("Enter");
    await dialog.getByRole("button", { name: "Disconnect" }).click();
    await page.getByText("Closed 1 connection.").waitFor();
    expect(server.disconnected).toEqual(["phone-1"]);
    expect(await button.count()).toBe(0);
    await page.getByRole("button", { name: "Disconnect all" }).click();
    await dialog.getByRole("button", { name: "Disconnect" }).click();
    await page.getByText("Closed 2 connections.").waitFor();
    expect(server.disconnected).toEqual(["phone-1", undefined]);
    expect(failures).toEqual([]);
  });

  test("one who never was, and what is no id, are said", async ({ browser }) => {
    const { url } = await startFake();
    const { page } = await open(browser, { url }, `/admin#token=${ADMIN_TOKEN}`);
    await lookUp(page, "nobody");
    await page.getByText("There is no user nobody.").waitFor();
    await lookUp(page, "a/b");
    await page.getByText("A user id is 1 to 64 of").waitFor();
  });

  test("of a recent error is one click away", async ({ browser }) => {
    const { url } = await startFake();
    const { page } = await open(browser, { url }, `/admin#token=${ADMIN_TOKEN}`);
    await page.getByRole("button", { name: ANA }).click();
    await page.getByText("17 near, 24 far, 1 unknown").waitFor();
  });
});
