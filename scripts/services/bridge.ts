/**
 * The REST of Upstash in front of another Redis, as much of it as its client needs: `POST /`, `/pipeline` and `/multi-exec`
 * with a bearer token, replies in base64 for who asks. For tests and benches on one machine.
 */
import { timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import * as v from "valibot";
import type { RedisLike, Reply } from "./redis-like.ts";

const HOST = "127.0.0.1";
/** As Upstash's smallest plan. */
const BODY_MAX_BYTES = 1_000_000;

export interface Bridge {
  readonly url: string;
  readonly token: string;
  /** Commands that came in so far, and requests that carried them. */
  readonly counts: { commands: number; requests: number };
  /** Ends it; connections that are open are cut. */
  stop(): Promise<void>;
}

export interface BridgeOptions {
  readonly redis: RedisLike;
  readonly token: string;
  /** What becomes of a request before it is looked at; `true`: it is answered already, or never will be. */
  readonly meddle?: (response: ServerResponse) => boolean;
}

const Command = v.pipe(v.array(v.union([v.string(), v.number()])), v.minLength(1));
const Commands = v.array(Command);

/** @throws Error with a message for the client */
class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function startBridge({ redis, token, meddle = () => false }: BridgeOptions): Promise<Bridge> {
  const counts = { commands: 0, requests: 0 };
  const server = createServer((request, response) => {
    if (meddle(response)) return;
    answer(request, { redis, token, counts }).then(
      (body) => send(response, 200, body),
      (error: unknown) => send(response, error instanceof Refused ? error.status : 500, { error: messageOf(error) }),
    );
  });
  server.listen(0, HOST);
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the bridge has no port");
  return {
    url: `http://${HOST}:${address.port}`,
    token,
    counts,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

type Parts = Pick<BridgeOptions, "redis" | "token"> & Pick<Bridge, "counts">;

async function answer(request: IncomingMessage, { redis, token, counts }: Parts): Promise<unknown> {
  if (!isAuthorized(request, token)) throw new Refused(401, "Unauthorized");
  if (request.method !== "POST") throw new Refused(405, "only POST is served here");
  const body = parse(await read(request));
  const isBase64 = request.headers["upstash-encoding"] === "base64";
  const encode = (reply: Reply): unknown => (isBase64 ? toBase64(reply) : reply);
  counts.requests += 1;
  switch (request.url) {
    case "/":
      counts.commands += 1;
      return { result: encode(await redis.command(readCommand(body))) };
    case "/pipeline": {
      const commands = readCommands(body);
      counts.commands += commands.length;
      const replies: unknown[] = [];
      // One after the other: a later one may count on what an earlier one did.
      for (const command of commands) {
        replies.push(
          await redis.command(command).then(
            (reply) => ({ result: encode(reply) }),
            (error: unknown) => ({ error: messageOf(error) }),
          ),
        );
      }
      return replies;
    }
    case "/multi-exec": {
      const commands = readCommands(body);
      counts.commands += commands.length;
      return (await redis.transaction(commands)).map((reply) => ({ result: encode(reply) }));
    }
    default:
      throw new Refused(404, "there is nothing here");
  }
}

function isAuthorized({ headers }: IncomingMessage, token: string): boolean {
  const [given, wanted] = [Buffer.from(headers.authorization ?? ""), Buffer.from(`Bearer ${token}`)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError("a request without an encoding comes as bytes");
    bytes += chunk.length;
    if (bytes > BODY_MAX_BYTES) throw new Refused(413, `ERR max request size exceeded. Limit: ${BODY_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(400, "ERR failed to parse the body");
  }
}

function readCommand(body: unknown): string[] {
  const command = v.safeParse(Command, body);
  if (!command.success) throw new Refused(400, "ERR the body must be a command: an array of strings and numbers");
  return command.output.map(String);
}

function readCommands(body: unknown): string[][] {
  const commands = v.safeParse(Commands, body);
  if (!commands.success) throw new Refused(400, "ERR the body must be an array of commands");
  return commands.output.map((command) => command.map(String));
}

/** As Upstash: every text but the status of a command. */
function toBase64(reply: Reply): unknown {
  if (Array.isArray(reply)) return reply.map(toBase64);
  return typeof reply === "string" && reply !== "OK" ? Buffer.from(reply).toString("base64") : reply;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
