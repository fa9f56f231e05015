/** The index of active friends as objects under test reach it: the REST of Upstash, played within the runtime. */
import { MemoryRedis } from "../../scripts/services/memory-redis.ts";

export type IndexFault = "refuses" | "hangs" | "garbage" | "forgets" | null;

export interface PlayedIndex {
  readonly redis: MemoryRedis;
  /** What happens to all questions from now on. `forgets`: entries are taken and dropped, and the rest is true. */
  fault: IndexFault;
  /** Requests that reached it, or would have. */
  requests: number;
  /** Commands that were carried out, in order: their names. */
  readonly commands: string[];
}

/** From now on what objects fetch is answered here; anything else but the index is refused. */
export function playIndex(): PlayedIndex {
  const index: PlayedIndex = { redis: new MemoryRedis(), fault: null, requests: 0, commands: [] };
  const play = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    if (request.url !== "http://127.0.0.1:1/index/pipeline") throw new Error(`nobody may fetch ${request.url}`);
    index.requests += 1;
    const commands: (string | number)[][] = await request.json();
    switch (index.fault) {
      case "refuses":
        return Response.json({ error: "ERR refused" }, { status: 503 });
      case "garbage":
        return Response.json([{ result: 17 }]);
      case "hangs":
        return new Promise((_resolve, reject) => {
          init?.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
        });
      case "forgets":
      case null:
        break;
    }
    const replies: { result: unknown }[] = [];
    for (const command of commands) {
      const words = command.map(String);
      index.commands.push(words[0] ?? "");
      const isDropped = index.fault === "forgets" && words[0] === "set";
      replies.push({ result: isDropped ? null : toBase64(await index.redis.command(words)) });
    }
    return Response.json(replies);
  };
  Reflect.set(globalThis, "fetch", play);
  return index;
}

function toBase64(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(toBase64);
  return typeof reply === "string" && reply !== "OK" ? btoa(reply) : reply;
}
