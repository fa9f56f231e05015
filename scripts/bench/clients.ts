/** The sockets of a bench: opened a few at a time, each told what it receives without a copy. */
import { once } from "node:events";
import * as v from "valibot";
import { WebSocket } from "ws";
import { progress } from "../progress.ts";
import { inGroups } from "./groups.ts";

const OPEN_AT_ONCE = 50;
const OPEN_WAIT_MS = 10_000;

export interface Client {
  socket: WebSocket;
  /** What to do with a frame; the load changes it. */
  onFrame: (frame: Frame) => void;
}

const Frame = v.object({
  type: v.string(),
  code: v.optional(v.string()),
  count: v.optional(v.number()),
  friend: v.optional(v.object({ id: v.string(), ts: v.number() })),
  friends: v.optional(v.array(v.object({ id: v.string(), ts: v.number() }))),
});
export type Frame = v.InferOutput<typeof Frame>;

export interface Door {
  url: string;
  headers: Record<string, string>;
}

/** Opens one socket per door. `onFailure` hears of every socket that ends before `closeClients`. */
export async function openClients(doors: Door[], label: string, onFailure: (error: Error) => void): Promise<Client[]> {
  const bar = progress(`${label}: sockets`, doors.length);
  const clients = await inGroups(doors, OPEN_AT_ONCE, async ({ url, headers }) => {
    const socket = new WebSocket(url, { headers, perMessageDeflate: false });
    const client: Client = { socket, onFrame: () => {} };
    socket.on("message", (data: Buffer) => {
      const frame = v.parse(Frame, JSON.parse(data.toString("utf8")));
      if (frame.type === "error") onFailure(new Error(`${label}: the server refused a frame: ${frame.code}`));
      else client.onFrame(frame);
    });
    await once(socket, "open", { signal: AbortSignal.timeout(OPEN_WAIT_MS) });
    socket.on("error", onFailure);
    socket.on("close", (code) => onFailure(new Error(`${label}: a socket was closed with ${code}`)));
    bar.tick();
    return client;
  });
  bar.done();
  return clients;
}

export function closeClients(clients: Client[]): void {
  for (const { socket } of clients) {
    socket.removeAllListeners();
    socket.on("error", () => {});
    socket.terminate();
  }
}
