/** A server process with one connection; started by `openProcesses`. */
import { Socket } from "node:net";
import * as v from "valibot";
import { readSettings } from "../../../../src/settings.ts";
import { Peer } from "../peer.ts";
import { ToChild } from "./processes.ts";

let peer: Peer | undefined;

process.on("message", (raw: unknown, handle: unknown) => {
  const message = v.parse(ToChild, raw);
  if (message.type === "ring") void peer?.useServers(message.redisUrls);
  else if (handle instanceof Socket) void serve(message, handle);
  // The client has gone before the socket was here.
  else end();
});
process.on("disconnect", end);
// A signal of the terminal goes to the whole group; the parent is told when to end.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

async function serve(message: Extract<ToChild, { type: "connection" }>, socket: Socket): Promise<void> {
  socket.once("close", end);
  socket.on("error", () => {});
  const { databaseFile, redisUrls, vars } = message;
  peer = await Peer.open({
    origin: String(process.pid),
    settings: readSettings(vars),
    databaseFile,
    redisUrls,
    onError: note,
  });
  peer.http.emit("connection", socket);
  socket.resume();
}

function note(error: Error): void {
  process.stderr.write(`classic: ${error.message}\n`);
}

function end(): void {
  process.exit(0);
}
