/** The SDK's contract in Node; test/browser/sdk-chromium.test.ts runs the same in a browser. */
import { describe, expect, inject, test } from "vitest";
import { secretsOf } from "../blackbox/helpers.ts";
import { runScenario, TITLES } from "../browser/sdk-contract.ts";
import { FAULTS, type Happened, withNetwork } from "../browser/sdk-servers.ts";

/** Scenarios wait for deadlines of seconds. */
const TIMEOUT_MS = 40_000;

const happened: Happened = new Map();

describe.concurrent("in Node", () => {
  test.for(TITLES)("%s", { timeout: TIMEOUT_MS }, async (title) => {
    const target = inject("nearby");
    const [secret = ""] = secretsOf(target);
    const servers = { url: target.url, hastyUrl: inject("nearbyShort").url, secret };
    await expect(withNetwork(servers, happened, (options) => runScenario(title, options))).resolves.toBeUndefined();
  });
});

test("each fault has met a connection", () => {
  expect([...happened.keys()]).toEqual(expect.arrayContaining([...FAULTS]));
});
