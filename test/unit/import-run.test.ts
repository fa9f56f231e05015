/** What an import sends when, and what it says in the end. */
import { describe, expect, test } from "vitest";
import type { Batch } from "../../scripts/import/read.ts";
import { type Refused, runImport } from "../../scripts/import/run.ts";
import { ImportError, type Report } from "../../scripts/import/send.ts";

function batch(firstLine: number, more: Partial<Batch> = {}): Batch {
  return {
    firstLine,
    lineCount: 10,
    body: `from ${firstLine}`,
    tooLong: [],
    pairs: new Set([`${firstLine}`]),
    ...more,
  };
}

async function* from(batches: readonly Batch[]): AsyncGenerator<Batch> {
  yield* batches;
}

const GOOD: Report = { accepted: 10, unchanged: 4, refused: [] };

/** A server that answers when it is told to. */
class Server {
  readonly asked: string[] = [];
  readonly #answers = new Map<string, { resolve: (report: Report) => void; reject: (error: Error) => void }>();

  readonly send = (body: string): Promise<Report> => {
    this.asked.push(body);
    const { promise, resolve, reject } = Promise.withResolvers<Report>();
    this.#answers.set(body, { resolve, reject });
    return promise;
  };

  async answer(firstLine: number, report: Report | Error = GOOD): Promise<void> {
    const waiting = this.#answers.get(`from ${firstLine}`);
    if (report instanceof Error) waiting?.reject(report);
    else waiting?.resolve(report);
    await settled();
  }
}

/** Everything that can happen without an answer has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function run(server: Server, batches: AsyncIterable<Batch>, stop = new AbortController()) {
  const refused: Refused[] = [];
  const lines: number[] = [];
  const outcome = runImport({
    batches,
    send: server.send,
    stop: stop.signal,
    onRefused: (one) => refused.push(one),
    onLines: (count) => lines.push(count),
  });
  return { outcome, refused, lines, stop };
}

describe("an import", () => {
  test("has two requests under way, and adds up", async () => {
    const server = new Server();
    const { outcome, lines } = run(server, from([batch(1), batch(11), batch(21)]));
    await settled();
    expect(server.asked).toEqual(["from 1", "from 11"]);
    await server.answer(11);
    expect(server.asked).toEqual(["from 1", "from 11", "from 21"]);
    await server.answer(1);
    await server.answer(21, { ...GOOD, unchanged: 0 });
    expect(await outcome).toEqual({ accepted: 30, unchanged: 8, refused: 0 });
    expect(lines).toEqual([10, 10, 10]);
  });

  test("lets no line overtake another one about the same people", async () => {
    const server = new Server();
    const about = (...pairs: string[]) => ({ pairs: new Set(pairs) });
    const { outcome } = run(
      server,
      from([batch(1, about("x", "y")), batch(11, about("y", "z")), batch(21, about("q"))]),
    );
    await settled();
    expect(server.asked).toEqual(["from 1"]);
    await server.answer(1);
    expect(server.asked).toEqual(["from 1", "from 11", "from 21"]);
    await server.answer(21);
    await server.answer(11);
    expect(await outcome).toMatchObject({ accepted: 30 });
  });

  test("tells refused lines by their numbers in the file", async () => {
    const server = new Server();
    const { outcome, refused } = run(server, from([batch(1), batch(11, { tooLong: [13] })]));
    await settled();
    const why = { code: "blocked", reason: "one of the two has blocked the other" };
    const answer = { accepted: 7, unchanged: 0, refused: [1, 10].map((line) => ({ line, ...why })) };
    await server.answer(11, answer);
    await server.answer(1);
    expect(await outcome).toEqual({ accepted: 17, unchanged: 4, refused: 3 });
    expect(refused).toEqual([
      { line: 11, ...why },
      { line: 13, code: "bad_line", reason: "has more than 4096 characters" },
      { line: 20, ...why },
    ]);
  });

  test("ends at a failure, and says where to begin again", async () => {
    const server = new Server();
    const { outcome } = run(server, from([batch(1), batch(11), batch(21), batch(31)]));
    await settled();
    await server.answer(11, new ImportError("the server is on fire"));
    expect(server.asked).toEqual(["from 1", "from 11"]);
    await server.answer(1);
    expect(await outcome).toEqual({
      accepted: 10,
      unchanged: 4,
      refused: 0,
      failure: "the server is on fire",
      from: 11,
    });
  });

  test("that fails twice names the first line, not the first failure", async () => {
    const server = new Server();
    const { outcome } = run(server, from([batch(1), batch(11)]));
    await settled();
    await server.answer(11, new ImportError("lost"));
    await server.answer(1, new ImportError("lost, too"));
    expect(await outcome).toMatchObject({ accepted: 0, failure: "lost", from: 1 });
  });

  test("that is stopped waits for what is under way", async () => {
    const server = new Server();
    const { outcome, stop } = run(server, from([batch(1), batch(11), batch(21)]));
    await settled();
    stop.abort();
    await server.answer(1);
    await server.answer(11);
    expect(server.asked).toEqual(["from 1", "from 11"]);
    expect(await outcome).toMatchObject({ accepted: 20, failure: "stopped", from: 21 });
  });

  test("of a file that ends in the middle keeps what was applied", async () => {
    async function* broken(): AsyncGenerator<Batch> {
      yield batch(1);
      throw new Error("unexpected end of file");
    }
    const server = new Server();
    const { outcome } = run(server, broken());
    await settled();
    await server.answer(1);
    const failure = "the file cannot be read: unexpected end of file";
    expect(await outcome).toEqual({ accepted: 10, unchanged: 4, refused: 0, failure, from: 11 });
  });

  test("does not hide a bug", async () => {
    const server = new Server();
    const { outcome } = run(server, from([batch(1)]));
    await settled();
    const failed = expect(outcome).rejects.toThrow("no function");
    await server.answer(1, new TypeError("no function"));
    await failed;
  });
});
