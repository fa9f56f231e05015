/** `npm run import`: brings an existing friend graph to a server, from a file of any size. */
import { createReadStream, statSync } from "node:fs";
import { adminTokens } from "./admin-token.ts";
import { countLines, readBatches, unpack } from "./import/read.ts";
import { runImport, type Outcome, type Refused } from "./import/run.ts";
import { ImportError, sendLines, type Sender } from "./import/send.ts";
import { readOptions, refuseUsage } from "./options.ts";
import { progress } from "./progress.ts";

const USAGE = "npm run import -- FILE [--url U] [--token T]    FILE: NDJSON, also compressed with gzip; - is stdin";
const URL_DEFAULT = "http://127.0.0.1:8787";
/** After Ctrl-C, for the answers that are under way. */
const STOP_WAIT_MS = 5_000;
/** What shells report for a command that Ctrl-C ended. */
const INTERRUPTED_EXIT_CODE = 130;

const { values, positionals } = readOptions(
  USAGE,
  { url: { type: "string" }, token: { type: "string" } },
  { positionalsMax: 1 },
);
const [file] = positionals;
if (file === undefined) refuseUsage(USAGE, 'FILE is missing: one {"a":"ID","b":"ID"} per line; - reads stdin');
const url = values.url ?? URL_DEFAULT;
if (!/^https?:\/\//.test(url) || !URL.canParse(url))
  refuseUsage(USAGE, `--url must be an address such as ${URL_DEFAULT}`);
const stop = new AbortController();
const cut = new AbortController();
const token = adminTokens({ usage: USAGE, token: values.token, user: "import" });
const sender: Sender = { url, token, stop: stop.signal, cut: cut.signal, onWait: tellWait };
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
process.exitCode = await main(file);
// A pipe that is still open would keep the process.
process.stdin.destroy();

async function main(path: string): Promise<number> {
  try {
    if (path !== "-" && statSync(path).isDirectory()) throw new ImportError("is a directory");
    // An empty import says whether the token is good before anything is read.
    await sendLines(sender, "", 1);
  } catch (error) {
    return fail(error instanceof ImportError ? error.message : `${path}: ${messageOf(error)}`);
  }
  let bar: ReturnType<typeof progress>;
  try {
    bar = progress("import", path === "-" ? null : await countLines(unpack(createReadStream(path))));
  } catch (error) {
    return fail(`${path}: ${messageOf(error)}`);
  }
  const startMs = performance.now();
  const outcome = await runImport({
    batches: readBatches(unpack(path === "-" ? process.stdin : createReadStream(path))),
    send: (body) => sendLines(sender, body),
    stop: stop.signal,
    onRefused: tellRefused,
    onLines: (count) => bar.tick(count),
  });
  bar.done();
  return report(outcome, (performance.now() - startMs) / 1000);
}

function report({ accepted, unchanged, refused, failure, from }: Outcome, seconds: number): number {
  const rate = Math.round((accepted + refused) / Math.max(seconds, 0.001));
  const changed = accepted - unchanged;
  process.stdout.write(
    `${changed} applied, ${unchanged} as before, ${refused} refused in ${seconds.toFixed(1)} s (${rate} lines/s)\n`,
  );
  if (failure === undefined) return refused > 0 ? 1 : 0;
  const isInterrupted = stop.signal.aborted;
  const why = isInterrupted ? "interrupted" : failure;
  process.stderr.write(
    `${why}\nnot everything from line ${from} on was applied: run it again, repeating lines is harmless\n`,
  );
  return isInterrupted ? INTERRUPTED_EXIT_CODE : 1;
}

function tellRefused({ line, code, reason }: Refused): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  process.stdout.write(`line ${line}: ${code}: ${reason}\n`);
}

function tellWait(why: string, waitMs: number): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  process.stderr.write(`${why}; trying again in ${waitMs / 1000} s\n`);
}

/** The first one ends the import after the requests that are under way, the second one at once. */
function onSignal(): void {
  if (stop.signal.aborted) process.exit(INTERRUPTED_EXIT_CODE);
  stop.abort();
  process.stderr.write("\nstopping after what is under way\n");
  if (file === "-") process.stdin.destroy();
  setTimeout(() => cut.abort(), STOP_WAIT_MS).unref();
}

function fail(message: string): number {
  process.stderr.write(`${message}\n`);
  return 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
