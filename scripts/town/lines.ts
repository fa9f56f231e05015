/** The lines of a text file, plain or gzip (told apart by content, not by name), without reading it whole. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** First bytes of a gzip file (RFC 1952, 2.3.1). */
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** A file without line ends, such as an archive given by mistake, must not fill the memory before it is refused. */
export const LINE_MAX_CHARS = 10_000;

/** What is wrong with a file, with the line where it was found, counted from 1; 0 when it is no line's fault. */
export class FileError extends Error {
  override readonly name = "FileError";
  readonly line: number;

  constructor(line: number, reason: string) {
    super(reason);
    this.line = line;
  }
}

/**
 * Calls `onLine` with every line and its number, without its line end. An empty last line is not a line.
 *
 * @throws FileError when the file cannot be read, is not text, or has a line over `LINE_MAX_CHARS`
 */
export async function eachLine(path: string, onLine: (text: string, line: number) => void): Promise<void> {
  const source = await openText(path);
  let rest = "";
  let line = 0;
  function take(text: string): void {
    line += 1;
    if (text.includes("\u{FFFD}") || text.includes("\0")) throw new FileError(line, "this is not text in UTF-8");
    onLine(text.endsWith("\r") ? text.slice(0, -1) : text, line);
  }
  try {
    for await (const chunk of source.setEncoding("utf8")) {
      const parts = (rest + String(chunk)).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) take(part);
      if (rest.length > LINE_MAX_CHARS)
        throw new FileError(line + 1, `the line is over ${LINE_MAX_CHARS} characters long`);
    }
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw new FileError(line + 1, `cannot be read on from here: ${messageOf(error)}`);
  } finally {
    source.destroy();
  }
  if (rest !== "") take(rest);
}

async function openText(path: string): Promise<Readable> {
  try {
    const handle = await open(path, "r");
    try {
      // A pipe would lose the bytes that are looked at here.
      if (!(await handle.stat()).isFile()) throw new FileError(0, "is not a regular file");
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      const isGzip = bytesRead === 2 && buffer[0] === GZIP_MAGIC[0] && buffer[1] === GZIP_MAGIC[1];
      const file = createReadStream(path);
      // The callback takes the error; it also reaches whoever reads the result.
      return isGzip ? pipeline(file, createGunzip(), () => {}) : file;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw new FileError(0, messageOf(error));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
