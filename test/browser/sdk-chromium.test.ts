/** The SDK in a real browser: its contract, which also runs in Node, and the React hook. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Backend, startBackend } from "../../scripts/serve/backend.ts";
import { launch } from "./browser.ts";
import { type Fault, type LabOptions, TITLES } from "./sdk-contract.ts";
import { HOME, north } from "./sdk-lab.ts";
import { FAULTS, type Happened, type Servers, withNetwork } from "./sdk-servers.ts";

const INACTIVE_AFTER_S = 3;

/** Scenarios wait for deadlines of seconds. */
const TIMEOUT_MS = 60_000;

const happened: Happened = new Map();
/** By the address of their network. */
const running = new Map<string, LabOptions>();
const backends: Backend[] = [];
let browser: Browser;
let page: Page;
let servers: Servers;

async function startServer(env: Record<string, string>): Promise<string> {
  // Some cross the city between two positions, and on a busy machine these lie seconds apart.
  const backend = await startBackend({ port: 0, memory: true, env: { ...env, SPEED_MAX_MPS: "0" } });
  backends.push(backend);
  return backend.url.replace(/\/+$/, "");
}

async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    define: { "process.env.NODE_ENV": '"development"' },
    build: {
      write: false,
      minify: false,
      lib: { entry: join(import.meta.dirname, "sdk-page.ts"), formats: ["iife"], name: "sdk" },
    },
  });
  const [output] = Array.isArray(built) ? built : [built];
  if (output === undefined || !("output" in output)) throw new Error("nothing was built");
  return output.output[0].code;
}

beforeAll(async () => {
  const secret = randomBytes(32).toString("base64url");
  servers = {
    secret,
    url: await startServer({ AUTH_SECRET: secret }),
    hastyUrl: await startServer({ AUTH_SECRET: secret, INACTIVE_AFTER_S: `${INACTIVE_AFTER_S}` }),
  };
  browser = await launch();
  page = await browser.newPage();
  await page.exposeFunction("labToken", (user: string, expiresInS: number) => tokenFor(user, expiresInS));
  await page.exposeFunction("labFault", (url: string, fault: Fault) => running.get(url)?.setFault(fault));
  await page.goto(`${servers.url}/healthz`);
  await page.addScriptTag({ content: await bundle() });
});

afterAll(async () => {
  await browser.close();
  await Promise.all(backends.map((backend) => backend.stop()));
});

async function tokenFor(user: string, expiresInS: number): Promise<string> {
  const [options] = running.values();
  if (options === undefined) throw new Error("no scenario runs");
  return options.signToken(user, expiresInS);
}

/** With what the page needs while it runs. */
function within(run: (options: LabOptions) => Promise<void>): Promise<void> {
  return withNetwork(servers, happened, async (options) => {
    running.set(options.faultyUrl, options);
    try {
      await run(options);
    } finally {
      running.delete(options.faultyUrl);
    }
  });
}

describe.concurrent("in Chromium", () => {
  test.for(TITLES)("%s", { timeout: TIMEOUT_MS }, async (title) => {
    const ran = within(async ({ url, hastyUrl, faultyUrl }) => {
      await page.evaluate(`sdk.runInPage(${JSON.stringify(title)}, ${JSON.stringify({ url, hastyUrl, faultyUrl })})`);
    });
    await expect(ran).resolves.toBeUndefined();
  });
});

test("each fault has met a connection", () => {
  expect([...happened.keys()]).toEqual(expect.arrayContaining([...FAULTS]));
});

describe("useNearbyFriends", () => {
  test("renders who is near, again with every change, and lets go of the client", { timeout: TIMEOUT_MS }, async () => {
    await within(async (options) => {
      const { url } = options;
      const [ana, ben] = ["ana.react", "ben.react"];
      const [anasToken, bensToken] = [await options.signToken(ana, 600), await options.signToken(ben, 600)];
      for (const [token, friend] of [
        [anasToken, ben],
        [bensToken, ana],
      ] as const) {
        const headers = { authorization: `Bearer ${token}` };
        const answer = await fetch(`${url}/v1/friends/${friend}`, { method: "PUT", headers });
        expect(answer.ok).toBe(true);
      }
      const sendAs = (name: string, place: object) => page.evaluate(`${name}.client.send(${JSON.stringify(place)})`);
      await page.evaluate(`document.body.innerHTML = "<main></main>";
        window.a = sdk.mountFriends(document.querySelector("main"), ${JSON.stringify(url)}, ${JSON.stringify(anasToken)});
        window.b = sdk.mountFriends(document.createElement("div"), ${JSON.stringify(url)}, ${JSON.stringify(bensToken)})`);
      await page.locator('ol[data-state="online"]').waitFor({ state: "attached" });
      await sendAs("a", HOME);
      await sendAs("b", north(500));
      await page.getByText(`${ben} 500`).waitFor();
      await sendAs("a", north(100));
      await page.getByText(`${ben} 400`).waitFor();
      await sendAs("b", north(30_000));
      await page.locator("li").waitFor({ state: "detached" });
      expect(await page.evaluate("a.countListeners()")).toBe(2);
      await page.evaluate("a.unmount()");
      expect(await page.evaluate("a.countListeners()")).toBe(0);
      await page.evaluate("a.client.close(); b.client.close()");
    });
  });
});
