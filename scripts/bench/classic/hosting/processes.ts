/**
 * A process per connection. The parent accepts, forks, and hands the socket over (its descriptor travels over the channel); the
 * child is a whole server with one connection, its own connections to Redis and its own database handle, and ends with it.
 */
import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { join } from "node:path";
import * as v from "valibot";
import { accept } from "./acceptor.ts";
import type { Host, HostOptions } from "./model.ts";

const CHILD_FILE = join(import.meta.dirname, "connection-process.ts");
/** `node:sqlite` and the stripping of types announce themselves. */
const NODE_OPTIONS = ["--disable-warning=ExperimentalWarning"];

export const ToChild = v.variant("type", [
  v.object({
    type: v.literal("connection"),
    databaseFile: v.string(),
    redisUrls: v.array(v.string()),
    vars: v.record(v.string(), v.string()),
  }),
  v.object({ type: v.literal("ring"), redisUrls: v.array(v.string()) }),
]);
export type ToChild = v.InferOutput<typeof ToChild>;

export async function openProcesses(options: HostOptions): Promise<Host> {
  const children = new Set<ChildProcess>();
  let redisUrls = [...options.redisUrls];
  const take = (socket: Socket): void => {
    const child = fork(CHILD_FILE, [], { execArgv: NODE_OPTIONS, stdio: ["ignore", 2, 2, "ipc"] });
    children.add(child);
    child.on("error", options.onError);
    child.on("exit", () => children.delete(child));
    const { databaseFile, vars } = options;
    const message: ToChild = { type: "connection", databaseFile, redisUrls, vars: { ...vars } };
    // The parent's own descriptor is closed when the child has said that it has it.
    child.send(message, socket, (error) => error && options.onError(error));
  };
  const server = await accept(options.port, options.host, take);
  return {
    useServers: (urls) => {
      redisUrls = [...urls];
      const message: ToChild = { type: "ring", redisUrls };
      for (const child of children) if (child.connected) child.send(message, () => {});
      return Promise.resolve();
    },
    close: () => {
      server.close();
      // A closed channel is an order to end.
      for (const child of children) if (child.connected) child.disconnect();
    },
  };
}
