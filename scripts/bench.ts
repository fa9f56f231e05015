/**
 * `npm run bench`: figures with real sockets. `--workload NAME` compares servers under one load; the other options name
 * benches of single parts. Which there are, and what each takes: `bench/table.ts`.
 */
import { readCommandLine } from "./bench/command-line.ts";
import { BENCHES } from "./bench/table.ts";

const { bench, asked, json } = readCommandLine(BENCHES, process.argv.slice(2));
const failed = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => failed.abort(new Error(`ended by ${signal}`)));
}
try {
  const onFailure = (error: Error) => failed.abort(error);
  const { report, text, failures } = await bench.run(asked, { signal: failed.signal, onFailure });
  process.stdout.write(`${json ? JSON.stringify(report, null, 2) : text}\n`);
  // A bench that was cut short and hands back what it has so far has failed all the same.
  failed.signal.throwIfAborted();
  if (failures.length > 0) process.exitCode = 1;
} catch (error) {
  // An abort shows up as an AbortError wherever the bench happened to wait; its reason is what went wrong.
  const cause: unknown = failed.signal.aborted ? failed.signal.reason : error;
  process.stderr.write(`bench: ${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exitCode = 1;
}
