/** `test` with a browser, a town of people, and the web app as one of them sees it. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { test as base, expect, inject } from "vitest";

import type { Place } from "../../src/geo/place.ts";
import { launch, newContext, watchForFailures, type PageOptions } from "./browser.ts";
import { entry, HERE, Town, type Person } from "./town.ts";

/** For what happens within a moment; a machine under load takes its time. */
export const SOON_MS = 10_000;

export type AppOptions = Partial<PageOptions> & {
  /** Where the person stands; null: the page is told nothing. */
  readonly at?: Place | null;
};

/** A page of the web app. */
export class App {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong without anybody looking. */
  readonly failures: readonly string[];

  constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    this.failures = watchForFailures(page);
  }

  static async open(browser: Browser, options: PageOptions, path: string): Promise<App> {
    const context = await newContext(browser, options);
    const app = new App(context, await context.newPage());
    await app.page.goto(path);
    return app;
  }

  tab(name: string): Promise<void> {
    return this.page.locator(".tabs button", { hasText: name }).click();
  }

  /** The names in the list of who is near, nearest first. */
  near(): Promise<string[]> {
    return this.page.locator(".rows .person-name").allTextContents();
  }

  async expectNear(names: readonly string[]): Promise<void> {
    await expect.poll(() => this.near(), { timeout: SOON_MS }).toEqual(names);
    await this.expectOnMap(names.length);
  }

  /** How many friends the map shows. */
  async expectOnMap(count: number): Promise<void> {
    const shown = () => this.page.locator("canvas[data-friends]").getAttribute("data-friends");
    await expect.poll(shown, { timeout: SOON_MS }).toBe(String(count));
  }

  async expectState(text: string, waitMs = SOON_MS): Promise<void> {
    const shown = () => this.page.locator(".pill").textContent();
    await expect.poll(shown, { timeout: waitMs }).toContain(text);
  }

  async expectNotice(text: string): Promise<void> {
    const shown = () => this.page.locator(".notice").allTextContents();
    await expect.poll(async () => (await shown()).join("\n"), { timeout: SOON_MS }).toContain(text);
  }
}

/** One browser for all tests of a file: starting it takes longer than most of them. */
export const test = base
  .extend("browser", { scope: "file" }, async ({}, { onCleanup }) => {
    const started = await launch();
    onCleanup(() => started.close());
    return started;
  })
  .extend("town", ({}, { onCleanup }) => {
    const town = new Town(inject("url"));
    onCleanup(() => town.end());
    return town;
  })
  .extend("hasty", ({}, { onCleanup }) => {
    const town = new Town(inject("hastyUrl"));
    onCleanup(() => town.end());
    return town;
  })
  .extend("open", ({ browser: started }, { onCleanup }) => {
    const apps: App[] = [];
    onCleanup(async () => {
      for (const app of apps) await app.context.close();
    });
    /** The app as this person, who stands in the middle unless `at` says otherwise. */
    return async (person: Person, { at = HERE, ...options }: AppOptions = {}): Promise<App> => {
      const url = options.url ?? person.url;
      const app = await App.open(started, { ...options, url }, entry(person, at ?? undefined));
      apps.push(app);
      await app.expectState("Online");
      return app;
    };
  });
