import { defineConfig } from "vitest/config";

process.env["WRANGLER_SEND_METRICS"] = "false";
process.env["WRANGLER_SEND_ERROR_REPORTS"] = "false";
process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";

/** Tests on public data sets that are not part of the repository: NEARBY_DATA names the folder, else ../shared/data. */
export default defineConfig({
  test: {
    name: "data",
    environment: "node",
    include: ["test/data/**/*.test.ts"],
    globalSetup: ["test/blackbox/setup.ts"],
  },
});
