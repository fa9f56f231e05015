/** The suite must be able to fail: it runs against a server that takes a pause and does not keep it. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import { connect } from "node:net";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import * as v from "valibot";
import { startClassic } from "../../scripts/bench/classic/start.ts";

const ROOT = join(import.meta.dirname, "../..");
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");

/** Passes everything on, but for changes of the profile: it answers them as if they had been made. */
async function withoutPauses(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const server = createServer((request, response) => {
    if (request.method === "PATCH" && request.url === "/v1/me") {
      request.resume().on("end", () => response.end("{}"));
      return;
    }
    const { method, url: path, headers } = request;
    const onward = forward({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  server.on("upgrade", (request, socket, head) => {
    const onward = connect({ host: hostname, port: Number(port) });
    const lines = request.rawHeaders.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
    onward.write(`GET ${request.url} HTTP/1.1\r\n${lines}\r\n`);
    onward.write(head);
    socket.pipe(onward).pipe(socket);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return `http://127.0.0.1:${address.port}`;
}

const Report = v.object({
  testResults: v.array(v.object({ assertionResults: v.array(v.object({ title: v.string(), status: v.string() })) })),
});

/** Runs some of the suite as `npm run test:conformance` does. @returns the rules that held and those that did not */
async function run(url: string, secret: string, titles: string): Promise<{ held: string[]; broken: string[] }> {
  const env = { ...process.env, CONFORMANCE_URL: url, CONFORMANCE_SHORT_URL: url, AUTH_SECRET: secret };
  const words = ["run", "--config", "vitest.conformance.config.ts", "visibility", "-t", titles, "--reporter=json"];
  const text = await new Promise<string>((resolve) => {
    execFile(process.execPath, [VITEST, ...words], { cwd: ROOT, env }, (_error, stdout) => resolve(stdout));
  });
  const results = v.parse(Report, JSON.parse(text.slice(text.indexOf("{"))));
  const all = results.testResults.flatMap((file) => file.assertionResults);
  const rulesOf = (status: string): string[] =>
    all.filter((one) => one.status === status).map((one) => /\[(\w+)\]/.exec(one.title)?.[1] ?? "");
  return { held: rulesOf("passed"), broken: rulesOf("failed") };
}

test("a server that does not keep a pause fails the rules of pauses, and no other", { timeout: 60_000 }, async () => {
  const secret = randomBytes(32).toString("base64url");
  const peer = await startClassic({
    redisServers: 1,
    servers: 1,
    settings: { AUTH_SECRET: secret },
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  onTestFinished(() => peer.close());
  const { held, broken } = await run(await withoutPauses(peer.url), secret, "VIS1|VIS4|VIS5|VIS7");
  expect(held).toEqual(["VIS1", "VIS1", "VIS7"]);
  expect(broken).toEqual(["VIS4", "VIS5"]);
});
