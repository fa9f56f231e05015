import { existsSync } from "node:fs";
import type { TestProject } from "vitest/node";

import { startBackend } from "../../scripts/serve/backend.ts";
import { CHROMIUM } from "./browser.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Base address of a server with DEV_LOGIN, and without limits on how fast people move. */
    url: string;
    /** What both sign tokens with. */
    secret: string;
    /** One whose INACTIVE_AFTER_S is small enough to wait for. */
    hastyUrl: string;
  }
}

const INACTIVE_AFTER_S = 4;

/** Starts the servers of all files; stops them at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`there is no ${CHROMIUM}: install Chromium ("apt-get install chromium"), or name it in CHROMIUM`);
  }
  const env = {
    AUTH_SECRET: "a-secret-that-only-browser-tests-know-0123456789",
    DEV_LOGIN: "1",
    POSITION_BURST: "100000",
    POSITION_MIN_S: "0",
    SPEED_MAX_MPS: "0",
  };
  const main = await startBackend({ port: 0, memory: true, env });
  const hasty = await startBackend({ port: 0, memory: true, env: { ...env, INACTIVE_AFTER_S: `${INACTIVE_AFTER_S}` } });
  project.provide("url", main.url);
  project.provide("secret", env.AUTH_SECRET);
  project.provide("hastyUrl", hasty.url);
  return async () => {
    await Promise.all([main.stop(), hasty.stop()]);
  };
}
