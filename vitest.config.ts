import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// A test run talks to nobody: wrangler would send usage figures, and miniflare would fetch a sample `request.cf`.
process.env["WRANGLER_SEND_METRICS"] = "false";
process.env["WRANGLER_SEND_ERROR_REPORTS"] = "false";
process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";

/** The HS256 secret of the Worker under test; tests sign their tokens with it (`env.AUTH_SECRET`). */
const AUTH_SECRET = "a-secret-that-only-tests-know-0123456789";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", environment: "node", include: ["test/unit/**/*.test.ts"] } },
      { test: { name: "sim", environment: "node", include: ["test/sim/**/*.test.ts"] } },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: { bindings: { AUTH_SECRET } },
          }),
        ],
        test: { name: "objects", include: ["test/objects/**/*.test.ts"] },
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
