import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type RingDocument, readRing, watchRing, writeRing } from "../../scripts/bench/classic/ring-document.ts";

/** As much of etcd's JSON gateway as is asked for. Keys have one value; watches are streams of lines. */
class FakeEtcd {
  url = "";
  revision = 5;
  readonly watches = new Set<ServerResponse>();
  readonly started: string[] = [];
  #value: string | undefined;
  #said: Promise<void> = Promise.resolve();

  static async start(): Promise<FakeEtcd> {
    const etcd = new FakeEtcd();
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
      request.on("end", () => etcd.#answer(request.url ?? "", JSON.parse(body), response));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    etcd.url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return etcd;
  }

  /** Sets the value as somebody else would; the watches hear of it unless they are cut off. */
  put(document: unknown): void {
    this.#value = Buffer.from(JSON.stringify(document)).toString("base64");
    this.revision += 1;
    for (const stream of this.watches) this.#line(stream, { events: [{ kv: { value: this.#value } }] });
  }

  cut(): void {
    for (const stream of this.watches) stream.destroy();
    this.watches.clear();
  }

  #answer(path: string, body: Record<string, unknown>, response: ServerResponse): void {
    if (path === "/v3/kv/put") {
      this.put(JSON.parse(Buffer.from(String(body["value"]), "base64").toString("utf8")));
      response.end("{}");
    } else if (path === "/v3/kv/range") {
      const kvs = this.#value === undefined ? {} : { kvs: [{ value: this.#value }] };
      response.end(JSON.stringify({ header: { revision: String(this.revision) }, ...kvs }));
    } else {
      this.started.push((body["create_request"] as { start_revision: string }).start_revision);
      this.#line(response, { created: true });
      this.watches.add(response);
    }
  }

  #line(response: ServerResponse, more: object): void {
    const line = JSON.stringify({ result: { header: { revision: String(this.revision) }, ...more } });
    // In two pieces, as a network may deliver it.
    this.#said = this.#said.then(async () => {
      response.write(line.slice(0, 10));
      await sleep(5);
      response.write(`${line.slice(10)}\n`);
    });
  }
}

function ringOf(version: number): RingDocument {
  return { version, servers: Array.from({ length: version }, (_, n) => `redis://127.0.0.1:${7000 + n}`) };
}

function watch(etcd: FakeEtcd, version: number): { seen: number[]; errors: string[] } {
  const ending = new AbortController();
  const seen: number[] = [];
  const errors: string[] = [];
  const done = watchRing(etcd.url, {
    version,
    onChange: (next) => void seen.push(next.version),
    onError: (error) => void errors.push(error.message),
    signal: ending.signal,
  });
  onTestFinished(async () => {
    ending.abort();
    await done;
  });
  return { seen, errors };
}

describe("the ring in etcd", () => {
  test("what is written is read", async () => {
    const etcd = await FakeEtcd.start();
    await writeRing(etcd.url, ringOf(2));
    expect(await readRing(etcd.url)).toEqual({ document: ringOf(2), revision: 6 });
  });

  test("a ring that nobody has written, or that is none, is an error that says so", async () => {
    const etcd = await FakeEtcd.start();
    await expect(readRing(etcd.url)).rejects.toThrow("nobody has said where the Redis servers are");
    for (const bad of [
      {},
      { version: 0, servers: ["redis://a"] },
      { version: 1, servers: [] },
      { version: 1, servers: ["a"] },
    ]) {
      etcd.put(bad);
      await expect(readRing(etcd.url)).rejects.toThrow();
    }
  });

  test("the watch tells each later version once, from the revision that was read", async () => {
    const etcd = await FakeEtcd.start();
    etcd.put(ringOf(1));
    const { seen } = watch(etcd, 1);
    await vi.waitFor(() => expect(etcd.watches.size).toBe(1));
    expect(etcd.started).toEqual(["7"]);
    etcd.put(ringOf(2));
    etcd.put(ringOf(2));
    etcd.put(ringOf(1));
    etcd.put(ringOf(3));
    await vi.waitFor(() => expect(seen).toEqual([2, 3]));
  });

  test("what changed while the watch was broken is told after it", async () => {
    const etcd = await FakeEtcd.start();
    etcd.put(ringOf(1));
    const { seen, errors } = watch(etcd, 1);
    await vi.waitFor(() => expect(etcd.watches.size).toBe(1));
    etcd.cut();
    etcd.put(ringOf(4));
    await vi.waitFor(() => expect(seen).toEqual([4]));
    await vi.waitFor(() => expect(etcd.watches.size).toBe(1));
    etcd.put(ringOf(5));
    await vi.waitFor(() => expect(seen).toEqual([4, 5]));
    expect(errors.length).toBeGreaterThan(0);
  });
});
