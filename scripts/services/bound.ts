/** Processes of other programs that end with this one, whatever ends it. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { atExit } from "../at-exit.ts";

/** What was asked to end and has not after so long is killed. */
const STOP_WAIT_MS = 5_000;

/** Whether a program is on the PATH. */
export function isInstalled(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface BoundOptions {
  cwd: string;
  /** A descriptor for what the program says. */
  logFd: number;
}

/**
 * Starts a program in a process group of its own, so that Ctrl-C in a terminal is this process's to answer, and ends it with
 * this process: by a handler at its exit, and by the kernel where nothing runs any more (util-linux's setpriv, on Linux).
 */
export function spawnBound(program: string, args: readonly string[], { cwd, logFd }: BoundOptions): ChildProcess {
  const guarded = process.platform === "linux" && isInstalled("setpriv");
  const words = guarded ? ["--pdeathsig", "KILL", program, ...args] : [...args];
  const child = spawn(guarded ? "setpriv" : program, words, { cwd, detached: true, stdio: ["ignore", logFd, logFd] });
  // Without a listener an ENOENT would be thrown at nobody; whoever waits for an answer tells of it.
  child.on("error", () => {});
  child.once(
    "exit",
    atExit(() => void child.kill("SIGKILL")),
  );
  return child;
}

export function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** Asks it to end and resolves when it has. */
export async function endBound(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once("exit", () => resolve());
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_WAIT_MS);
  child.kill("SIGTERM");
  await promise;
  clearTimeout(timer);
}
