/** The Cassandra that all files of this suite share. */
import type { TestProject } from "vitest/node";
import { startCassandra } from "../../scripts/services/cassandra.ts";
import { connectWithoutKeyspace } from "../../src/history/sinks/cassandra-client.ts";

declare module "vitest" {
  export interface ProvidedContext {
    readonly cassandra: { readonly contactPoints: [string, ...string[]]; readonly datacenter: string };
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const given = process.env["CASSANDRA_CONTACT_POINTS"];
  const server = given ? undefined : await startCassandra((step) => process.stderr.write(`${step}\n`));
  const [first = "", ...others] = server ? [server.contactPoint] : (given ?? "").split(",").map((part) => part.trim());
  const contactPoints: [string, ...string[]] = [first, ...others];
  const datacenter = server?.datacenter ?? process.env["CASSANDRA_DATACENTER"] ?? "datacenter1";
  const stop = async () => server?.stop();
  try {
    const client = await connectWithoutKeyspace({ contactPoints, datacenter, keyspace: "system" });
    const [row] = await client.run({ query: "SELECT release_version FROM system.local", params: [] });
    await client.close();
    const version = typeof row === "object" && row !== null ? Reflect.get(row, "release_version") : undefined;
    process.stdout.write(`cassandra ${String(version)} at ${contactPoints.join(", ")}\n`);
  } catch (error) {
    await stop();
    throw error;
  }
  provide("cassandra", { contactPoints, datacenter });
  return stop;
}
