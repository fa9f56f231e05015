import { describe, expect } from "vitest";

import { SOON_MS, test, App } from "./app.ts";
import { startProxy } from "./proxy.ts";
import { away, entry, HERE } from "./town.ts";

/** The wait before the last attempts grows to 30 s; the page's own request ends it sooner. */
const BACK_MS = 40_000;
const HOUR_MS = 3_600_000;

describe("faults", () => {
  test("positions of a time without network are saved afterwards: the trail is complete", async ({ town, open }) => {
    const proxy = await startProxy(town.url);
    const visitor = await town.person("Visitor");
    const app = await open(visitor, { url: proxy.url });
    const marker = app.page.getByRole("button", { name: "You are here" });
    const step = async (): Promise<void> => {
      await marker.press("ArrowRight");
      // Positions of one millisecond are one position.
      await app.page.waitForTimeout(30);
    };
    await marker.focus();
    for (let i = 0; i < 3; i++) await step();
    proxy.cut();
    await app.expectState("Offline");
    for (let i = 0; i < 5; i++) await step();
    // The server tells what is stored once in a while: all of them are kept here until then. A place where the marker
    // rests is said once more.
    const waiting = async () =>
      Number(/(\d+) positions wait/.exec((await app.page.locator(".pill").textContent()) ?? "")?.[1]);
    await expect.poll(waiting, { timeout: SOON_MS }).toBeGreaterThanOrEqual(9);
    proxy.restore();
    await app.expectState("Online", BACK_MS);
    const trail = async () => {
      const { points } = (await visitor.api("GET", "/v1/history")) as { points: { lng: number }[] };
      return new Set(points.map(({ lng }) => lng.toFixed(5))).size;
    };
    // Where the visitor stood first, and after each of the eight steps.
    await expect.poll(trail, { timeout: SOON_MS }).toBe(9);
    await app.tab("Trail");
    await expect
      .poll(() => app.page.locator(".scroll").textContent(), { timeout: SOON_MS })
      .toContain("200 m on the way");
    const slider = app.page.getByRole("slider");
    expect(Number(await slider.getAttribute("max"))).toBeGreaterThan(Number(await slider.getAttribute("min")));
    await proxy.close();
  });

  test("a server that is away at the start is waited for", async ({ browser, town }) => {
    const proxy = await startProxy(town.url);
    const visitor = await town.person("Visitor");
    const app = await App.open(browser, { url: proxy.url }, "/");
    await app.page.evaluate(async () => {
      await navigator.serviceWorker.ready;
      if (navigator.serviceWorker.controller === null) {
        await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve));
      }
    });
    proxy.cut();
    await app.page.reload();
    await expect
      .poll(() => app.page.locator(".sign-in").textContent(), { timeout: SOON_MS })
      .toContain("The server cannot be reached");
    await app.page.goto(entry(visitor, HERE));
    await app.expectState("Offline");
    proxy.restore();
    await app.expectState("Online", BACK_MS);
    await app.context.close();
    await proxy.close();
  });

  test("a token that the server refuses leads back to the sign-in, and says so", async ({ browser, town }) => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const forged = `${encode({ alg: "HS256" })}.${encode({ sub: "eve", exp: 4_000_000_000 })}.AAAA`;
    const app = await App.open(browser, { url: town.url }, `/#token=${forged}`);
    await expect
      .poll(() => app.page.locator(".sign-in").textContent(), { timeout: BACK_MS })
      .toContain("did not accept this sign-in");
    expect(app.page.url()).toBe(`${town.url}/`);
    await app.context.close();
  });

  test("without permission for the location the page says what to do", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const app = await open(visitor, { at: null });
    await app.page.getByRole("button", { name: "Use my location" }).click();
    await expect
      .poll(() => app.page.getByRole("alert").textContent(), { timeout: SOON_MS })
      .toContain("does not allow this page to know the location");
    await app.page.getByRole("button", { name: "Choose on the map" }).click();
    await expect.poll(() => app.page.locator(".own").count(), { timeout: SOON_MS }).toBe(1);
  });

  test("the location of the device is sent when the user says so, and not before", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    const ana = await town.person("Ana");
    await town.befriend(visitor, ana);
    ana.move(away(300, 0));
    const geolocation = { latitude: HERE.lat, longitude: HERE.lng };
    const app = await open(visitor, { at: null, geolocation });
    expect((await visitor.api("GET", "/v1/history")) as { points: unknown[] }).toMatchObject({ points: [] });
    await app.page.getByRole("button", { name: "Use my location" }).click();
    await app.expectNear(["Ana"]);
  });

  test("a clock that is off by an hour changes no age, and no trail", async ({ browser, town }) => {
    for (const shiftMs of [-HOUR_MS, HOUR_MS]) {
      const visitor = await town.person("Visitor");
      const ana = await town.person("Ana");
      await town.befriend(visitor, ana);
      ana.move(away(300, 0));
      const app = await App.open(browser, { url: town.url }, "about:blank");
      await app.page.addInitScript((ms) => {
        const now = Date.now;
        Date.now = () => now() + ms;
      }, shiftMs);
      await app.page.goto(entry(visitor, HERE));
      await app.expectNear(["Ana"]);
      expect(await app.page.locator(".rows .person-note").textContent()).toBe("just now");
      await app.page.getByRole("button", { name: "You are here" }).press("ArrowUp");
      const newest = async () => {
        const { points } = (await visitor.api("GET", "/v1/history")) as { points: { ts: number }[] };
        return Math.abs((points.at(-1)?.ts ?? 0) - Date.now()) < SOON_MS && points.length > 1;
      };
      await expect.poll(newest, { timeout: SOON_MS }).toBe(true);
      await app.context.close();
    }
  });

  test("the basemap of the settings is drawn, and a plain map where it cannot be had", async ({ browser, town }) => {
    const visitor = await town.person("Visitor");
    const style = {
      version: 8,
      sources: {},
      layers: [{ id: "sea", type: "background", paint: { "background-color": "#0000ff" } }],
    };
    for (const isThere of [true, false]) {
      const app = await App.open(browser, { url: town.url }, "about:blank");
      // What the service worker answers is not routed.
      await app.page.route("**/app/config.json", (route) =>
        route.fulfill({ json: { mapStyleUrl: "https://tiles.invalid/style.json", devLogin: true } }),
      );
      await app.page.route("https://tiles.invalid/**", (route) =>
        isThere ? route.fulfill({ json: style, headers: { "access-control-allow-origin": "*" } }) : route.abort(),
      );
      await app.page.goto(entry(visitor, HERE));
      await app.expectState("Online");
      if (!isThere) await app.expectNotice("A plain map is shown");
      const ground = async () => {
        const shot = await app.page.screenshot({ clip: { x: 1_000, y: 860, width: 2, height: 2 } });
        return app.page.evaluate(async (data) => {
          const picture = new Image();
          picture.src = `data:image/png;base64,${data}`;
          await picture.decode();
          const canvas = document.createElement("canvas");
          const pen = canvas.getContext("2d");
          pen?.drawImage(picture, 0, 0);
          return Array.from(pen?.getImageData(0, 0, 1, 1).data ?? []).slice(0, 3);
        }, shot.toString("base64"));
      };
      await expect.poll(ground, { timeout: SOON_MS }).toEqual(isThere ? [0, 0, 255] : [233, 238, 242]);
      await app.context.close();
    }
  });
});
