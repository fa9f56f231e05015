/** How a file of friendships becomes requests. */
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { countLines, LINE_MAX_CHARS, readBatches, unpack, type Batch } from "../../scripts/import/read.ts";
import { IMPORT_LINES_MAX, IMPORT_MAX_BYTES } from "../../src/protocol/limits.ts";

/** The bytes in pieces that respect neither lines nor characters. */
async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function fileOf(text: string, size = 7): AsyncGenerator<Uint8Array> {
  return pieces(new TextEncoder().encode(text), size);
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

async function batchesOf(text: string, linesMax?: number, size = 7): Promise<Batch[]> {
  return all(readBatches(fileOf(text, size), linesMax));
}

const line = (a: string, b: string): string => JSON.stringify({ a, b });

describe("batches", () => {
  test("have so many lines, and know where they begin", async () => {
    const text = Array.from({ length: 5 }, (_, i) => line("ann", `b${i}`)).join("\n");
    for (const ended of [text, `${text}\n`]) {
      const batches = await batchesOf(ended, 2);
      expect(batches.map(({ firstLine, lineCount }) => [firstLine, lineCount])).toEqual([
        [1, 2],
        [3, 2],
        [5, 1],
      ]);
      expect(batches.map(({ body }) => body).join("")).toBe(`${text}\n`);
    }
    expect(await batchesOf("")).toEqual([]);
  });

  test("keep empty and damaged lines, which are counted", async () => {
    const text = `\uFEFF\n${line("ann", "b\u00f6b \u{1F600}")}\r\n\n{\n`;
    for (const size of [1, 2, 3, 100]) {
      const [batch] = await batchesOf(text, undefined, size);
      expect(batch).toMatchObject({ firstLine: 1, lineCount: 4, body: text.slice(1), tooLong: [] });
      expect(await countLines(fileOf(text, size))).toBe(4);
    }
  });

  test("are at most what a request may have", async () => {
    const lines = Array.from({ length: IMPORT_LINES_MAX + 1 }, (_, i) => line(`a${i}`, `b${i}`)).join("\n");
    expect((await batchesOf(lines, undefined, 10_000)).map(({ lineCount }) => lineCount)).toEqual([
      IMPORT_LINES_MAX,
      1,
    ]);
    const wide = Array.from({ length: 1_000 }, () => "\u20ac".repeat(LINE_MAX_CHARS)).join("\n");
    const batches = await batchesOf(wide, undefined, 50_000);
    for (const { body } of batches) expect(new TextEncoder().encode(body).length).toBeLessThanOrEqual(IMPORT_MAX_BYTES);
    expect(batches.reduce((sum, { lineCount }) => sum + lineCount, 0)).toBe(1_000);
  });

  test("leave out lines that are too long, without keeping them in memory", async () => {
    const longest = line("ann", "bob").padEnd(LINE_MAX_CHARS, " ");
    for (const size of [100, 100_000]) {
      const text = [line("ann", "bob"), `${longest} `, longest, "x".repeat(50_000), line("bob", "cleo")].join("\n");
      const [batch] = await batchesOf(text, undefined, size);
      expect(batch?.tooLong).toEqual([2, 4]);
      expect(batch?.body.split("\n").map(({ length }) => length)).toEqual([21, 0, LINE_MAX_CHARS, 0, 22, 0]);
      const [last] = await batchesOf("x".repeat(50_000), undefined, size);
      expect(last).toMatchObject({ lineCount: 1, tooLong: [1] });
    }
  });

  test("say who they are about, whichever comes first", async () => {
    const [one] = await batchesOf(`${line("ann", "bob")}\n{"a":"bob"}\n7\n{\n${line("bob", "ann")}\n`);
    const [other] = await batchesOf(line("bob", "ann"));
    expect([...(one?.pairs ?? [])]).toEqual([...(other?.pairs ?? [])]);
    expect(one?.pairs.size).toBe(1);
  });
});

describe("a file that is compressed", () => {
  const text = Array.from({ length: 1_000 }, (_, i) => line("ann", `b${i}`)).join("\n");

  test("is told by its first bytes", async () => {
    for (const bytes of [gzipSync(text), Buffer.concat([gzipSync(text.slice(0, 99)), gzipSync(text.slice(99))])]) {
      for (const size of [1, 1_000_000]) {
        const whole = Buffer.concat(await all(unpack(pieces(bytes, size))));
        expect(whole.toString()).toBe(text);
      }
    }
    for (const plain of ["", "x", "\u001f", text]) {
      expect(Buffer.concat(await all(unpack(fileOf(plain)))).toString()).toBe(plain);
    }
  });

  test("and damaged is an error, not the end of the file", async () => {
    const bytes = gzipSync(text);
    await expect(all(unpack(pieces(bytes.subarray(0, -20), 50)))).rejects.toThrow("unexpected end of file");
    const lost = Readable.from(pieces(bytes, 50)).on("data", () => lost.destroy(new Error("the disk is gone")));
    await expect(all(unpack(lost))).rejects.toThrow("the disk is gone");
  });
});
