/** What takes its time, and little else: all of it at once. */
import { describe, expect } from "vitest";

import { App, SOON_MS, test } from "./app.ts";
import { FAKE_ENTRY, startFakeServer } from "./fake-server.ts";
import { away, HERE } from "./town.ts";

const FRIENDS = 400;
const HEAP_GROWTH_MAX = 0.1;
const WARM_UP_MS = 20_000;
/** NEARBY_LEAK_MINUTES=10 looks for longer. */
const LEAK_MS = Number(process.env["NEARBY_LEAK_MINUTES"] ?? "2") * 60_000;

describe.concurrent("in the long run", () => {
  test(
    "the heap does not grow",
    async ({ browser }) => {
      const server = await startFakeServer(FRIENDS, 5 * FRIENDS);
      const app = await App.open(browser, { url: server.url }, FAKE_ENTRY);
      await app.expectOnMap(FRIENDS);
      const session = await app.context.newCDPSession(app.page);
      const usedBytes = async (): Promise<number> => {
        await session.send("HeapProfiler.collectGarbage");
        return (await session.send("Runtime.getHeapUsage")).usedSize;
      };
      await app.page.waitForTimeout(WARM_UP_MS);
      const before = await usedBytes();
      await app.page.waitForTimeout(LEAK_MS);
      const after = await usedBytes();
      const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
      process.stdout.write(
        `heap at ${5 * FRIENDS} moves/s: ${mb(before)}, after ${LEAK_MS / 60_000} min ${mb(after)}\n`,
      );
      expect(after / before).toBeLessThan(1 + HEAP_GROWTH_MAX);
      await app.context.close();
      await server.close();
    },
    LEAK_MS + WARM_UP_MS + 60_000,
  );

  test("the page of a share shows the position without an account, and ends on time", async ({ browser, town }) => {
    const visitor = await town.person("Visitor");
    visitor.move(HERE);
    const made = (await visitor.api("POST", "/v1/shares", { minutes: 1 })) as { url: string; expiresAt: number };
    const app = await App.open(browser, { url: town.url }, new URL(made.url).pathname);
    const state = app.page.getByRole("status");
    await expect.poll(() => state.textContent(), { timeout: SOON_MS }).toBe("Live");
    visitor.move(away(1_000, 0));
    const place = () => app.page.locator("#place").textContent();
    await expect.poll(place, { timeout: SOON_MS }).toContain(away(1_000, 0).lng.toFixed(5));
    const ended = () => state.textContent();
    await expect.poll(ended, { timeout: 70_000, interval: 100 }).toContain("has ended");
    expect(Math.abs(Date.now() - made.expiresAt)).toBeLessThan(2_000);
    await app.context.close();
  }, 90_000);
});
