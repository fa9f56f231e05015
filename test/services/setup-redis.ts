/** The Redis that the contract of the index of active friends is held against: that of REDIS_URL, or one that is started. */
import type { TestProject } from "vitest/node";
import { connectRedis, startRedis, WAYS_TO_REDIS } from "../../scripts/services/redis.ts";

declare module "vitest" {
  export interface ProvidedContext {
    readonly redisUrl: string;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const given = process.env["REDIS_URL"];
  const server = given ? undefined : await startRedis((step) => process.stderr.write(`${step}\n`));
  const url = server?.url ?? given ?? "";
  const stop = async () => server?.close();
  try {
    const redis = await connectRedis(url);
    process.stdout.write(`redis ${await redis.version()} at ${url}\n`);
    await redis.close();
  } catch (error) {
    await stop();
    throw new Error(`no Redis answers at ${url}. ${WAYS_TO_REDIS}`, { cause: error });
  }
  provide("redisUrl", url);
  return stop;
}
