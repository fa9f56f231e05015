import { existsSync, statfsSync } from "node:fs";

import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

import { lowerDecorators } from "./test/lower-decorators.ts";

// A test run talks to nobody: wrangler would send usage figures, and miniflare would fetch a sample `request.cf`.
process.env["WRANGLER_SEND_METRICS"] = "false";
process.env["WRANGLER_SEND_ERROR_REPORTS"] = "false";
process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";

// Storage of the objects under test goes to memory where there is enough of it: a write to a disk is waited for,
// and a test that makes hundreds of objects does little else.
const MEMORY_DIR = "/dev/shm";
const MEMORY_MIN_BYTES = 2 ** 30;
if (process.env["TMPDIR"] === undefined && existsSync(MEMORY_DIR)) {
  const { bavail, bsize } = statfsSync(MEMORY_DIR);
  if (bavail * bsize >= MEMORY_MIN_BYTES) process.env["TMPDIR"] = MEMORY_DIR;
}

/** The HS256 secret of the Worker under test; tests sign their tokens with it (`env.AUTH_SECRET`). */
const AUTH_SECRET = "a-secret-that-only-tests-know-0123456789";

export default defineConfig({
  test: {
    projects: [
      { plugins: [lowerDecorators], test: { name: "unit", environment: "node", include: ["test/unit/**/*.test.ts"] } },
      {
        plugins: [
          lowerDecorators,
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            // Time is set by the tests, and people are put where they are needed.
            miniflare: { bindings: { AUTH_SECRET, SPEED_MAX_MPS: "0" } },
          }),
        ],
        test: { name: "objects", include: ["test/objects/**/*.test.ts"] },
      },
      {
        // With the settings as they are shipped.
        plugins: [
          lowerDecorators,
          cloudflareTest({ wrangler: { configPath: "./wrangler.toml" }, miniflare: { bindings: { AUTH_SECRET } } }),
        ],
        test: { name: "defaults", include: ["test/defaults/**/*.test.ts"] },
      },
      {
        // An object reads its settings when it is made: another fan-out is another Worker. This one keeps no history.
        plugins: [
          lowerDecorators,
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: { bindings: { AUTH_SECRET, FANOUT: "economy", HISTORY_SINKS: "" } },
          }),
        ],
        test: { name: "economy", include: ["test/economy/**/*.test.ts"] },
      },
      {
        // With an index of active friends, which the tests play: nothing listens there.
        plugins: [
          lowerDecorators,
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                AUTH_SECRET,
                UPSTASH_REDIS_REST_URL: "http://127.0.0.1:1/index",
                UPSTASH_REDIS_REST_TOKEN: "a-token-that-only-tests-know",
              },
            },
          }),
        ],
        test: { name: "presence", include: ["test/presence/**/*.test.ts"] },
      },
      {
        test: {
          name: "sdk",
          environment: "node",
          include: ["test/sdk/**/*.test.ts"],
          globalSetup: ["test/blackbox/setup.ts"],
          maxConcurrency: 10,
        },
      },
      {
        test: {
          name: "blackbox",
          environment: "node",
          include: ["test/blackbox/**/*.test.ts"],
          globalSetup: ["test/blackbox/setup.ts"],
        },
      },
    ],
  },
});
