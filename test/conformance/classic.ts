import { randomBytes } from "node:crypto";
import type { TestProject } from "vitest/node";
import { startClassic } from "../../scripts/bench/classic/start.ts";
import "../blackbox/setup.ts";

const SHORT_INACTIVE_AFTER_S = "3";

/** Starts the classic design twice: with default settings, and with an inactivity that tests can wait for. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const secret = randomBytes(32).toString("base64url");
  const options = {
    redisServers: 2,
    servers: 1,
    signal: new AbortController().signal,
    onProgress: () => {},
  };
  const [main, short] = await Promise.all([
    startClassic({ ...options, settings: { AUTH_SECRET: secret } }),
    startClassic({ ...options, settings: { AUTH_SECRET: secret, INACTIVE_AFTER_S: SHORT_INACTIVE_AFTER_S } }),
  ]);
  project.provide("nearby", { url: main.url, secret });
  project.provide("nearbyShort", { url: short.url, secret });
  return async () => {
    await Promise.all([main.close(), short.close()]);
  };
}
