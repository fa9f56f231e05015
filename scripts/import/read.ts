/** Cuts a file of friendships, one JSON object per line, into the requests that it is sent in. */
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { IMPORT_LINES_MAX, IMPORT_MAX_BYTES } from "../../src/protocol/limits.ts";

/** With the longest ids a line has 160 characters. What is far longer is no line of this format, and may be a whole disk. */
export const LINE_MAX_CHARS = 4_096;

/** A character of a text takes up to 3 bytes in UTF-8 (one outside the basic plane counts as two). */
const BATCH_MAX_CHARS = Math.floor(IMPORT_MAX_BYTES / 3);

/** How a file compressed with gzip begins (RFC 1952, 2.3.1). */
const GZIP_MAGIC = [0x1f, 0x8b] as const;

export interface Batch {
  /** Number of its first line in the file, from 1. */
  readonly firstLine: number;
  readonly lineCount: number;
  /** NDJSON, as it was in the file; lines that are too long are empty here. */
  readonly body: string;
  /** Numbers (in the file) of lines that are too long. */
  readonly tooLong: readonly number[];
  /** Who it is about: the order of lines about the same two people matters. */
  readonly pairs: ReadonlySet<string>;
}

/** What a file contains, unpacked if it is compressed with gzip, whatever its name. */
export async function* unpack(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let start = new Uint8Array();
  while (start.length < GZIP_MAGIC.length) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    start = Buffer.concat([start, value]);
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield start;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  }
  if (!GZIP_MAGIC.every((byte, at) => start[at] === byte)) {
    yield* whole();
    return;
  }
  const unzipped = createGunzip();
  // What goes wrong before it reaches whoever reads the unpacked bytes.
  pipeline(whole(), unzipped, () => undefined);
  yield* unzipped;
}

/** Lines without their ends, many at a time; null stands for one that is too long. */
async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<readonly (string | null)[]> {
  // Not `fatal`: a damaged line is the server's to refuse, by its number.
  const decoder = new TextDecoder();
  let rest = "";
  let isTooLong = false;
  for await (const bytes of source) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    const lines = parts.map((part, at) => ((at === 0 && isTooLong) || part.length > LINE_MAX_CHARS ? null : part));
    if (parts.length > 0) isTooLong = false;
    if (rest.length > LINE_MAX_CHARS) {
      isTooLong = true;
      rest = "";
    }
    yield lines;
  }
  rest += decoder.decode();
  if (isTooLong) yield [null];
  else if (rest !== "") yield [rest];
}

export async function countLines(source: AsyncIterable<Uint8Array>): Promise<number> {
  let count = 0;
  for await (const lines of linesOf(source)) count += lines.length;
  return count;
}

/** @param linesMax of a batch, default: as many as a request may have */
export async function* readBatches(
  source: AsyncIterable<Uint8Array>,
  linesMax: number = IMPORT_LINES_MAX,
): AsyncGenerator<Batch> {
  let firstLine = 1;
  let lines: string[] = [];
  let chars = 0;
  let tooLong: number[] = [];
  function take(): Batch {
    const batch = { firstLine, lineCount: lines.length, body: lines.join("\n"), tooLong, pairs: pairsOf(lines) };
    firstLine += lines.length;
    lines = [];
    tooLong = [];
    chars = 0;
    return { ...batch, body: `${batch.body}\n` };
  }
  for await (const some of linesOf(source)) {
    for (const line of some) {
      const length = (line?.length ?? 0) + 1;
      if (lines.length === linesMax || chars + length > BATCH_MAX_CHARS) yield take();
      if (line === null) tooLong.push(firstLine + lines.length);
      lines.push(line ?? "");
      chars += length;
    }
  }
  if (lines.length > 0) yield take();
}

function pairsOf(lines: readonly string[]): ReadonlySet<string> {
  const pairs = new Set<string>();
  for (const line of lines) {
    const pair = pairOf(line);
    if (pair !== undefined) pairs.add(pair);
  }
  return pairs;
}

/** Undefined where the server will refuse the line. */
function pairOf(line: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("a" in value) || !("b" in value)) return undefined;
  return JSON.stringify([String(value.a), String(value.b)].toSorted());
}
