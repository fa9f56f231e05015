/** Sends the batches of an import, several at a time, and adds up what became of them. */
import type { Batch } from "./read.ts";
import { LINE_MAX_CHARS } from "./read.ts";
import { ImportError, type Report } from "./send.ts";

/** While one is applied, the next one is on its way. More would only make the answers of each come later. */
const IN_FLIGHT_MAX = 2;

export interface Refused {
  /** In the file, from 1. */
  readonly line: number;
  readonly code: string;
  readonly reason: string;
}

export interface Totals {
  readonly accepted: number;
  readonly unchanged: number;
  readonly refused: number;
}

export interface ImportOptions {
  readonly batches: AsyncIterable<Batch>;
  readonly send: (body: string) => Promise<Report>;
  /** Aborted: no further batch is begun. */
  readonly stop: AbortSignal;
  readonly onRefused: (refused: Refused) => void;
  /** Told the number of lines of each batch that was applied. */
  readonly onLines: (count: number) => void;
}

export interface Outcome extends Totals {
  /** Why the import ended before its end, and where. */
  readonly failure?: string;
  /** The first line that was not applied, though later ones may have been; undefined if all were. */
  readonly from?: number;
}

/** Never rejects for what a server or a file does: what was applied until then is part of the outcome. */
export async function runImport({ batches, send, stop, onRefused, onLines }: ImportOptions): Promise<Outcome> {
  const totals = { accepted: 0, unchanged: 0, refused: 0 };
  const underWay = new Map<Batch, Promise<void>>();
  let nextLine = 1;
  let failure: { readonly why: string; readonly from: number } | undefined;

  function fail(why: string, from: number): void {
    if (failure === undefined || from < failure.from) failure = { why: failure?.why ?? why, from };
  }

  function refuse(refused: Refused): void {
    totals.refused += 1;
    onRefused(refused);
  }

  async function apply(batch: Batch): Promise<void> {
    try {
      const { accepted, unchanged, refused } = await send(batch.body);
      totals.accepted += accepted;
      totals.unchanged += unchanged;
      const tooLong = batch.tooLong.map((line) => ({
        line,
        code: "bad_line",
        reason: `has more than ${LINE_MAX_CHARS} characters`,
      }));
      const all = [...tooLong, ...refused.map((one) => ({ ...one, line: one.line + batch.firstLine - 1 }))];
      for (const one of all.toSorted((a, b) => a.line - b.line)) refuse(one);
      onLines(batch.lineCount);
    } catch (error) {
      if (!(error instanceof ImportError)) throw error;
      fail(error.message, batch.firstLine);
    } finally {
      underWay.delete(batch);
    }
  }

  try {
    for await (const batch of batches) {
      nextLine = batch.firstLine;
      while (underWay.size >= IN_FLIGHT_MAX || [...underWay.keys()].some((other) => shares(other, batch))) {
        await Promise.race(underWay.values());
      }
      if (stop.aborted || failure !== undefined) {
        fail("stopped", batch.firstLine);
        break;
      }
      underWay.set(batch, apply(batch));
      nextLine = batch.firstLine + batch.lineCount;
    }
  } catch (error) {
    // What the file system, or the decompression, says.
    fail(`the file cannot be read: ${error instanceof Error ? error.message : String(error)}`, nextLine);
  }
  await Promise.all(underWay.values());
  return failure === undefined ? totals : { ...totals, failure: failure.why, from: failure.from };
}

/** Requests overtake each other, and the last word about two people must be the file's last. */
function shares(one: Batch, other: Batch): boolean {
  for (const pair of one.pairs) if (other.pairs.has(pair)) return true;
  return false;
}
