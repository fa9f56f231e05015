/** Linux's `perf`, which sees the runtime's own functions as well as the compiled JavaScript. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { V8_FLAGS } from "../../serve/v8-flags.ts";

const run = promisify(execFile);

/** Not a divisor of anything that happens regularly. */
const SAMPLES_PER_S = 997;
/** What a machine under load needs for a profile of ten seconds. */
const INJECT_WAIT_MS = 120_000;

/** With these the engine writes down which machine code is which function, below `directory`. */
export function flagsToProfile(directory: string): string {
  return [...V8_FLAGS, "--perf-prof", `--perf-prof-path=${directory}`].join(" ");
}

/** @throws Error that says how to get it */
export async function needPerf(): Promise<void> {
  try {
    await run("perf", ["record", "-e", "cpu-clock", "-o", "/dev/null", "--", "true"]);
  } catch (error) {
    const why =
      error instanceof Error && "code" in error && error.code === "ENOENT" ? "there is no perf" : String(error);
    throw new Error(
      `${why}: install it (Debian: apt-get install linux-perf), and allow it (sysctl kernel.perf_event_paranoid=1, or as root)`,
      { cause: error },
    );
  }
}

export interface Recording {
  /** Ends it; resolves when all is written. */
  stop(): Promise<void>;
}

/** Samples all threads of a process into `directory`/perf.data, by the clock that the engine uses, too. */
export function record(pid: number, directory: string): Recording {
  const file = join(directory, "perf.data");
  const how = ["-k", "mono", "-e", "cpu-clock", "-F", String(SAMPLES_PER_S), "-g"];
  const child = spawn("perf", ["record", ...how, "-o", file, "-p", String(pid)], { stdio: "ignore" });
  const ended = once(child, "exit");
  return {
    async stop() {
      // It ends with what it has written by then.
      child.kill("SIGINT");
      await ended;
    },
  };
}

/** The lines of what was recorded, with the names of functions. */
export async function* readRecording(directory: string): AsyncGenerator<string> {
  const [raw, named] = [join(directory, "perf.data"), join(directory, "perf.jit.data")];
  // It writes a file for each function of the engine's.
  await run("perf", ["inject", "--jit", "-i", raw, "-o", named], { cwd: directory, timeout: INJECT_WAIT_MS });
  const child = spawn("perf", ["script", "-i", named, "-F", "comm,ip,sym"], { stdio: ["ignore", "pipe", "ignore"] });
  yield* createInterface({ input: child.stdout });
}
