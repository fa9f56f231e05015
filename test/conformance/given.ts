import type { TestProject } from "vitest/node";
import "../blackbox/setup.ts";

/**
 * Points the suite at a running server: CONFORMANCE_URL, with default settings, and CONFORMANCE_SHORT_URL, one whose
 * INACTIVE_AFTER_S is 2 to 5; both with the secret AUTH_SECRET. Their welcome messages say whether the settings fit.
 */
export default function setup(project: TestProject): void {
  const given = (name: string): string => {
    const value = process.env[name] ?? "";
    if (value === "") throw new Error(`CONFORMANCE_URL is set: ${name} must be, too`);
    return value.replace(/\/+$/, "");
  };
  const secret = given("AUTH_SECRET");
  project.provide("nearby", { url: given("CONFORMANCE_URL"), secret });
  project.provide("nearbyShort", { url: given("CONFORMANCE_SHORT_URL"), secret });
}
