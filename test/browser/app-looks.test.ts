import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";

import { App, SOON_MS, test } from "./app.ts";
import { problems } from "./axe.ts";
import { NARROW, WIDE } from "./browser.ts";
import { away, entry, HERE, type Person, type Town } from "./town.ts";

/** Not part of the repository. */
const SCREENSHOTS_DIR = join(import.meta.dirname, "../../dist/screenshots");
const TABS = ["Near", "Friends", "Trail", "Links", "You"];
const NAMES = [
  "Jimin Kim",
  "Ana Pereira",
  "박서연",
  "Noah Berg",
  "이도윤",
  "Mia Rossi",
  "Haeun Choi",
  "Liam O'Shea",
  "Zoë Martin",
  "강수아",
  "Omar Haddad",
  "Freya Lund",
  "Kofi Mensah",
  "장시우",
];

/** The visitor of a town that is worth a picture. */
async function settle(town: Town): Promise<Person> {
  const visitor = await town.person("Visitor");
  for (const [i, name] of NAMES.entries()) {
    const friend = await town.person(name);
    await town.befriend(visitor, friend);
    if (i === 2) await friend.api("PATCH", `/v1/friends/${visitor.id}`, { visibility: "coarse" });
    const [angle, radiusM] = [i * 2.4 + 0.5, 900 + i * 480];
    friend.move(away(Math.cos(angle) * radiusM, Math.sin(angle) * radiusM));
  }
  const asker = await town.person("Priya Nair");
  await asker.put(visitor);
  await visitor.api("POST", "/v1/invites", {});
  await visitor.api("POST", "/v1/shares", { minutes: 60 });
  const startMs = Date.now() - 20 * 60_000;
  const points = Array.from({ length: 60 }, (_, i) => ({
    ...away(-3_000 + i * 50, Math.sin(i / 6) * 900),
    ts: Math.round(startMs + i * 20_000),
  }));
  await visitor.api("POST", "/v1/location", { points });
  return visitor;
}

describe("looks", () => {
  for (const [shape, viewport] of [["wide", WIDE] as const, ["narrow", NARROW] as const]) {
    for (const colorScheme of ["light", "dark"] as const) {
      test(`${shape}, ${colorScheme}: nothing keeps people out, and nothing is cut off`, async ({ town, open }) => {
        mkdirSync(SCREENSHOTS_DIR, { recursive: true });
        const visitor = await settle(town);
        const app = await open(visitor, { viewport, colorScheme, scale: shape === "wide" ? 1 : 2 });
        await app.expectOnMap(NAMES.length);
        await app.page.waitForFunction(() => performance.getEntriesByName("map-painted").length > 0);
        for (const tab of TABS) {
          await app.tab(tab);
          await app.page.waitForTimeout(700);
          await app.page.screenshot({
            path: join(SCREENSHOTS_DIR, `${tab.toLowerCase()}-${shape}-${colorScheme}.png`),
          });
          expect(await problems(app.page), tab).toEqual([]);
          // Wider than the screen: something would have to be scrolled sideways.
          expect(await app.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
          const overflow = await app.page.evaluate(() => {
            const scroll = document.querySelector(".scroll");
            return scroll !== null && scroll.scrollWidth > scroll.clientWidth;
          });
          expect(overflow, tab).toBe(false);
        }
        await app.tab("Near");
        await app.page.locator(".rows .person-main").first().click();
        await app.page.waitForTimeout(300);
        await app.page.screenshot({ path: join(SCREENSHOTS_DIR, `friend-${shape}-${colorScheme}.png`) });
        expect(await problems(app.page), "friend").toEqual([]);
        expect(app.failures).toEqual([]);
      });
    }
  }

  test("the sign-in, in Korean", async ({ browser, town }) => {
    const app = await App.open(browser, { url: town.url, locale: "ko-KR", viewport: NARROW, scale: 2 }, "/");
    await expect.poll(() => app.page.getByRole("button").allTextContents(), { timeout: SOON_MS }).toEqual(["로그인"]);
    await app.page.screenshot({ path: join(SCREENSHOTS_DIR, "sign-in-narrow-ko.png") });
    expect(await problems(app.page)).toEqual([]);
    expect(await app.page.evaluate(() => document.documentElement.lang)).toBe("ko");
    await app.context.close();
  });

  test("the browser finds nothing that keeps the app from being installed", async ({ browser, town }) => {
    const app = await App.open(browser, { url: town.url }, "/");
    await app.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    const session = await app.context.newCDPSession(app.page);
    const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
    // Contexts of tests are private windows, and nothing is installed out of those.
    expect(installabilityErrors.map(({ errorId }) => errorId)).toEqual(["in-incognito"]);
    const { errors, url } = await session.send("Page.getAppManifest");
    expect([errors, url]).toEqual([[], `${town.url}/manifest.webmanifest`]);
    await app.context.close();
  });

  test("everything can be reached and done with the keyboard", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const ana = await town.person("Ana");
    await town.befriend(visitor, ana);
    ana.move(away(300, 0));
    const app = await open(visitor);
    await app.expectNear(["Ana"]);
    const reached: string[] = [];
    for (let i = 0; i < 20; i++) {
      await app.page.keyboard.press("Tab");
      reached.push(
        await app.page.evaluate(() => {
          const { activeElement } = document;
          return activeElement?.getAttribute("aria-label") ?? activeElement?.textContent ?? "";
        }),
      );
    }
    const all = reached.join("|");
    for (const name of ["Map of friends", "You are here", "Zoom in", "Centre on me", "Ana", "Near", "Trail", "You"]) {
      expect(all).toContain(name);
    }
    await app.page.locator(".rows .person-main").press("Enter");
    await app.page.getByRole("button", { name: "Remove friend" }).press("Enter");
    await app.page.locator("dialog[open]").waitFor();
    await app.page.keyboard.press("Escape");
    await expect.poll(() => app.page.locator("dialog").count(), { timeout: SOON_MS }).toBe(0);
    // Back where the question was asked.
    expect(await app.page.evaluate(() => document.activeElement?.textContent)).toBe("Remove friend");
    await app.page.getByRole("button", { name: "Close" }).press("Enter");
    await app.expectNear(["Ana"]);

    const before = await visitor.api("GET", "/v1/history");
    await app.page.getByRole("button", { name: "You are here" }).press("Shift+ArrowRight");
    await expect.poll(() => visitor.api("GET", "/v1/history"), { timeout: SOON_MS }).not.toEqual(before);
    const distance = () => app.page.locator(".rows .distance").textContent();
    await expect.poll(distance, { timeout: SOON_MS }).toBe("50 m");
  });

  test("a choice of appearance and language stays", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const app = await open(visitor, { colorScheme: "light" });
    await app.tab("You");
    await app.page.getByLabel("Dark").check({ force: true });
    await app.page.getByLabel("한국어").check({ force: true });
    await app.page.goto("about:blank");
    await app.page.goto(entry(visitor, HERE));
    await expect
      .poll(() => app.page.evaluate(() => document.documentElement.dataset["theme"]), { timeout: SOON_MS })
      .toBe("dark");
    await expect.poll(() => app.page.locator("h1").textContent(), { timeout: SOON_MS }).toBe("가까운 친구");
  });
});
