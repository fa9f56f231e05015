/**
 * `npm run bench`: figures with real sockets. `--workload NAME` compares servers under one load; the other options name
 * benches of single parts. Which there are, and what each takes: `bench/table.ts`.
 */
import { asOption, readCommandLine } from "./bench/command-line.ts";
import { DOCUMENT, keepSamples, whyNotOfRecord, writeSection } from "./bench/record.ts";
import { BENCHES } from "./bench/table.ts";
import type { Outcome } from "./bench/entry.ts";

const { bench, asked, json } = readCommandLine(BENCHES, process.argv.slice(2));
const failed = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => failed.abort(new Error(`ended by ${signal}`)));
}
try {
  const onFailure = (error: Error) => failed.abort(error);
  const outcome = await bench.run(asked, { signal: failed.signal, onFailure });
  process.stdout.write(`${json ? JSON.stringify(outcome.report, withoutSamples, 2) : outcome.text}
`);
  if (outcome.isOfRecord !== undefined) record(outcome);
  // A bench that was cut short and hands back what it has so far has failed all the same.
  failed.signal.throwIfAborted();
  if (outcome.failures.length > 0) process.exitCode = 1;
} catch (error) {
  // An abort shows up as an AbortError wherever the bench happened to wait; its reason is what went wrong.
  const cause: unknown = failed.signal.aborted ? failed.signal.reason : error;
  note(cause instanceof Error ? cause.message : String(cause));
  process.exitCode = 1;
}

function record({ report, text, failures, isOfRecord = false }: Outcome): void {
  note(`raw samples: ${keepSamples(bench.name, report, Date.now())}`);
  const why = whyNot(failures, isOfRecord) ?? whyNotOfRecord(bench, asked);
  if (why !== undefined) {
    note(`${DOCUMENT} keeps its figures: ${why}`);
    return;
  }
  const day = new Date().toISOString().slice(0, 10);
  writeSection(bench.name, `\`npm run bench -- ${asOption(bench)}\`, ${day}: ${text}`);
  note(`written to ${DOCUMENT}`);
}

/** Thousands of numbers, which only the file has. */
function withoutSamples(key: string, value: unknown): unknown {
  return key === "samples" ? undefined : value;
}

function whyNot(failures: readonly string[], isOfRecord: boolean): string | undefined {
  if (failures.length > 0) return "what was measured did not come out as it must";
  return isOfRecord ? undefined : "the run was cut short";
}

function note(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
