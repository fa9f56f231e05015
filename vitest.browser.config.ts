import { configDefaults, defineConfig } from "vitest/config";

process.env["WRANGLER_SEND_METRICS"] = "false";
process.env["WRANGLER_SEND_ERROR_REPORTS"] = "false";
process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";

/** Mostly waits. */
const LASTING = "test/browser/app-lasting.test.ts";
/** Measures, and has the machine to itself. */
const SPEED = "test/browser/app-speed.test.ts";

const EVERY = { environment: "node", testTimeout: 60_000, hookTimeout: 120_000 } as const;

/** Tests in a real Chromium: CHROMIUM names it, else /usr/bin/chromium. */
export default defineConfig({
  test: {
    globalSetup: ["test/browser/setup.ts"],
    projects: [
      // Of one group the project whose name comes first begins: what waits has one worker, and all others share the second.
      { test: { ...EVERY, name: "lasting", include: [LASTING], maxWorkers: 2, sequence: { groupOrder: 1 } } },
      {
        test: {
          ...EVERY,
          name: "pages",
          include: ["test/browser/**/*.test.ts"],
          exclude: [...configDefaults.exclude, LASTING, SPEED],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { ...EVERY, name: "speed", include: [SPEED], maxWorkers: 1, sequence: { groupOrder: 2 } } },
    ],
  },
});
