import { describe, expect } from "vitest";

import { SOON_MS, test, App } from "./app.ts";
import { away, entry, HERE } from "./town.ts";

const RADIUS_M = 8046.72;

describe("who is near", () => {
  test("a name is all that a development server asks for", async ({ browser, town }) => {
    const app = await App.open(browser, { url: town.url }, "/");
    await app.page.getByLabel("Your name").fill("Ada Lovelace");
    await app.page.getByRole("button", { name: "Sign in" }).click();
    await app.expectState("Online");
    await app.tab("You");
    await expect.poll(() => app.page.locator("code").textContent(), { timeout: SOON_MS }).toBe("ada-lovelace");
    expect(app.failures).toEqual([]);
    await app.context.close();
  });

  test("friends come nearest first, move, and leave the map at the circle", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const ana = await town.person("Ana Pereira");
    const ben = await town.person("Ben Okafor");
    await town.befriend(visitor, ana);
    await town.befriend(visitor, ben);
    ana.move(away(0, 500));
    ben.move(away(2_000, 0));

    const app = await open(visitor);
    await app.expectNear(["Ana Pereira", "Ben Okafor"]);
    const distances = app.page.locator(".rows .distance");
    await expect.poll(() => distances.allTextContents(), { timeout: SOON_MS }).toEqual(["500 m", "2 km"]);

    ana.move(away(0, 4_000));
    await app.expectNear(["Ben Okafor", "Ana Pereira"]);
    await expect.poll(() => distances.allTextContents(), { timeout: SOON_MS }).toEqual(["2 km", "4 km"]);

    ben.move(away(RADIUS_M + 20, 0));
    await app.expectNear(["Ana Pereira"]);
    ben.move(away(RADIUS_M - 20, 0));
    await app.expectNear(["Ana Pereira", "Ben Okafor"]);
    expect(app.failures).toEqual([]);
  });

  test("who falls silent leaves", async ({ hasty, open }) => {
    const visitor = await hasty.person("Visitor");
    const ana = await hasty.person("Ana");
    await hasty.befriend(visitor, ana);
    // Not before the page is there: opening it may take as long as she stays.
    const app = await open(visitor);
    ana.move(away(300, 0));
    await app.expectNear(["Ana"]);
    await app.expectNear([]);
    ana.move(away(310, 0));
    await app.expectNear(["Ana"]);
  });

  test("a pause hides both, until it ends", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const ana = await town.person("Ana");
    await town.befriend(visitor, ana);
    const [mine, hers] = [await open(visitor), await open(ana, { at: away(300, 0) })];
    await mine.expectNear(["Ana"]);
    await hers.expectNear(["Visitor"]);

    await mine.tab("You");
    await mine.page.getByRole("switch", { name: "Share my position" }).click();
    await hers.expectNear([]);
    await mine.expectOnMap(0);
    await mine.tab("Near");
    await expect
      .poll(() => mine.page.locator(".scroll").textContent(), { timeout: SOON_MS })
      .toContain("You have paused");

    await mine.page.locator(".paused").getByRole("button", { name: "Share again" }).click();
    await mine.expectNear(["Ana"]);
    await hers.expectNear(["Visitor"]);
  });

  test("a name with markup in it is text", async ({ town, open }) => {
    const name = `<img src=x onerror="document.title='taken'"> & Co`;
    const visitor = await town.person("Visitor");
    const odd = await town.person(name);
    await town.befriend(visitor, odd);
    odd.move(away(100, 100));
    const app = await open(visitor);
    await app.expectNear([name]);
    await app.page.locator(".rows .person-main").click();
    expect(await app.page.locator(".card h2").textContent()).toBe(name);
    await app.tab("Friends");
    expect(await app.page.locator("img").count()).toBe(0);
    expect(await app.page.title()).toBe("Nearby Friends");
  });

  test("two tabs of one user both stay", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const ana = await town.person("Ana");
    await town.befriend(visitor, ana);
    ana.move(away(300, 0));
    const app = await open(visitor);
    const second = new App(app.context, await app.context.newPage());
    await second.page.goto(entry(visitor, HERE));
    await second.expectNear(["Ana"]);
    ana.move(away(900, 0));
    for (const each of [app, second]) {
      const distance = () => each.page.locator(".rows .distance").textContent();
      await expect.poll(distance, { timeout: SOON_MS }).toBe("900 m");
      await each.expectState("Online");
    }
  });
});

