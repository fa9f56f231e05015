/** Queue messages that a server could not bring to an end, kept in the state directory until the next start. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { KeptMessage } from "./ledger.ts";

const FILE_NAME = "queue-messages.jsonl";

const KeptSchema = v.object({
  id: v.string(),
  queue: v.string(),
  timestamp: v.pipe(v.number(), v.safeInteger()),
  body: v.unknown(),
});

export const KeptMessages = v.array(KeptSchema);

export function keptFile(stateDir: string): string {
  return join(stateDir, FILE_NAME);
}

/**
 * The messages that were kept. Reading removes nothing: should the next server crash, they are sent again, and a message
 * that comes twice does no harm.
 *
 * @throws for a line that is no message, with its number
 */
export function readKept(stateDir: string): KeptMessage[] {
  const file = keptFile(stateDir);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").flatMap((line, index) => {
    if (line === "") return [];
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), KeptSchema), line);
    if (parsed.success) return [parsed.output];
    throw new Error(`${file}, line ${index + 1}: no queue message; repair the line, or move the file away`);
  });
}

/** Replaces what was kept. */
export function writeKept(stateDir: string, messages: readonly KeptMessage[]): void {
  const file = keptFile(stateDir);
  if (messages.length === 0) {
    rmSync(file, { force: true });
    return;
  }
  // The rename replaces a whole file at once: a full disk must not cost what was kept before.
  const written = `${file}.new`;
  writeFileSync(written, messages.map((message) => `${JSON.stringify(message)}\n`).join(""));
  renameSync(written, file);
}
