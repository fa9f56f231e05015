/** Every call of wrangler goes through here, so that none of them phones home. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Unstable_Config } from "wrangler";

/** Usage figures, crash reports, the download of an example of `request.cf`, and the banner's search for a newer version. */
const QUIET_ENV = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_HIDE_BANNER: "true",
};

export interface WranglerRun {
  /** 0 on success; 1 when a signal ended it. */
  code: number;
  /** What it printed, stdout and stderr in order, without colours; empty with `show`. */
  output: string;
  /** Of this, what came on stdout. */
  stdout: string;
}

/**
 * Runs wrangler with `args` in `cwd` (default: the current directory). With `show` it uses this process's terminal,
 * otherwise its output is collected. Aborting `signal` ends it and rejects with an AbortError.
 */
export async function wrangler(
  args: string[],
  { cwd = process.cwd(), show = false, signal }: { cwd?: string; show?: boolean; signal?: AbortSignal } = {},
): Promise<WranglerRun> {
  const packageDir = dirname(createRequire(import.meta.url).resolve("wrangler/package.json"));
  const child = spawn(process.execPath, [join(packageDir, "bin/wrangler.js"), ...args], {
    cwd,
    env: { ...process.env, ...QUIET_ENV },
    stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    ...(signal ? { signal } : {}),
  });
  let output = "";
  let stdout = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (stream === child.stdout) stdout += text;
    });
  }
  const { promise, resolve, reject } = Promise.withResolvers<WranglerRun>();
  let failure: Error | undefined;
  child.on("error", (error) => (failure = error));
  child.on("close", (code) => {
    if (failure) reject(failure);
    // Some of its messages are coloured whatever the environment says.
    else
      resolve({ code: code ?? 1, output: stripVTControlCharacters(output), stdout: stripVTControlCharacters(stdout) });
  });
  return promise;
}

/**
 * wrangler.toml of a folder, as wrangler itself reads it. Throws with wrangler's words for a bad one.
 * Loading wrangler takes about a second: only where no deploy's own output says it.
 */
export async function readConfig(projectDir: string): Promise<Unstable_Config> {
  const { unstable_readConfig } = await import("wrangler");
  return unstable_readConfig({ config: join(projectDir, "wrangler.toml") }, { hideWarnings: true });
}

if (import.meta.main) {
  const { code } = await wrangler(process.argv.slice(2), { show: true });
  process.exitCode = code;
}
