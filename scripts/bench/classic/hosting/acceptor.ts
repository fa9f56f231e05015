import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

/** Connections that wait to be accepted: making room for one takes a while where it is a process. */
const BACKLOG = 1_024;

/** Accepts connections and reads nothing from them: who gets one reads it from its first byte. */
export async function accept(port: number, host: string, take: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ pauseOnConnect: true, noDelay: true }, take);
  server.listen({ port, host, backlog: BACKLOG });
  await once(server, "listening");
  return server;
}
