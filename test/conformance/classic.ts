import { randomBytes } from "node:crypto";
import type { TestProject } from "vitest/node";
import { startClassic } from "../../scripts/bench/classic/start.ts";
import "../blackbox/setup.ts";
import { spread } from "./spread.ts";

const SHORT_INACTIVE_AFTER_S = "3";

/**
 * Starts the classic design twice: with default settings, and with an inactivity that tests can wait for. Each has two servers and
 * two Redis servers, and connections go to one server or the other: two friends, or two devices of one user, meet through Redis.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const secret = randomBytes(32).toString("base64url");
  const options = {
    redisServers: 2,
    servers: 2,
    signal: new AbortController().signal,
    onProgress: () => {},
  };
  const [main, short] = await Promise.all([
    startClassic({ ...options, settings: { AUTH_SECRET: secret } }),
    startClassic({ ...options, settings: { AUTH_SECRET: secret, INACTIVE_AFTER_S: SHORT_INACTIVE_AFTER_S } }),
  ]);
  const [atMain, atShort] = await Promise.all([spread(main.urls), spread(short.urls)]);
  project.provide("nearby", { url: atMain.url, secret });
  project.provide("nearbyShort", { url: atShort.url, secret });
  return async () => {
    for (const door of [atMain, atShort]) door.close();
    await Promise.all([main.close(), short.close()]);
  };
}
