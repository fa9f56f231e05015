import { defineConfig } from "vitest/config";

process.env["WRANGLER_SEND_METRICS"] = "false";
process.env["WRANGLER_SEND_ERROR_REPORTS"] = "false";
process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";

/** Tests against real servers: those that CASSANDRA_CONTACT_POINTS names, or one that is fetched and started. */
export default defineConfig({
  test: {
    name: "services",
    environment: "node",
    include: ["test/services/**/*.test.ts"],
    globalSetup: ["test/services/setup.ts", "test/services/setup-redis.ts"],
    // They share one server, and the figures that they print are those of a server with nothing else to do.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 180_000,
  },
});
