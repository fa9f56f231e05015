/** A Worker that has nothing but the Cassandra object, in workerd. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { wrangler } from "../../scripts/wrangler.ts";
import type { CassandraNamespace } from "../../src/history/sinks/cassandra-stub.ts";
import type { CassandraSettings } from "../../src/settings.ts";

const PROJECT_DIR = resolve(import.meta.dirname, "../..");
const COMPATIBILITY_DATE = /compatibility_date = "(.*)"/.exec(
  readFileSync(join(PROJECT_DIR, "wrangler.toml"), "utf8"),
)?.[1];

export interface CassandraWorker {
  /** `env.CASSANDRA`, called from here. */
  readonly objects: CassandraNamespace;
  /** Log lines of the object so far. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

export async function startCassandraWorker(settings: CassandraSettings): Promise<CassandraWorker> {
  const log: string[] = [];
  const compatibilityDate = COMPATIBILITY_DATE ?? "";
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      telemetry: { enabled: false },
      log: new Log(LogLevel.ERROR),
      handleStructuredLogs: ({ message }) => log.push(message),
      workers: [
        {
          name: "cassandra",
          compatibilityDate,
          modulesRoot: "/",
          modules: [{ type: "ESModule", path: "/worker.js", contents: await bundle(compatibilityDate) }],
          durableObjects: { CASSANDRA: { className: "CassandraObject", useSQLite: true } },
          bindings: {
            AUTH_SECRET: "a-secret-that-only-tests-know-0123456789",
            HISTORY_SINKS: "cassandra",
            CASSANDRA_CONTACT_POINTS: settings.contactPoints.join(","),
            CASSANDRA_DATACENTER: settings.datacenter,
            CASSANDRA_KEYSPACE: settings.keyspace,
          },
        },
      ],
    }),
  );
  await miniflare.ready;
  const objects: unknown = await miniflare.getDurableObjectNamespace("CASSANDRA", "cassandra");
  // To Miniflare every object has the methods `fetch` and `connect` only.
  return { objects: objects as CassandraNamespace, log, stop: () => miniflare.dispose() };
}

/** Built by wrangler, as a deploy would. */
async function bundle(compatibilityDate: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "nearby-cassandra-worker-"));
  try {
    const object = join(PROJECT_DIR, "durable-objects/cassandra/object.ts");
    writeFileSync(
      join(dir, "worker.ts"),
      `export { CassandraObject } from ${JSON.stringify(object)};\n` +
        `export default { fetch: () => new Response(null, { status: 404 }) };\n`,
    );
    writeFileSync(
      join(dir, "wrangler.toml"),
      `name = "cassandra"\nmain = "worker.ts"\ncompatibility_date = "${compatibilityDate}"\n`,
    );
    const { code, output } = await wrangler(["deploy", "--dry-run", "--outdir", "out"], { cwd: dir });
    if (code !== 0) throw new Error(`the Worker could not be built:\n${output}`);
    return readFileSync(join(dir, "out/worker.js"), "utf8");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
