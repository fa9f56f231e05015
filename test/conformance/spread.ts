import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Door {
  readonly url: string;
  close(): void;
}

/** One address in front of several servers: each connection goes to the next one, as behind a load balancer that knows nothing. */
export async function spread(urls: readonly string[]): Promise<Door> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer({ noDelay: true }, (client) => {
    const { hostname, port } = new URL(urls[count % urls.length] ?? "");
    count += 1;
    const upstream = connect({ host: hostname, port: Number(port), noDelay: true });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      // A reset of one side is the end of the other.
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroySoon();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
