/** A real Chromium, and pages of the web app in it. */
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

export const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/**
 * Without a graphics processor Chromium puts the layers of a page together either by SwiftShader or by itself, which takes
 * less of the processor that it shares with everything else.
 */
export const COMPOSITORS = { SwiftShader: [], software: ["--disable-gpu-compositing"] } as const;
export type Compositor = keyof typeof COMPOSITORS;

/** Nothing phones home; WebGL is drawn by the processor, as there is no other here. */
const ARGS = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-quic",
  "--no-first-run",
  "--disable-component-update",
  "--disable-sync",
  "--enable-unsafe-swiftshader",
  "--use-angle=swiftshader",
];

export const WIDE = { width: 1440, height: 900 } as const;
export const NARROW = { width: 360, height: 740 } as const;

export function launch(compositor: Compositor = "software"): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: [...ARGS, ...COMPOSITORS[compositor]] });
}

export interface PageOptions {
  readonly url: string;
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
  readonly locale?: string;
  /** Given: the browser knows the place, and the page may ask for it. */
  readonly geolocation?: { readonly latitude: number; readonly longitude: number };
  readonly scale?: number;
}

/** Where it is about noon: what happened some minutes ago was on the same day, whenever the tests run. */
function timeZoneOfNoon(): string {
  const hours = 12 - new Date().getUTCHours();
  // Signs of these names are those of POSIX: behind Greenwich is positive.
  return `Etc/GMT${hours > 0 ? "-" : "+"}${Math.abs(hours)}`;
}

/** A browser of its own, as far as the page can tell: nothing is shared with other contexts. */
export async function newContext(browser: Browser, options: PageOptions): Promise<BrowserContext> {
  const { url, viewport = WIDE, colorScheme = "light", locale = "en-GB", geolocation, scale = 1 } = options;
  return browser.newContext({
    baseURL: url,
    viewport,
    colorScheme,
    locale,
    timezoneId: timeZoneOfNoon(),
    deviceScaleFactor: scale,
    reducedMotion: "reduce",
    ...(geolocation === undefined ? {} : { geolocation, permissions: ["geolocation"] }),
  });
}

/** What went wrong on a page without anybody looking: errors, refused loads, and what the policy forbade. */
export function watchForFailures(page: Page): string[] {
  const failures: string[] = [];
  page.on("pageerror", (error) => failures.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") failures.push(`console: ${message.text()}`);
  });
  return failures;
}
