import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import type { TestProject } from "vitest/node";

/** A running server and what a test must know to speak to it. */
export interface Target {
  /** Base address, no trailing slash. */
  readonly url: string;
  /** Value of AUTH_SECRET: one HS256 secret, or a comma list of which each verifies. */
  readonly secret: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    /** The server with default settings. */
    nearby: Target;
    /** A server whose INACTIVE_AFTER_S is small enough to wait for. */
    nearbyShort: Target;
  }
}

/** Long enough to do something while active, short enough to wait for several times in one run. */
const SHORT_INACTIVE_AFTER_S = 3;

/**
 * Points the suite at a server.
 *
 * NEARBY_URL with AUTH_SECRET names a running one (any server of the same contract, with default settings and DEV_LOGIN
 * unset); NEARBY_SHORT_URL a second one with the same secret and INACTIVE_AFTER_S of 2 to 5, without which the tests of
 * inactivity fail and say so. With neither, both are started here on free ports and stopped at the end.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const url = process.env["NEARBY_URL"];
  if (url !== undefined && url !== "") {
    const secret = process.env["AUTH_SECRET"];
    if (secret === undefined || secret === "") {
      throw new Error("NEARBY_URL is set: AUTH_SECRET must hold that server's secret, the tests sign tokens with it");
    }
    project.provide("nearby", { url: withoutSlash(url), secret });
    project.provide("nearbyShort", { url: withoutSlash(process.env["NEARBY_SHORT_URL"] ?? url), secret });
    return () => Promise.resolve();
  }
  const { startBackend } = await import("../../scripts/serve/backend.ts");
  // Two secrets, as during a rotation.
  const secret = `${randomSecret()},${randomSecret()}`;
  const main = await startBackend({
    port: await freePort(),
    host: "127.0.0.1",
    memory: true,
    env: { AUTH_SECRET: secret },
  });
  const short = await startBackend({
    port: await freePort(),
    host: "127.0.0.1",
    memory: true,
    env: { AUTH_SECRET: secret, INACTIVE_AFTER_S: String(SHORT_INACTIVE_AFTER_S) },
  });
  project.provide("nearby", { url: withoutSlash(main.url), secret });
  project.provide("nearbyShort", { url: withoutSlash(short.url), secret });
  return async () => {
    await Promise.all([main.stop(), short.stop()]);
  };
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}

function randomSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => {
        if (address === null || typeof address === "string") {
          reject(new Error("no port was given"));
        } else {
          resolve(address.port);
        }
      });
    });
  });
}
