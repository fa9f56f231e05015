import { createNearbyClient, type NearbyClient } from "../../src/client/index.ts";
import type { Place } from "../../src/geo/place.ts";
import { afterEach, describe, expect } from "vitest";

import { SOON_MS, test, type App } from "./app.ts";
import type { Person } from "./town.ts";

/** Far from where all other tests are: whoever is discoverable there would be seen by these. */
const ISLAND: Place = { lat: -37.1052, lng: -12.2777 };

const clients: NearbyClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

async function standsAt(person: Person, place: Place): Promise<void> {
  await person.api("PATCH", "/v1/me", { discoverable: true });
  const client = createNearbyClient({ url: person.url, token: () => Promise.resolve(person.token) });
  clients.push(client);
  client.discover(true);
  client.send(place);
}

async function expectStrangers(app: App, count: number): Promise<void> {
  const onMap = () => app.page.locator("canvas[data-strangers]").getAttribute("data-strangers");
  await expect.poll(onMap, { timeout: SOON_MS }).toBe(String(count));
}

describe("nearby strangers", () => {
  test("the switch shows them as dots and a number, without a name, and takes them away", async ({ town, open }) => {
    const visitor = await town.person("Visitor");
    for (const [i, name] of ["Ana Pereira", "Ben Okafor"].entries()) {
      await standsAt(await town.person(name), { lat: ISLAND.lat + 0.004 * (i + 1), lng: ISLAND.lng });
    }
    const app = await open(visitor, { at: ISLAND });
    await expectStrangers(app, 0);
    await app.tab("You");
    const toggle = app.page.getByRole("switch", { name: "Discoverable" });
    expect(await toggle.isChecked()).toBe(false);
    await toggle.click();
    await expectStrangers(app, 2);
    await app.tab("Near");
    await expect.poll(() => app.page.locator(".strangers").textContent()).toBe("2 other people nearby");
    expect(await app.page.content()).not.toMatch(/Ana Pereira|Ben Okafor/);
    expect(await app.near()).toEqual([]);

    // Another page of the same person: the choice is the account's.
    await app.page.reload();
    await app.expectState("Online");
    await expectStrangers(app, 2);

    await app.tab("You");
    await toggle.click();
    await expectStrangers(app, 0);
    await app.tab("Near");
    await expect.poll(() => app.page.locator(".strangers").count()).toBe(0);
    expect(app.failures).toEqual([]);
  });
});
