/** A Cassandra of one node on the loopback address, for tests. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { connectWithoutKeyspace } from "../../src/history/sinks/cassandra-client.ts";
import { claimPort } from "../serve/port.ts";
import { cassandraJars, WAYS_TO_CASSANDRA } from "./jars.ts";

const HOST = "127.0.0.1";
/** The name that Cassandra gives without a snitch of its own. */
const DATACENTER = "datacenter1";
/** Cassandra 5.0 runs on these and refuses others. */
const JAVA_VERSIONS: ReadonlySet<number> = new Set([11, 17]);
/** A start takes under 10 s on an idle machine. */
const START_WAIT_MS = 120_000;
const START_POLL_MS = 200;
/** SIGTERM makes Cassandra flush its tables first. */
const STOP_WAIT_MS = 30_000;
const LOG_TAIL_LINES = 15;

/** Cassandra reaches into the JDK; this list is that of its own conf/jvm17-server.options. */
const JAVA_EXPORTS = [
  "java.base/java.lang.ref",
  "java.base/jdk.internal.misc",
  "java.management.rmi/com.sun.jmx.remote.internal.rmi",
  "java.rmi/sun.rmi.registry",
  "java.rmi/sun.rmi.server",
  "java.rmi/sun.rmi.transport.tcp",
  "java.sql/java.sql",
  "jdk.unsupported/sun.misc",
];
const JAVA_OPENS = [
  "java.base/java.io",
  "java.base/java.lang",
  "java.base/java.lang.module",
  "java.base/java.lang.reflect",
  "java.base/java.nio",
  "java.base/java.util",
  "java.base/java.util.concurrent",
  "java.base/java.util.concurrent.atomic",
  "java.base/jdk.internal.loader",
  "java.base/jdk.internal.math",
  "java.base/jdk.internal.module",
  "java.base/jdk.internal.ref",
  "java.base/jdk.internal.reflect",
  "java.base/jdk.internal.util.jar",
  "java.base/sun.nio.ch",
  "jdk.management/com.sun.management.internal",
];

const JAVA_OPTIONS = [
  "-Xms1g",
  "-Xmx1g",
  // Half the time to start, and tests are over before the second compiler has paid for itself.
  "-XX:TieredStopAtLevel=1",
  "-Djdk.attach.allowAttachSelf=true",
  ...JAVA_EXPORTS.flatMap((name) => ["--add-exports", `${name}=ALL-UNNAMED`]),
  ...JAVA_OPENS.flatMap((name) => ["--add-opens", `${name}=ALL-UNNAMED`]),
  // There are no other nodes to wait for.
  "-Dcassandra.skip_wait_for_gossip_to_settle=0",
  "-Dcassandra.ring_delay_ms=0",
  "-Dcassandra-foreground=yes",
];

const LOGBACK = `<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %-5level %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="OUT" /></root>
</configuration>
`;

