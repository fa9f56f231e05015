/** A process that has started the classic design, for tests of what is left when it ends: prints the ids of its processes. */
import { startClassic } from "../../scripts/bench/classic/start.ts";

const ending = new AbortController();
const peer = await startClassic({
  redisServers: 1,
  servers: 2,
  settings: { AUTH_SECRET: process.env["AUTH_SECRET"] ?? "" },
  signal: ending.signal,
  onProgress: () => {},
});
process.on("SIGINT", () => {
  void peer.close().then(() => process.exit(0));
});
process.stdout.write(`${JSON.stringify(peer.pids().map(({ pid }) => pid))}\n`);
