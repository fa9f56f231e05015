/** `npm run cassandra:schema`: creates the keyspace and the table of the `cassandra` sink. */
import { readSettings } from "../src/settings.ts";
import { createSchema } from "./cassandra/schema.ts";
import { readInteger, readOptions, USAGE_EXIT_CODE } from "./options.ts";
import { checkSettings, pickSettings } from "./serve/settings.ts";

const USAGE = "npm run cassandra:schema [-- --replication N]";
/**
 * One node may be lost, and a quorum of the copies still answers. With a single copy even a crash of its node loses what
 * was acknowledged: a node with Cassandra's default settings answers before its log is on the disk.
 */
const REPLICATION_DEFAULT = 3;
/** More copies than a datacenter has racks or zones protect from nothing. */
const REPLICATION_MAX = 9;
/** Nobody logs in here, but settings are only read as a whole. */
const UNUSED_SECRET = "x".repeat(32);

const { values } = readOptions(USAGE, { replication: { type: "string" } });
const replication = readInteger(USAGE, {
  option: "--replication",
  text: values.replication,
  fallback: REPLICATION_DEFAULT,
  max: REPLICATION_MAX,
});
process.exitCode = await main();

async function main(): Promise<number> {
  // The others have their own command to complain of them.
  const picked = Object.entries(pickSettings(process.env)).filter(([name]) => name.startsWith("CASSANDRA_"));
  const env = { ...Object.fromEntries(picked), AUTH_SECRET: UNUSED_SECRET, HISTORY_SINKS: "cassandra" };
  const check = checkSettings(env);
  if (check.kind === "bad") {
    process.stderr.write(`bad setting: ${check.problem}\n`);
    return USAGE_EXIT_CODE;
  }
  const { cassandra } = readSettings(env).history;
  if (cassandra === undefined) throw new Error("the settings name the sink");
  process.stderr.write(`connecting to ${cassandra.contactPoints.join(", ")}\n`);
  try {
    for (const step of await createSchema(cassandra, replication)) process.stdout.write(`${step}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
