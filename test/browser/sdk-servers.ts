/** A network that fails for each scenario of the SDK's contract, and what they have in common. */
import { SignJWT } from "jose";
import { FaultProxy } from "./fault-proxy.ts";
import type { LabOptions } from "./sdk-contract.ts";

/** What is the same for every scenario. */
export interface Servers {
  readonly url: string;
  readonly hastyUrl: string;
  /** Of both: the HS256 secret that signs. */
  readonly secret: string;
}

/** How often each fault met a connection, over all scenarios. */
export type Happened = Map<string, number>;

export const FAULTS = ["cut", "refuse", "stall", "noUpgrade", "swallowUpgrade", "delay"] as const;

/** Runs a scenario behind a network of its own, so that several can run at once. */
export async function withNetwork(
  { url, hastyUrl, secret }: Servers,
  happened: Happened,
  run: (options: LabOptions) => Promise<void>,
): Promise<void> {
  const proxy = await FaultProxy.start(url);
  try {
    await run({
      url,
      hastyUrl,
      faultyUrl: proxy.url,
      signToken: (user, expiresInS) =>
        new SignJWT({})
          .setProtectedHeader({ alg: "HS256" })
          .setSubject(user)
          .setExpirationTime(Math.floor(Date.now() / 1000) + expiresInS)
          .sign(new TextEncoder().encode(secret)),
      setFault: (fault) => Promise.resolve(proxy.set(fault)),
    });
  } finally {
    await proxy.stop();
    for (const [fault, count] of proxy.happened) happened.set(fault, (happened.get(fault) ?? 0) + count);
  }
}
