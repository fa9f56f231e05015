import { once } from "node:events";
import { createServer } from "node:net";

const REASONS: Record<string, string> = {
  EADDRINUSE: "the port is in use",
  EACCES: "this user may not listen there",
  EADDRNOTAVAIL: "this machine does not have the address",
  ENOTFOUND: "the host name is unknown",
};

/**
 * The port to listen on: `port` itself, or a free one for 0. Throws when it cannot be had.
 * Asked before anything is built, so that a taken port is told at once and in plain words; and a free one is chosen
 * here, so that the runtime comes back on the same one after a crash.
 */
export async function claimPort(host: string, port: number): Promise<number> {
  const server = createServer();
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new Error(`cannot listen on ${host}:${port}: ${REASONS[code] ?? String(error)}`, { cause: error });
  }
  const address = server.address();
  const chosen = typeof address === "object" && address ? address.port : port;
  server.close();
  await once(server, "close");
  return chosen;
}
