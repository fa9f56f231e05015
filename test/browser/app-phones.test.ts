import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";

import { SOON_MS, test } from "./app.ts";
import { problems } from "./axe.ts";
import { NARROW, WIDE } from "./browser.ts";
import { away } from "./town.ts";

/** Not part of the repository. */
const SCREENSHOTS_DIR = join(import.meta.dirname, "../../dist/screenshots");

const now = (): number => Math.floor(Date.now() / 1000);

describe("phones", () => {
  test("[PASS1][PHONE5] an app is added, reports with what the page shows, and is removed", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const ana = await town.person("Ana");
    await town.befriend(visitor, ana);
    const app = await open(ana, { at: away(300, 0) });
    const own = await open(visitor, { at: null });
    await own.tab("You");
    await own.page.getByLabel("Name of the phone").fill("Pixel");
    await own.page.getByRole("button", { name: "Add a phone" }).click();
    const dialog = own.page.getByRole("dialog", { name: "Set up OwnTracks" });
    await dialog.waitFor();
    const link = (await dialog.getByRole("link").getAttribute("href")) ?? "";
    const inline = new URL(link).searchParams.get("inline") ?? "";
    const { url, username, password, encryptionKey } = JSON.parse(atob(inline)) as Record<string, string>;
    const texts = await dialog.locator("code").allTextContents();
    expect(texts).toEqual([url, username, password, encryptionKey]);
    await expect
      .poll(() => dialog.locator("img").evaluate((img: HTMLImageElement) => img.naturalWidth), { timeout: SOON_MS })
      .not.toBe(0);

    const { lat, lng } = away(0, 0);
    const answer = await fetch(url ?? "", {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
      body: JSON.stringify({ _type: "location", lat, lon: lng, tst: now() }),
    });
    expect(await answer.json()).toMatchObject([
      { _type: "card", name: "Ana" },
      { _type: "location", tid: "AN" },
    ]);
    await app.expectNear(["Visitor"]);

    await own.page.keyboard.press("Escape");
    await expect.poll(() => own.page.locator("dialog").count(), { timeout: SOON_MS }).toBe(0);
    expect(await own.page.content(), "the password is shown this once").not.toContain(password);
    await own.page.getByRole("button", { name: "Remove Pixel" }).click();
    await own.page.locator("dialog").getByRole("button", { name: "Remove" }).click();
    const phones = own.page.getByRole("list", { name: "Phones" }).getByRole("listitem");
    await expect.poll(() => phones.count(), { timeout: SOON_MS }).toBe(0);
    expect((await visitor.api("GET", "/v1/devices")) as object).toEqual({ devices: [] });
    expect(own.failures).toEqual([]);
  });

  test("with the keyboard alone, from the choice of the app to the copied identifier", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const app = await open(visitor);
    await app.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await app.tab("You");
    const { keyboard } = app.page;
    await app.page.getByLabel("OwnTracks", { exact: true }).focus();
    await keyboard.press("ArrowRight");
    await keyboard.press("Tab");
    await keyboard.type("Old phone");
    await keyboard.press("Enter");
    const dialog = app.page.getByRole("dialog", { name: "Set up Traccar Client" });
    await dialog.waitFor();
    const link = (await dialog.getByRole("link").getAttribute("href")) ?? "";
    const id = new URL(link).searchParams.get("id") ?? "";
    await dialog.getByRole("button", { name: "Copy: Device identifier" }).focus();
    await keyboard.press("Enter");
    await dialog.getByRole("button", { name: "Copied: Device identifier" }).waitFor();
    expect(await app.page.evaluate(() => navigator.clipboard.readText())).toBe(id);
    await dialog.getByRole("button", { name: "Done" }).focus();
    await keyboard.press("Enter");
    await app.page.getByRole("button", { name: "Remove Old phone" }).waitFor();
    expect(app.failures).toEqual([]);
  });

  for (const [shape, viewport] of [["wide", WIDE] as const, ["narrow", NARROW] as const]) {
    for (const [colorScheme, language] of [["light", "English"] as const, ["dark", "한국어"] as const]) {
      test(`${shape}, ${colorScheme}: nothing keeps people out, and nothing is cut off`, async ({ town, open }) => {
        mkdirSync(SCREENSHOTS_DIR, { recursive: true });
        const visitor = await town.person("Visitor");
        await visitor.api("POST", "/v1/devices", { app: "traccar", name: "A phone with a name that is rather long" });
        await visitor.api("POST", "/v1/devices", { app: "owntracks" });
        const app = await open(visitor, { viewport, colorScheme, scale: 2 });
        await app.page.locator(".tabs button").last().click();
        await app.page.getByLabel(language).check({ force: true });
        await app.page.locator(".new-phone").scrollIntoViewIfNeeded();
        const look = async (name: string, scroller: string): Promise<void> => {
          await app.page.waitForTimeout(300);
          await app.page.screenshot({ path: join(SCREENSHOTS_DIR, `${name}-${shape}-${colorScheme}.png`) });
          expect(await problems(app.page), name).toEqual([]);
          const overflow = await app.page
            .locator(scroller)
            .evaluate((element) => element.scrollWidth > element.clientWidth);
          expect(overflow, name).toBe(false);
        };
        await look("phones", ".scroll");
        await app.page.locator(".new-phone button").click();
        await app.page.locator("dialog[open] img").waitFor();
        await look("phone-setup", "dialog[open]");
        expect(app.failures).toEqual([]);
      });
    }
  }
});
