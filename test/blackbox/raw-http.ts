import { randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { ANSWER_MS } from "./connection.ts";
import type { Target } from "./setup.ts";

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** What every upgrade request carries (RFC 6455, 4.1). */
export function upgradeHeaders(): Record<string, string> {
  return {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
  };
}

/**
 * One request with exactly this path and these headers: `fetch` would normalize the path and refuse to send `Upgrade`.
 * A socket that the server opens is dropped at once.
 */
export function rawRequest(
  target: Target,
  options: { method?: string; path: string; headers?: Record<string, string>; body?: string | Uint8Array },
): Promise<RawAnswer> {
  const base = new URL(target.url);
  const send = base.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const outgoing = send(
      {
        host: base.hostname,
        port: base.port,
        method: options.method ?? "GET",
        path: options.path,
        headers: options.headers ?? {},
        // A connection of its own: a kept one may be ended by the server at the moment it is used again.
        agent: false,
        timeout: ANSWER_MS,
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        // It never ends: the first event is the answer.
        if (response.headers["content-type"] === "text/event-stream") {
          response.once("data", () => outgoing.destroy());
          response.once("close", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
        }
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      },
    );
    outgoing.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: "" });
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer to ${options.path} in ${ANSWER_MS} ms`)));
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });
}
