import { defineConfig } from "vitest/config";

import { RULES_1_TO_5 } from "./test/conformance/files.ts";

process.env["WRANGLER_SEND_METRICS"] = "false";
process.env["WRANGLER_SEND_ERROR_REPORTS"] = "false";
process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";

/** One target: the same files, against the server that the setup starts or names. */
function target(name: string, setup: string) {
  return { test: { name, environment: "node" as const, include: [...RULES_1_TO_5], globalSetup: [setup] } };
}

/**
 * The rules of who sees whom, against both servers that the benches compare; or against a running one that CONFORMANCE_URL names
 * (see test/conformance/given.ts).
 */
export default defineConfig({
  test: {
    // They wait for silence most of the time, and the default of a small machine is one file after the other.
    maxWorkers: 4,
    projects:
      (process.env["CONFORMANCE_URL"] ?? "") === ""
        ? [
            target("ours", "test/blackbox/setup.ts"),
            target("classic", "test/conformance/classic.ts"),
            { test: { name: "parts", environment: "node" as const, include: ["test/conformance/**/*.test.ts"] } },
          ]
        : [target("given", "test/conformance/given.ts")],
  },
});
