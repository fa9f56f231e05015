/** One request of an import against servers that are away, busy, or something else. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { ImportError, sendLines, type Sender } from "../../scripts/import/send.ts";

const REPORT = { accepted: 1, unchanged: 0, refused: [] };
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A server that gives these answers one after the other; the last one again and again. */
async function serverOf(...answers: readonly Answer[]): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      bodies.push(body);
      (answers[bodies.length - 1] ?? answers.at(-1))?.(response, request);
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return { url: `http://127.0.0.1:${address.port}`, bodies };
}

const good: Answer = (response) => void response.end(JSON.stringify(REPORT));
const lost: Answer = (response) => void response.destroy();
function says(status: number, headers: Record<string, string> = {}, body = '{"detail":"Not now."}'): Answer {
  return (response) => void response.writeHead(status, headers).end(body);
}

function senderFor(url: string, more: Partial<Sender> = {}): { sender: Sender; waits: number[] } {
  const waits: number[] = [];
  const never = new AbortController().signal;
  const wait = (waitMs: number): Promise<void> => {
    waits.push(waitMs);
    return Promise.resolve();
  };
  return { sender: { url, token: () => Promise.resolve("T"), stop: never, cut: never, wait, ...more }, waits };
}

describe("a request of an import", () => {
  test("carries the lines and the token", async () => {
    let seen: Record<string, unknown> = {};
    const { url, bodies } = await serverOf((response, request) => {
      const { method, url: path, headers } = request;
      seen = { method, path, authorization: headers.authorization, type: headers["content-type"] };
      good(response, request);
    });
    expect(await sendLines(senderFor(`${url}/some/where?x=1`).sender, "lines\n")).toEqual(REPORT);
    expect(bodies).toEqual(["lines\n"]);
    expect(seen).toEqual({
      method: "POST",
      path: "/v1/admin/friendships",
      authorization: "Bearer T",
      type: "application/x-ndjson",
    });
  });

  test("is sent again when it was too soon, when the server is away, and when the connection is lost", async () => {
    const busy = [
      says(429, { "retry-after": "7" }),
      says(503, { "retry-after": "2" }),
      lost,
      says(502),
      lost,
      says(504),
    ];
    const { url, bodies } = await serverOf(...busy, good);
    const { sender, waits } = senderFor(url);
    expect(await sendLines(sender, "lines\n")).toEqual(REPORT);
    expect(bodies).toHaveLength(busy.length + 1);
    expect(waits).toEqual([7_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
  });

  test("waits no longer than makes sense, whatever the server says", async () => {
    const dates = says(503, { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" });
    const { url } = await serverOf(says(429, { "retry-after": "86400" }), dates, says(503), good);
    const { sender, waits } = senderFor(url);
    await sendLines(sender, "lines\n");
    expect(waits).toEqual([300_000, 2_000, 4_000]);
  });

  test("gives up in the end, and says why", async () => {
    const { url, bodies } = await serverOf(says(503));
    const { sender } = senderFor(url);
    await expect(sendLines(sender, "lines\n")).rejects.toThrow(new ImportError(`${url} answers 503: Not now.`));
    expect(bodies).toHaveLength(8);
    await expect(sendLines(sender, "lines\n", 1)).rejects.toThrow(ImportError);
    expect(bodies).toHaveLength(9);
    const { url: nowhere } = await serverOf(good);
    for (const close of closers.splice(0)) close();
    const sent = sendLines(senderFor(nowhere).sender, "lines\n", 1);
    await expect(sent).rejects.toThrow(`nothing listens at ${nowhere}`);
  });

  test("is not sent again when it was refused", async () => {
    for (const status of [400, 401, 403, 404, 413, 500]) {
      const { url, bodies } = await serverOf(says(status), good);
      const failed = expect(sendLines(senderFor(url).sender, "lines\n")).rejects;
      await failed.toThrow(`${url} answers ${status}: Not now.`);
      expect(bodies).toHaveLength(1);
    }
    const { url } = await serverOf(says(401));
    await expect(sendLines(senderFor(url).sender, "")).rejects.toThrow("signed with the server's AUTH_SECRET");
  });

  test("to something else is told so", async () => {
    for (const body of ["<html>", "{}", '{"accepted":1}']) {
      const { url } = await serverOf(says(200, {}, body));
      await expect(sendLines(senderFor(url).sender, "")).rejects.toThrow("is this a nearby-friends server?");
    }
  });

  test("is not sent again after Ctrl-C", async () => {
    const stop = new AbortController();
    const { url, bodies } = await serverOf((response, request) => {
      stop.abort();
      lost(response, request);
    });
    const { sender } = senderFor(url, { stop: stop.signal });
    await expect(sendLines(sender, "lines\n")).rejects.toThrow("was lost");
    expect(bodies).toHaveLength(1);
  });

  test("ends its wait at Ctrl-C", async () => {
    const stop = new AbortController();
    const { url } = await serverOf(says(429, { "retry-after": "60" }));
    const never = new AbortController().signal;
    const sender: Sender = {
      url,
      token: () => Promise.resolve("T"),
      stop: stop.signal,
      cut: never,
      onWait: () => setImmediate(() => stop.abort()),
    };
    await expect(sendLines(sender, "lines\n")).rejects.toThrow("answers 429");
  });
});
