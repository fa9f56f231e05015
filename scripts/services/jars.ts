/** Cassandra from Maven Central, fetched once. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

export const CASSANDRA_VERSION = "5.0.6";

/** Ignored by git, and kept until somebody deletes it. */
const CACHE_DIR = resolve(import.meta.dirname, "../../dist/services");
/** Pinned like everything that builds or tests this project. */
const PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
/** About a hundred files; a slow line needs minutes. */
const FETCH_WAIT_MS = 600_000;

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>nearby-friends</groupId>
  <artifactId>services</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.cassandra</groupId>
      <artifactId>cassandra-all</artifactId>
      <version>${CASSANDRA_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;

export const WAYS_TO_CASSANDRA =
  "Without Docker it takes Java 17 and, the first time, Maven (Debian: openjdk-17-jre-headless, maven). With Docker:" +
  " docker compose up --wait cassandra, then CASSANDRA_CONTACT_POINTS=127.0.0.1:9042 CASSANDRA_DATACENTER=datacenter1";

/** The directory of Cassandra's jar files; they are fetched if they are not there yet. Rejects with words for people. */
export async function cassandraJars(onProgress: (step: string) => void): Promise<string> {
  const dir = join(CACHE_DIR, `cassandra-${CASSANDRA_VERSION}`);
  if (statSync(dir, { throwIfNoEntry: false })) return dir;
  onProgress(`cassandra ${CASSANDRA_VERSION}: fetching it from Maven Central, once`);
  mkdirSync(CACHE_DIR, { recursive: true });
  // Renamed when complete: what an interrupted run leaves is never taken for Cassandra.
  const workDir = mkdtempSync(join(CACHE_DIR, "fetch-"));
  const startMs = performance.now();
  try {
    writeFileSync(join(workDir, "pom.xml"), POM);
    await maven(workDir);
    if (!statSync(dir, { throwIfNoEntry: false })) renameSync(join(workDir, "lib"), dir);
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
  onProgress(`cassandra ${CASSANDRA_VERSION}: fetched in ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
  return dir;
}

async function maven(workDir: string): Promise<void> {
  const args = ["--batch-mode", "--quiet", PLUGIN, "-DincludeScope=runtime", "-DoutputDirectory=lib"];
  try {
    await promisify(execFile)("mvn", args, { cwd: workDir, timeout: FETCH_WAIT_MS });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new Error(`mvn is not installed. ${WAYS_TO_CASSANDRA}`, { cause: error });
    }
    const output = error instanceof Error && "stdout" in error ? String(error.stdout).trim() : "";
    throw new Error(`Maven cannot fetch Cassandra: ${output || String(error)}`, { cause: error });
  }
}