export interface CassandraServer {
  /** `host:port`; the same after another `start`. */
  readonly contactPoint: string;
  readonly datacenter: string;
  /** On the data that it had when it was stopped. */
  start(): Promise<void>;
  /** SIGKILL: as if the machine had lost power, but for what the kernel still holds. */
  kill(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Fetches Cassandra if needed, starts it, and resolves once CQL answers. Rejects with words for people. */
export async function startCassandra(onProgress: (step: string) => void): Promise<CassandraServer> {
  const java = await findJava();
  const jarsDir = await cassandraJars(onProgress);
  const dir = mkdtempSync(join(tmpdir(), "nearby-cassandra-"));
  const cqlPort = await claimPort(HOST, 0);
  writeConfig(dir, { cqlPort, storagePort: await claimPort(HOST, 0) });
  const contactPoint = `${HOST}:${cqlPort}`;
  let running: RunningNode | undefined;
  const end = async (signal: NodeJS.Signals) => {
    await running?.end(signal);
    running = undefined;
  };
  const server: CassandraServer = {
    contactPoint,
    datacenter: DATACENTER,
    async start() {
      onProgress(`cassandra: starting on ${contactPoint}`);
      const startMs = performance.now();
      running = runNode(java, jarsDir, dir);
      try {
        await untilAnswers(contactPoint, running);
      } catch (error) {
        await end("SIGKILL");
        throw error;
      }
      onProgress(`cassandra: answers after ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
    },
    kill: () => end("SIGKILL"),
    async stop() {
      await end("SIGTERM");
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** The command of a Java that Cassandra runs on. */
async function findJava(): Promise<string> {
  const home = process.env["JAVA_HOME"];
  const java = home ? join(home, "bin/java") : "java";
  let output: string;
  try {
    output = (await promisify(execFile)(java, ["-version"])).stderr;
  } catch (error) {
    throw new Error(`${java} does not run. ${WAYS_TO_CASSANDRA}`, { cause: error });
  }
  const version = Number(/version "(\d+)/.exec(output)?.[1]);
  if (JAVA_VERSIONS.has(version)) return java;
  throw new Error(`${java} is Java ${version || "of an unknown version"}; set JAVA_HOME. ${WAYS_TO_CASSANDRA}`);
}

function writeConfig(dir: string, { cqlPort, storagePort }: { cqlPort: number; storagePort: number }): void {
  // JSON is YAML.
  const config = {
    cluster_name: "nearby-friends tests",
    num_tokens: 1,
    partitioner: "org.apache.cassandra.dht.Murmur3Partitioner",
    endpoint_snitch: "SimpleSnitch",
    seed_provider: [
      {
        class_name: "org.apache.cassandra.locator.SimpleSeedProvider",
        parameters: [{ seeds: `${HOST}:${storagePort}` }],
      },
    ],
    listen_address: HOST,
    storage_port: storagePort,
    rpc_address: HOST,
    start_native_transport: true,
    native_transport_port: cqlPort,
    // With its default, `periodic`, Cassandra acknowledges what a crash within the next moments loses: there the other
    // copies make up for it, and here is only one.
    commitlog_sync: "batch",
    data_file_directories: [join(dir, "data")],
    commitlog_directory: join(dir, "commitlog"),
    saved_caches_directory: join(dir, "saved_caches"),
    hints_directory: join(dir, "hints"),
    cdc_raw_directory: join(dir, "cdc_raw"),
  };
  mkdirSync(join(dir, "conf"));
  writeFileSync(join(dir, "conf/cassandra.yaml"), JSON.stringify(config, undefined, 2));
  writeFileSync(join(dir, "conf/logback.xml"), LOGBACK);
}

interface RunningNode {
  readonly logFile: string;
  hasEnded(): boolean;
  end(signal: NodeJS.Signals): Promise<void>;
}

function runNode(java: string, jarsDir: string, dir: string): RunningNode {
  const logFile = join(dir, "cassandra.log");
  const log = openSync(logFile, "a");
  const args = [
    ...JAVA_OPTIONS,
    `-Dcassandra.config=file://${join(dir, "conf/cassandra.yaml")}`,
    `-Dcassandra.storagedir=${dir}`,
    "-cp",
    [join(dir, "conf"), join(jarsDir, "*")].join(delimiter),
    "org.apache.cassandra.service.CassandraDaemon",
  ];
  const child = spawn(java, args, { cwd: dir, stdio: ["ignore", log, log] });
  closeSync(log);
  // Whatever ends the tests ends it too, their data or not.
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  const ended = untilEnded(child).finally(() => process.off("exit", kill));
  return {
    logFile,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    async end(signal) {
      child.kill(signal);
      const late = new AbortController();
      const timer = sleep(STOP_WAIT_MS, undefined, { signal: late.signal }).then(kill, () => {
        // It ended in time.
      });
      await ended;
      late.abort();
      await timer;
    },
  };
}

async function untilEnded(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  child.on("error", () => resolve());
  child.on("exit", () => resolve());
  await promise;
}

async function untilAnswers(contactPoint: string, node: RunningNode): Promise<void> {
  const deadlineMs = performance.now() + START_WAIT_MS;
  for (;;) {
    const settings = { contactPoints: [contactPoint], datacenter: DATACENTER, keyspace: "system" } as const;
    try {
      await (await connectWithoutKeyspace(settings)).close();
      return;
    } catch (error) {
      const late = performance.now() > deadlineMs;
      if (late || node.hasEnded()) {
        const tail = readFileSync(node.logFile, "utf8").trim().split("\n").slice(-LOG_TAIL_LINES).join("\n");
        const what = late ? `did not answer within ${START_WAIT_MS / 1000} s` : "ended";
        throw new Error(`Cassandra ${what}. Its log ends:\n${tail}`, { cause: error });
      }
    }
    await sleep(START_POLL_MS);
  }
}