describe("friendships", () => {
  test("asked, accepted, seen, and ended", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const ana = await town.person("Ana");
    const [mine, hers] = [await open(visitor), await open(ana, { at: away(300, 0) })];
    await mine.tab("Friends");
    await mine.page.getByLabel("Add a friend").fill(ana.id);
    await mine.page.getByRole("button", { name: "Ask" }).click();
    await mine.expectNotice("Asked");
    await hers.tab("Friends");
    await hers.page.getByRole("button", { name: "Accept" }).click();
    await hers.tab("Near");
    await mine.tab("Near");
    await mine.expectNear(["Ana"]);
    await hers.expectNear(["Visitor"]);

    await mine.page.locator(".rows .person-main").click();
    await mine.page.getByRole("button", { name: "Remove friend" }).click();
    await mine.page.locator("dialog").getByRole("button", { name: "Remove friend" }).click();
    await mine.expectNear([]);
    await hers.expectNear([]);
  });

  test("what a friend may see is chosen for each of them", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const ana = await town.person("Ana");
    await town.befriend(visitor, ana);
    const [mine, hers] = [await open(visitor), await open(ana, { at: away(2_500, 0) })];
    await hers.expectNear(["Visitor"]);
    await mine.expectNear(["Ana"]);
    await mine.page.locator(".rows .person-main").click();
    await mine.page.getByLabel("About 1 km").check({ force: true });
    const distance = () => hers.page.locator(".rows .distance").textContent();
    await expect.poll(distance, { timeout: SOON_MS }).toContain("about");
    await mine.page.getByLabel("Not at all").check({ force: true });
    await hers.expectNear([]);
    await mine.expectOnMap(0);
    await mine.page.getByLabel("Exactly").check({ force: true });
    await hers.expectNear(["Visitor"]);
    await mine.page.getByLabel("Do not show me this friend").check();
    await mine.expectOnMap(0);
    await hers.expectNear(["Visitor"]);
  });

  test("an invitation is accepted in another browser, after a question", async ({ browser, town, open }) => {
    const visitor = await town.person("Visitor");
    const guest = await town.person("Guest");
    const app = await open(visitor);
    await app.tab("Links");
    await app.page.getByRole("button", { name: "New invitation" }).click();
    const url = (await app.page.locator(".link a").getAttribute("href")) ?? "";
    const code = url.split("/").at(-1) ?? "";
    expect(code).not.toBe("");

    const other = await App.open(browser, { url: town.url }, `/?invite=${code}`);
    await expect.poll(() => other.page.locator("h1").textContent(), { timeout: SOON_MS }).toBe("You are invited");
    expect(other.page.url()).toBe(`${town.url}/`);
    await other.page.goto(entry(guest, away(400, 0)));
    await other.page.reload();
    await other.page.locator("dialog").getByRole("button", { name: "Become friends" }).click();
    await other.expectNear(["Visitor"]);
    await app.tab("Near");
    await app.expectNear(["Guest"]);
    await other.context.close();
  });
});

describe("the trail of a day", () => {
  test("the slider goes from its first point to its last", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    // Ten minutes and forty seconds from the second half of a minute: no whole number of the slider's steps.
    const startMs = Math.floor(Date.now() / 60_000 - 20) * 60_000 + 30_000;
    const points = [0, 300_000, 640_000].map((ms, i) => ({ ...away(i * 200, 0), ts: startMs + ms }));
    await visitor.api("POST", "/v1/location", { points });
    const app = await open(visitor, { at: null });
    await app.tab("Trail");
    const slider = app.page.getByRole("slider");
    await slider.waitFor();
    const moment = () => app.page.locator(".slider output").textContent();
    const [first, last] = await app.page.locator(".slider-ends span").allTextContents();
    expect(first).not.toBe(last);
    expect(await moment()).toBe(last);
    for (const [key, shown] of [
      ["Home", first],
      ["End", last],
    ] as const) {
      await slider.press(key);
      await expect.poll(moment, { timeout: SOON_MS }).toBe(shown);
      expect(await slider.getAttribute("aria-valuetext")).toBe(shown);
    }
    await slider.press("ArrowLeft");
    await expect.poll(moment, { timeout: SOON_MS }).not.toBe(last);
  });
});
