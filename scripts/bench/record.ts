/** What a run leaves behind: its section of docs/benchmarks.md, and its raw samples. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Asked, type Bench, NUMBER_NAMES } from "./entry.ts";

const PROJECT_DIR = join(import.meta.dirname, "../..");
export const DOCUMENT = "docs/benchmarks.md";
const DOCUMENT_FILE = join(PROJECT_DIR, DOCUMENT);
/** Not in git: they are of one machine on one day. */
const RESULTS = "bench-results";

/**
 * Replaces what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` of the document by `markdown`. What is
 * around it is written by people and stays.
 *
 * @param file default docs/benchmarks.md
 */
export function writeSection(name: string, markdown: string, file = DOCUMENT_FILE): void {
  writeFileSync(file, replaceSection(readFileSync(file, "utf8"), name, markdown));
}

/** @throws Error when the document does not have the two marks once each, in this order */
export function replaceSection(document: string, name: string, markdown: string): string {
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [startAt, endAt] = [document.indexOf(start), document.indexOf(end)];
  const isOnce = startAt === document.lastIndexOf(start) && endAt === document.lastIndexOf(end);
  if (startAt === -1 || endAt < startAt || !isOnce) {
    throw new Error(`${DOCUMENT} needs the lines ${start} and ${end}, once each: there go the figures of ${name}`);
  }
  return `${document.slice(0, startAt + start.length)}\n\n${markdown.trim()}\n\n${document.slice(endAt)}`;
}

/** Why the figures of a run are not those that the document quotes; undefined when they are. */
export function whyNotOfRecord(bench: Bench, asked: Asked): string | undefined {
  for (const name of NUMBER_NAMES) {
    const bounds = bench.numbers[name];
    if (bounds === undefined) continue;
    const value = asked.number(name);
    // More rounds or seconds say more of the same; any other number makes it another workload.
    const isEnough = name === "rounds" || name === "seconds" ? value >= bounds.fallback : value === bounds.fallback;
    if (!isEnough) return `it was run with --${name} ${value} in place of ${bounds.fallback}`;
  }
  const missing = bench.targets?.filter((target) => !asked.targets.includes(target)) ?? [];
  if (missing.length > 0) return `it was run without ${missing.join(" and ")}`;
  return asked.tracks === undefined ? undefined : "it was run with other tracks";
}

/** Keeps what was measured, before it was summed up. @returns where, from the root of the project */
export function keepSamples(name: string, samples: unknown, nowMs: number): string {
  mkdirSync(join(PROJECT_DIR, RESULTS), { recursive: true });
  const file = join(RESULTS, `${name}-${new Date(nowMs).toISOString().replaceAll(":", "-")}.json`);
  writeFileSync(join(PROJECT_DIR, file), `${JSON.stringify(samples)}\n`);
  return file;
}

/** Where a server's log goes: among the progress nobody would find the one line that matters. */
export function logFile(label: string): string {
  mkdirSync(join(PROJECT_DIR, RESULTS), { recursive: true });
  return join(PROJECT_DIR, RESULTS, `${label.replaceAll(/[^\w]+/g, "-")}.log`);
}
